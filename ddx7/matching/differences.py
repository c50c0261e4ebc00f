"""What is off in a sound that was meant to be another, as one would say it to a sound designer.

Every comparison gives a number of steps, each just worth a word; these make them comparable, and the largest is named
first. One cause should get one phrase: where noise differs, brightness is judged on the tone alone; where the octave is
wrong, it is not judged at all.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

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
from ddx7.audio.pitch import PitchEstimate, cents_between

T = TypeVar("T")

MOST = 4  # a line of words, not a list

# One step of each difference. Most are two or three times what trained ears just notice side by side: a match is never
# the same sound, and what is named should be worth an edit.
CENTS = 10.0  # a chorus; detune on a DX7 cannot mend much less
CLARITY = 0.2  # of the confidence of a pitch
ATTACK_S, ATTACK_OCTAVES = 0.03, 0.6  # half as long again, with this added to both: below it, all attacks are strikes
FALL_S, FALL_OCTAVES = 0.03, 0.5  # 1.4 times as long; recorded decays are not straight, so less is not sure
SUSTAIN_DB = 3.0
BALANCE_DB = 3.0  # in octaves; a tone control of less is hard to hear on unknown material
NOISE_DB = 4.0  # estimates of noise in an octave differ by 2 dB from one draw to the next
VIBRATO_CENTS = 10.0  # half of a singer's narrow vibrato, more than the jitter of any held note
TREMOLO_DB = 1.5
NOTE_DB = 3.0  # from piano to mezzo-piano is about 5

PITCHED = 0.4  # confidence of a pitch below which there is none, as `estimate_pitch` says
SURE = 0.7  # and from which one may be called wrong; bells and noisy basses stay below
NAMED_CENTS = 90.0  # from here on an interval has a name
OFF_KEY_CENTS = 300.0  # beyond this octaves hold other partials, and to call one dull would be wrong
ENVELOPE_S, ENVELOPE_PERIODS = 0.01, 1.5  # window of a level: quick, but it must not follow the wave
WINDOW_S, PERIODS = (0.09, 0.3), 8.0  # of spectra: short for quick sounds, long enough for low ones
AFTER_S = 0.05  # where an attack is over
GAP_S = 0.02  # the window of a level must not reach into the next note
SHORTEST_SPAN_S = 0.05  # of a phrase: what begins sooner after a note belongs to it, as in a chord
SILENCE = 1e-6  # peak, -120 dBFS
ABSENT = 1e-4  # power of a note that is not there, under the mean of the phrase
NOISE_FROM_HZ = 500.0  # below, partials lie too close for valleys, and noise is rumble
VALLEY_SHARE = 1 / 4  # of the way to the next partial; a vibrato that goes further leaves no valley
PARTLY = 0.5  # steps by which every octave of a range must be off
BOOMY_HZ = 250.0  # only bass booms
LITTLE, VERY = 2.0, 4.0  # steps

T = TypeVar("T")


class Pair(NamedTuple, Generic[T]):
    """The same thing of both sounds."""

    wanted: T
    found: T


class Difference(NamedTuple):
    """One thing that is off.

    Attributes:
      steps: how far, in units that are each just worth a word.
      text: a short phrase.
    """

    steps: float
    text: str


NOTHING = Difference(0.0, "")


def differences(target: np.ndarray, audio: np.ndarray, sample_rate: int, notes: Sequence[Note] = ()) -> tuple[str, ...]:
    """What is off in a sound that was meant to be another, strongest first.

    The level of either does not matter.

    Args:
      target: the wanted sound, float [time], from its onset.
      audio: the found one, from its key-down; cut, or continued with silence, to the length of `target`.
      sample_rate: of both, in Hz.
      notes: of a phrase, with onsets from the start of `target`; none for a single note.

    Returns:
      at most `MOST` short phrases; none where nothing is clearly off, or where there is no sound to compare with.
    """
    target, audio = (_unit(samples, len(target)) for samples in (target, audio))
    if not target.any():
        return ()
    if not audio.any():
        return ("no sound",)
    spans = _spans(len(target), sample_rate, notes)
    main = max(spans, key=lambda span: float(np.square(target[span]).sum()))
    pitches = Pair(pitch(target[main], sample_rate), pitch(audio[main], sample_rate))
    period_s = 1 / pitches.wanted.f0_hz if pitches.wanted.confidence >= PITCHED else 0.0

    window_s = max(ENVELOPE_S, ENVELOPE_PERIODS * period_s)
    whole = Pair(*(level_db(samples, sample_rate, window_s) for samples in (target, audio)))
    levels = [Pair(*(level[_frames(span, sample_rate)] for level in whole)) for span in spans]
    window_s = float(np.clip(PERIODS * period_s, *WINDOW_S))
    balance = Pair(*octaves((target, audio), sample_rate, window_s))
    vibratos = Pair(
        *(
            _vibrato(*of, sample_rate)
            for of in zip((target[main], audio[main]), pitches, levels[spans.index(main)], strict=True)
        )
    )
    cents = _cents(pitches)
    noise = _noise(balance, _clear_below_hz(vibratos, pitches.wanted, sample_rate))
    found = [
        _pitch(cents),
        _clarity(pitches),
        _attack(levels),
        _fade(levels),
        _wobble("vibrato", "cents", VIBRATO_CENTS, vibratos),
        _wobble("tremolo", "dB", TREMOLO_DB, Pair(*map(_tremolo, levels[spans.index(main)]))),
        *_loudness(target, audio, spans, sample_rate),
        noise,
    ]
    if abs(cents) < OFF_KEY_CENTS:
        found += _balance(balance, tone_only=noise.steps >= 1)
    found.sort(key=lambda difference: -difference.steps)
    return tuple(difference.text for difference in found[:MOST] if difference.steps >= 1)


def _unit(samples: np.ndarray, length: int) -> np.ndarray:
    """So many samples, finite, at an RMS of 1; zeros for silence."""
    samples = np.nan_to_num(np.asarray(samples, np.float64)[:length], posinf=0.0, neginf=0.0)
    samples = np.pad(samples, (0, length - len(samples)))
    peak = np.abs(samples).max(initial=0.0)
    if peak < SILENCE:
        return np.zeros(length)
    return samples / peak / np.sqrt(np.mean(np.square(samples / peak)))


def _spans(length: int, sample_rate: int, notes: Sequence[Note]) -> list[slice]:
    """Samples of each note, up to just before the next; all of them where there are no notes."""
    cuts = [0]
    for onset in sorted(round(note.onset_s * sample_rate) for note in notes):
        if min(onset - cuts[-1], length - onset) >= SHORTEST_SPAN_S * sample_rate:
            cuts.append(onset)
    gap = round(GAP_S * sample_rate)
    return [slice(start, stop - gap) for start, stop in pairwise([*cuts, length + gap])]


def _frames(span: slice, sample_rate: int) -> slice:
    """The frames of a level that lie in a span of samples."""
    first, last = (round(edge / sample_rate / HOP_S) for edge in (span.start, span.stop))
    return slice(first, max(last, first + 1))


def _cents(pitches: Pair[PitchEstimate]) -> float:
    """How much too high the found pitch is; 0 where one of them is not clear."""
    if min(pitch.confidence for pitch in pitches) < SURE:
        return 0.0
    return float(cents_between(pitches.found.f0_hz, pitches.wanted.f0_hz))


def _pitch(cents: float) -> Difference:
    if abs(cents) < NAMED_CENTS:
        return Difference(abs(cents) / CENTS, f"{abs(cents):.0f} cents {'sharp' if cents > 0 else 'flat'}")
    semitones = round(abs(cents) / 100)
    interval = {12: "an octave", 24: "two octaves"}.get(semitones, f"{semitones} semitones")
    return Difference(abs(cents) / CENTS, f"{interval} too {'high' if cents > 0 else 'low'}")


def _clarity(pitches: Pair[PitchEstimate]) -> Difference:
    wanted, found = (pitch.confidence for pitch in pitches)
    if min(wanted, found) >= PITCHED or max(wanted, found) < SURE:
        return NOTHING
    return Difference(abs(found - wanted) / CLARITY, "no clear pitch" if found < wanted else "pitch too clear")


def _attack(levels: Sequence[Pair[np.ndarray]]) -> Difference:
    """How long it takes to about half of the greatest amplitude."""
    wanted, found = (np.concatenate([rise_s(level) for level in side]) for side in zip(*levels, strict=True))
    octaves_slower = float(np.median(np.log2((found + ATTACK_S) / (wanted + ATTACK_S))))
    by = _seconds(abs(float(np.median(found - wanted))))
    return Difference(
        abs(octaves_slower) / ATTACK_OCTAVES, f"attack {by} {'slower' if octaves_slower > 0 else 'faster'}"
    )


def _fade(levels: Sequence[Pair[np.ndarray]]) -> Difference:
    """How fast the sound dies away; or, where it only keeps another distance from its attack, that distance."""
    sustain = _sustain(levels)
    if sustain.steps >= 1:
        return sustain
    falls = np.concatenate([np.transpose([fall_s(wanted), fall_s(found), FALL_DB]) for wanted, found in levels])
    rooms = np.concatenate(
        [[[HOP_S * (len(level) - np.argmax(level)) for level in pair]] * len(FALL_DB) for pair in levels]
    )
    known = np.minimum(falls[:, :2], rooms)
    longer = np.log2((known[:, 1] + FALL_S) / (known[:, 0] + FALL_S))
    # What the end of the sound cuts off may take any longer time, so only that it is the longer one can be said.
    endless = np.isinf(falls[:, :2])
    told = np.flatnonzero(~endless.any(axis=1) | (endless[:, 0] & (longer < 0)) | (endless[:, 1] & (longer > 0)))
    told = told[~endless[told].all(axis=1)]
    if not len(told):
        return NOTHING
    order = told[np.argsort(longer[told])]
    middle = min(order[(len(order) - 1) // 2], order[len(order) // 2], key=lambda row: -abs(longer[row]))
    wanted, found = (
        f"{'more than ' if beyond else ''}{_seconds(time)}"
        for beyond, time in zip(endless[middle], known[middle], strict=True)
    )
    how = "rings longer" if longer[middle] > 0 else "dies sooner"
    down = f"{-falls[middle, 2]:.0f} dB down after {found} instead of {wanted}"
    return Difference(abs(float(longer[middle])) / FALL_OCTAVES, f"{how} ({down})")


def _sustain(levels: Sequence[Pair[np.ndarray]]) -> Difference:
    """By how much the sound stays further under its attack, or nearer to it, if by the same amount all the time."""
    after = []
    for wanted, found in levels:
        start = int(max(np.argmax(wanted), np.argmax(found)) + AFTER_S / HOP_S)
        heard = (wanted >= wanted.max() + FALL_DB[1])[start:]
        after.append((found - found.max() - wanted + wanted.max())[start:][heard])
    louder = np.concatenate(after)
    if len(louder) * HOP_S < AFTER_S:
        return NOTHING
    low, db, high = np.quantile(louder, (0.1, 0.5, 0.9))
    if high - low > abs(db):
        return NOTHING
    return Difference(abs(db) / SUSTAIN_DB, f"{abs(db):.0f} dB {'louder' if db > 0 else 'quieter'} after the attack")


def _loudness(target: np.ndarray, audio: np.ndarray, spans: Sequence[slice], sample_rate: int) -> list[Difference]:
    """The note of a phrase that stands out most, or least."""
    wanted, found = (
        10 * np.log10([np.mean(np.square(samples[span])) + ABSENT for span in spans]) for samples in (target, audio)
    )
    louder = found - wanted - np.median(found - wanted)
    worst = int(np.argmax(np.abs(louder)))
    db = float(louder[worst])
    text = f"note at {spans[worst].start / sample_rate:.1f} s {abs(db):.0f} dB too {'loud' if db > 0 else 'soft'}"
    return [Difference(abs(db) / NOTE_DB, text)]


def _clear_below_hz(vibratos: Pair[Modulation | None], pitch: PitchEstimate, sample_rate: int) -> float:
    """Up to where valleys between partials can show noise: above, a vibrato sweeps the partials through them."""
    depth = max(vibrato.depth if vibrato else 0.0 for vibrato in vibratos)
    return min(sample_rate / 2, VALLEY_SHARE * pitch.f0_hz / (2 ** (depth / 1200) - 1) if depth else np.inf)


def _noise(balance: Pair[OctaveBalance], highest_hz: float) -> Difference:
    heard = (OCTAVES_HZ[:-1] >= NOISE_FROM_HZ) & (OCTAVES_HZ[1:] <= highest_hz)
    if not heard.any():
        return NOTHING
    wanted, found = (part.noise_db[heard] for part in balance)
    db = float(np.median(found - wanted))
    steps = abs(db) / NOISE_DB
    if db > 0:
        return Difference(steps, f"{_degree(steps)}noisy")
    gone = np.median(found) < FLOOR_DB + NOISE_DB
    return Difference(steps, "noise missing" if gone else f"noise {_degree(steps)}weak")


def _balance(balance: Pair[OctaveBalance], *, tone_only: bool) -> list[Difference]:
    """The range of octaves that lacks most, and the one that has most in excess."""
    wanted, found = ((part.tone_db if tone_only else part.all_db) for part in balance)
    louder = found - wanted
    if tone_only:
        drowned = np.any([part.noise_db >= part.tone_db for part in balance], axis=0)
        louder = np.where(drowned, 0.0, louder)
    used = np.flatnonzero(np.maximum(wanted, found) > FLOOR_DB + BALANCE_DB)
    return [
        Difference(steps, f"{_degree(steps)}{_colour(low, high, used, too_much)}")
        for too_much in (False, True)
        for low, high, steps in [_range(louder * (1 if too_much else -1) / BALANCE_DB)]
    ]


def _range(steps: np.ndarray) -> tuple[int, int, float]:
    """First octave, the one after the last, and mean of the stretch that exceeds one step most in sum.

    No octave in it may be right, or wrong the other way.
    """
    runs = [(low, high) for low in range(len(steps)) for high in range(low + 1, len(steps) + 1)]
    runs = [run for run in runs if steps[slice(*run)].min() >= PARTLY or run[1] - run[0] == 1]
    low, high = max(runs, key=lambda run: float((steps[slice(*run)] - 1).sum()))
    return low, high, float(steps[low:high].mean())


def _colour(low: int, high: int, used: np.ndarray, too_much: bool) -> str:
    """What a designer calls too little, or too much, in some octaves.

    Args:
      low: the first of them.
      high: the one after the last.
      used: octaves in which there is any sound.
      too_much: or too little.
    """
    low_hz, high_hz = _hz(OCTAVES_HZ[low]), _hz(OCTAVES_HZ[high])
    if high > used.max(initial=0):
        return f"{'bright' if too_much else 'dull'} above {low_hz}"
    if low <= used.min(initial=len(OCTAVES_HZ)):
        return f"{('boomy' if OCTAVES_HZ[high] <= BOOMY_HZ else 'strong') if too_much else 'thin'} below {high_hz}"
    return f"{'strong' if too_much else 'weak'} between {low_hz} and {high_hz}"


def _vibrato(samples: np.ndarray, pitch: PitchEstimate, level: np.ndarray, sample_rate: int) -> Modulation | None:
    """Vibrato of a note; None where it is too short, or has no pitch."""
    frames = steady(level)
    if frames is None or pitch.confidence < PITCHED:
        return None
    first, last = (round(frame * HOP_S * sample_rate) for frame in (frames.start, frames.stop))
    return vibrato(samples[first:last], sample_rate, pitch.f0_hz)


def _tremolo(level: np.ndarray) -> Modulation | None:
    """Tremolo of a note; None where it is too short."""
    frames = steady(level)
    return tremolo(level[frames]) if frames else None


def _wobble(name: str, unit: str, step: float, wobbles: Pair[Modulation | None]) -> Difference:
    wanted, found = wobbles
    if wanted is None or found is None:
        return NOTHING
    steps = abs(found.depth - wanted.depth) / step
    if min(wanted, found).depth >= step:
        return Difference(steps, f"{name} too {'strong' if found.depth > wanted.depth else 'weak'}")
    heard = max(wanted, found)
    what = f"{name} of {heard.depth:.0f} {unit} at {heard.rate_hz:.0f} Hz"
    return Difference(steps, f"{what} missing" if heard is wanted else f"{what} added")


def _degree(steps: float) -> str:
    return "a little " if steps < LITTLE else "very " if steps > VERY else ""


def _hz(f_hz: float) -> str:
    return f"{f_hz / 1000:g} kHz" if f_hz >= 1000 else f"{f_hz:g} Hz"


def _seconds(seconds: float) -> str:
    """Two digits, in milliseconds below 1 s."""
    if seconds >= 0.995:
        return f"{seconds:.1f} s"
    return f"{float(f'{1000 * seconds:.2g}'):.0f} ms"
