"""A match in one honest line: how near it came, and what is still off."""

from collections.abc import Sequence

from ddx7.inference.differences import differences as differences

VERDICTS = ((3.0, "very close"), (6.0, "same family"), (9.0, "roughly similar"))
FAR = "far off"


def verdict(distance_db: float) -> str:
    """A log-mel distance in words.

    Where the limits come from, for `ddx7.audio.log_mel_distance`. Of 100 voices from public collections at middle C,
    95 of 100 with a few small edits stay within 3 dB of themselves, and 2 of 100 voices taken at random. Near-copies in
    the same collections (a bank's variations on one voice): 58 within 3 dB, 75 within 6, 90 within 9; voices at random:
    2, 11 and 29. Recordings are further apart, since noise counts too: two of the same instrument on the same note, of
    any dynamics and articulation, 7.5 dB in the median of 143; a semitone apart 9.6; another instrument on the same
    note 10.9.

    >>> verdict(2.9), verdict(3.0), verdict(14.0)
    ('very close', 'same family', 'far off')
    """
    return next((words for limit, words in VERDICTS if distance_db < limit), FAR)


def describe(distance_db: float, differences: Sequence[str] = ()) -> str:
    """One line about a match.

    >>> describe(2.1, ["attack 30 ms slower", "vibrato missing"])
    '2.1 dB from the recording: very close; attack 30 ms slower, vibrato missing'
    """
    line = f"{distance_db:.1f} dB from the recording: {verdict(distance_db)}"
    return "; ".join([line, ", ".join(differences)] if differences else [line])
