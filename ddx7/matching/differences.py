"""Audible differences between two sounds, in the words of a sound designer.

Every comparison gives a number of steps, each of them just worth a word. Steps make the comparisons comparable, and
the largest difference comes first. One cause gets one phrase: where the noise differs, the balance of the tone alone
counts; where the octave is wrong, no balance counts.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ddx7.audio.descriptors import (
    FALL_DB,
    FLOOR_DB,
    HOP_S,
    OCTAVES_HZ,
    Modulation,
    OctaveBalance,
    fall_s,
    level_db,
    octaves,
    pitch,
    rise_s,
    steady,
    tremolo,
    vibrato,
)
from ddx7.audio.note import Note
from ddx7.audio.pitch import PitchEstimate
from ddx7.matching.phrases import NO_DIFFERENCE, Difference, Pair, degree, hertz, seconds
from ddx7.matching.tone_differences import (
    PITCHED,
    PartialDifference,
    clarity_difference,
    interval_cents,
    partial_difference,
    pitch_difference,
)

MOST_DIFFERENCES = 4

# One step of each difference: two or three times the smallest that trained listeners notice side by side. A match is
# never the same sound, and a named difference is to be worth an edit.
ATTACK_S, ATTACK_OCTAVES = 0.03, 0.6  # 1.5 times as long after adding 30 ms to both: shorter attacks sound alike
FALL_S, FALL_OCTAVES = 0.03, 0.5  # 1.4 times as long; recorded decays are not straight, so a smaller ratio is unsure
SUSTAIN_DB = 3.0
BALANCE_DB = 3.0  # in octaves; a smaller boost or cut is hard to notice on unknown material
NOISE_DB = 4.0  # estimates of noise in an octave differ by 2 dB from one draw to the next
VIBRATO_CENTS = 10.0  # half of a singer's narrow vibrato, more than the jitter of any held note
TREMOLO_DB = 1.5
LATE_S, BEGINS_DB = 0.04, -20.0  # a note is late from here on; it begins so far below its peak
MERGED_STEPS = 10.0  # one note for several is a large difference
NOTE_DB = 3.0  # from piano to mezzo-piano is about 5 dB

OFF_PITCH_CENTS = 300.0  # beyond this, octaves hold other partials, and their balance means nothing
ENVELOPE_S, ENVELOPE_PERIODS = 0.01, 1.5  # window of a level: short, but longer than a period
WINDOW_S, PERIODS = (0.09, 0.3), 8.0  # window of spectra: short for quick sounds, long for low ones
AFTER_S = 0.05  # end of an attack
GAP_S = 0.02  # keeps the window of a level out of the next note
SHORTEST_SPAN_S = 0.05  # of a note in a phrase; a note that begins sooner belongs to the one before, as in a chord
SILENCE = 1e-6  # peak, -120 dBFS
ABSENT = 1e-4  # power of a missing note, against the mean of the phrase
NOISE_FROM_HZ = 500.0  # partials below lie too close for valleys, and noise there is rumble
VALLEY_SHARE = 1 / 4  # of the way to the next partial; a wider vibrato leaves no valley
PARTLY = 0.5  # steps by which every octave of a range must differ
BOOMY_HZ = 250.0  # "boomy" is for the bass alone


def differences(
    target: np.ndarray,
    audio: np.ndarray,
    sample_rate: int,
    notes: Sequence[Note] = (),
    *,
    merged: int = 1,
    labels: Sequence[str] = (),
) -> tuple[str, ...]:
    """Name the audible differences of a sound from a target, the largest first.

    The levels of both do not matter.

    Args:
      target: the target, float [time], from its onset.
      audio: the other sound, float [time], from its note-on; cut or padded with silence to the length of `target`.
      sample_rate: of both, in Hz.
      notes: notes of a phrase, with onsets from the start of `target`; none for a single note.
      merged: notes of the recording that the other sound plays as one.
      labels: what to call each note; by default its time.

    Returns:
      at most four short phrases; none if there is no clear difference, or if the target is silent.
    """
    target, audio = (_unit(samples, len(target)) for samples in (target, audio))
    if not target.any():
        return ()
    if not audio.any():
        return ("no sound",)
    spans = _spans(len(target), sample_rate, notes)
    called = [f"note at {span.start / sample_rate:.1f} s" for span in spans]
    called = labels if len(labels) == len(spans) else called
    main = max(spans, key=lambda span: float(np.square(target[span]).sum()))
    pitches = Pair(pitch(target[main], sample_rate), pitch(audio[main], sample_rate))
    period_s = 1 / pitches.target.f0_hz if pitches.target.confidence >= PITCHED else 0.0

    window_s = max(ENVELOPE_S, ENVELOPE_PERIODS * period_s)
    whole = Pair(*(level_db(samples, sample_rate, window_s) for samples in (target, audio)))
    levels = [Pair(*(level[_frames(span, sample_rate)] for level in whole)) for span in spans]
    window_s = float(np.clip(PERIODS * period_s, *WINDOW_S))
    balance = Pair(*octaves((target, audio), sample_rate, window_s))
    strongest, its_levels = Pair(target[main], audio[main]), levels[spans.index(main)]
    vibratos = Pair(*(_vibrato(*of, sample_rate) for of in zip(strongest, pitches, its_levels, strict=True)))
    cents = interval_cents(pitches)
    noise = _noise(balance, _clear_below_hz(vibratos, pitches.target, sample_rate))
    clarity = clarity_difference(strongest, sample_rate, pitches)
    named = [
        pitch_difference(cents),
        clarity,
        _attack(levels),
        _decay(levels),
        _modulation("vibrato", "cents", VIBRATO_CENTS, vibratos),
        _modulation("tremolo", "dB", TREMOLO_DB, Pair(*map(_tremolo, its_levels))),
        *_loudness(target, audio, spans, called),
        _timing(levels, called) if len(spans) > 1 else NO_DIFFERENCE,
        Difference(MERGED_STEPS if merged > 1 else 0.0, f"{merged} notes played as one"),
        noise,
    ]
    if abs(cents) < OFF_PITCH_CENTS:
        partial = None
        if clarity.steps < 1:
            partial = partial_difference(strongest, its_levels, sample_rate, pitches)
        named += _balance(balance, partial, tone_only=noise.steps >= 1)
    named.sort(key=lambda difference: -difference.steps)
    return tuple(difference.text for difference in named[:MOST_DIFFERENCES] if difference.steps >= 1)


def _unit(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut or pad to a length, make finite, and scale to an RMS of 1; zeros for silence."""
    samples = np.nan_to_num(np.asarray(samples, np.float64)[:length], posinf=0.0, neginf=0.0)
    samples = np.pad(samples, (0, length - len(samples)))
    peak = np.abs(samples).max(initial=0.0)
    if peak < SILENCE:
        return np.zeros(length)
    return samples / peak / np.sqrt(np.mean(np.square(samples / peak)))


def _spans(length: int, sample_rate: int, notes: Sequence[Note]) -> list[slice]:
    """Samples of each note, up to just before the next one; all samples if there are no notes."""
    cuts = [0]
    for onset in sorted(round(note.onset_s * sample_rate) for note in notes):
        if min(onset - cuts[-1], length - onset) >= SHORTEST_SPAN_S * sample_rate:
            cuts.append(onset)
    gap = round(GAP_S * sample_rate)
    return [slice(start, stop - gap) for start, stop in pairwise([*cuts, length + gap])]


def _frames(span: slice, sample_rate: int) -> slice:
    """Frames of a level in a span of samples."""
    first, last = (round(edge / sample_rate / HOP_S) for edge in (span.start, span.stop))
    return slice(first, max(last, first + 1))


def _attack(levels: Sequence[Pair[np.ndarray]]) -> Difference:
    """Time to about half of the greatest amplitude."""
    target, estimate = (np.concatenate([rise_s(level) for level in side]) for side in zip(*levels, strict=True))
    octaves_slower = float(np.median(np.log2((estimate + ATTACK_S) / (target + ATTACK_S))))
    by = seconds(abs(float(np.median(estimate - target))))
    return Difference(
        abs(octaves_slower) / ATTACK_OCTAVES, f"attack {by} {'slower' if octaves_slower > 0 else 'faster'}"
    )


def _decay(levels: Sequence[Pair[np.ndarray]]) -> Difference:
    """Rate of the decay; or the level after the attack, if only that differs."""
    sustain = _sustain(levels)
    if sustain.steps >= 1:
        return sustain
    falls = np.concatenate([np.transpose([fall_s(target), fall_s(estimate), FALL_DB]) for target, estimate in levels])
    starts_s = np.concatenate([[[rise_s(level)[-1] for level in pair]] * len(FALL_DB) for pair in levels])
    ends_s = np.concatenate([[[HOP_S * len(level) for level in pair]] * len(FALL_DB) for pair in levels])
    known = np.minimum(falls[:, :2], ends_s - starts_s)
    longer = np.log2((known[:, 1] + FALL_S) / (known[:, 0] + FALL_S))
    # A later peak alone is no shorter decay: the sound also has to end sooner after the note-on.
    since_on = known + starts_s - starts_s.min(axis=1, keepdims=True)
    later = np.log2((since_on[:, 1] + FALL_S) / (since_on[:, 0] + FALL_S))
    longer = np.where(longer * later > 0, np.sign(longer) * np.minimum(np.abs(longer), np.abs(later)), 0.0)
    # A decay that the end of the sound cuts off takes an unknown longer time: it can only be the longer one of the two.
    endless = np.isinf(falls[:, :2])
    valid = np.flatnonzero(~endless.any(axis=1) | (endless[:, 0] & (longer < 0)) | (endless[:, 1] & (longer > 0)))
    valid = valid[~endless[valid].all(axis=1)]
    if not len(valid):
        return NO_DIFFERENCE
    order = valid[np.argsort(longer[valid])]
    middle = min(order[(len(order) - 1) // 2], order[len(order) // 2], key=lambda row: -abs(longer[row]))
    target, estimate = (
        f"{'more than ' if beyond else ''}{seconds(time)}"
        for beyond, time in zip(endless[middle], known[middle], strict=True)
    )
    how = "rings longer" if longer[middle] > 0 else "dies sooner"
    down = f"{-falls[middle, 2]:.0f} dB down after {estimate} instead of {target}"
    return Difference(abs(float(longer[middle])) / FALL_OCTAVES, f"{how} ({down})")


def _sustain(levels: Sequence[Pair[np.ndarray]]) -> Difference:
    """Level after the attack, if it differs by about the same amount all the time."""
    after = []
    for target, estimate in levels:
        start = int((max(rise_s(level)[-1] for level in (target, estimate)) + AFTER_S) / HOP_S)
        audible = (target >= target.max() + FALL_DB[1])[start:]
        after.append((estimate - estimate.max() - target + target.max())[start:][audible])
    louder = np.concatenate(after)
    if len(louder) * HOP_S < AFTER_S:
        return NO_DIFFERENCE
    low, db, high = np.quantile(louder, (0.1, 0.5, 0.9))
    if high - low > abs(db):
        return NO_DIFFERENCE
    return Difference(abs(db) / SUSTAIN_DB, f"{abs(db):.0f} dB {'louder' if db > 0 else 'quieter'} after the attack")


def _loudness(target: np.ndarray, audio: np.ndarray, spans: Sequence[slice], called: Sequence[str]) -> list[Difference]:
    """The note of a phrase whose level against the others differs most."""
    target_db, estimate_db = (
        10 * np.log10([np.mean(np.square(samples[span])) + ABSENT for span in spans]) for samples in (target, audio)
    )
    louder = estimate_db - target_db - np.median(estimate_db - target_db)
    worst = int(np.argmax(np.abs(louder)))
    db = float(louder[worst])
    text = f"{called[worst]} {abs(db):.0f} dB too {'loud' if db > 0 else 'soft'}"
    return [Difference(abs(db) / NOTE_DB, text)]


def _timing(levels: Sequence[Pair[np.ndarray]], called: Sequence[str]) -> Difference:
    """The note whose sound begins furthest from the target's; slow attacks are no matter of timing."""
    late_s = []
    for target, estimate in levels:
        begins = [HOP_S * int(np.argmax(level >= level.max() + BEGINS_DB)) for level in (target, estimate)]
        late_s.append(begins[1] - begins[0])
    worst = int(np.argmax(np.abs(late_s)))
    late = late_s[worst]
    text = f"{called[worst]} {seconds(abs(late))} {'late' if late > 0 else 'early'}"
    return Difference(abs(late) / LATE_S, text)


def _clear_below_hz(vibratos: Pair[Modulation | None], pitch: PitchEstimate, sample_rate: int) -> float:
    """Highest frequency whose valleys between partials show noise; a vibrato sweeps higher partials through them."""
    depth = max(vibrato.depth if vibrato else 0.0 for vibrato in vibratos)
    return min(sample_rate / 2, VALLEY_SHARE * pitch.f0_hz / (2 ** (depth / 1200) - 1) if depth else np.inf)


def _noise(balance: Pair[OctaveBalance], highest_hz: float) -> Difference:
    used = (OCTAVES_HZ[:-1] >= NOISE_FROM_HZ) & (OCTAVES_HZ[1:] <= highest_hz)
    if not used.any():
        return NO_DIFFERENCE
    target, estimate = (part.noise_db[used] for part in balance)
    db = float(np.median(estimate - target))
    steps = abs(db) / NOISE_DB
    if db > 0:
        return Difference(steps, f"{degree(steps)}noisy")
    missing = np.median(estimate) < FLOOR_DB + NOISE_DB
    return Difference(steps, "noise missing" if missing else f"noise {degree(steps)}weak")


def _balance(balance: Pair[OctaveBalance], partial: PartialDifference | None, *, tone_only: bool) -> list[Difference]:
    """The range of octaves with the largest deficit, the one with the largest excess, and a single partial."""
    target, estimate = ((part.tone_db if tone_only else part.all_db) for part in balance)
    louder = estimate - target
    if tone_only:
        masked = np.any([part.noise_db >= part.tone_db for part in balance], axis=0)
        louder = np.where(masked, 0.0, louder)
    used = np.flatnonzero(np.maximum(target, estimate) > FLOOR_DB + BALANCE_DB)
    of_partial = []
    if partial is not None and partial.difference.steps >= 1:
        of_partial = [partial.difference]
        if (louder[partial.octave] > 0) == partial.louder:
            louder = np.where(np.arange(len(louder)) == partial.octave, 0.0, louder)
    return of_partial + [
        Difference(steps, f"{degree(steps)}{_balance_word(low, high, used, too_much)}")
        for too_much in (False, True)
        for low, high, steps in [_range(louder * (1 if too_much else -1) / BALANCE_DB)]
    ]


def _range(steps: np.ndarray) -> tuple[int, int, float]:
    """Find the range of octaves that exceeds one step most in sum, and return its ends and its mean.

    Every octave of a range differs by at least `PARTLY` steps in the same direction.
    """
    runs = [(low, high) for low in range(len(steps)) for high in range(low + 1, len(steps) + 1)]
    runs = [run for run in runs if steps[slice(*run)].min() >= PARTLY or run[1] - run[0] == 1]
    low, high = max(runs, key=lambda run: float((steps[slice(*run)] - 1).sum()))
    return low, high, float(steps[low:high].mean())


def _balance_word(low: int, high: int, used: np.ndarray, too_much: bool) -> str:
    """Name a deficit or an excess in a range of octaves.

    Args:
      low: first octave.
      high: octave after the last.
      used: octaves that hold any sound.
      too_much: whether it is an excess.
    """
    low_hz, high_hz = hertz(OCTAVES_HZ[low]), hertz(OCTAVES_HZ[high])
    if high > used.max(initial=0):
        return f"{'bright' if too_much else 'dull'} above {low_hz}"
    if low <= used.min(initial=len(OCTAVES_HZ)):
        return f"{('boomy' if OCTAVES_HZ[high] <= BOOMY_HZ else 'strong') if too_much else 'thin'} below {high_hz}"
    return f"{'strong' if too_much else 'weak'} between {low_hz} and {high_hz}"


def _vibrato(samples: np.ndarray, pitch: PitchEstimate, level: np.ndarray, sample_rate: int) -> Modulation | None:
    """Vibrato of a note; None if it is too short or has no pitch."""
    frames = steady(level)
    if frames is None or pitch.confidence < PITCHED:
        return None
    first, last = (round(frame * HOP_S * sample_rate) for frame in (frames.start, frames.stop))
    return vibrato(samples[first:last], sample_rate, pitch.f0_hz)


def _tremolo(level: np.ndarray) -> Modulation | None:
    """Tremolo of a note; None if it is too short."""
    frames = steady(level)
    return tremolo(level[frames]) if frames else None


def _modulation(name: str, unit: str, step: float, pair: Pair[Modulation | None]) -> Difference:
    target, estimate = pair
    if target is None or estimate is None:
        return NO_DIFFERENCE
    steps = abs(estimate.depth - target.depth) / step
    if min(target, estimate).depth >= step:
        return Difference(steps, f"{name} too {'strong' if estimate.depth > target.depth else 'weak'}")
    deeper = max(target, estimate)
    phrase = f"{name} of {deeper.depth:.0f} {unit} at {deeper.rate_hz:.0f} Hz"
    return Difference(steps, f"{phrase} missing" if deeper is target else f"{phrase} added")
