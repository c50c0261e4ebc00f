"""The right pitch: voices whose sound is off by some cents or an octave are tuned to the recording."""

import numpy as np

from ddx7.audio import log_mel_distance
from ddx7.audio.pitch import cents_between, estimate_pitch
from ddx7.engine import DEXED
from ddx7.engine.pitch import FrequencyTables, log_frequency
from ddx7.engine.tables import ONE
from ddx7.matching.prior import columns
from ddx7.matching.target import CONFIDENT, RATE, Target

CLOSE_CENTS = 3.0  # what nobody hears, and no detune mends
HEARD_S = 1.0  # of a note: enough to name its pitch
WORSE_DB = 0.1  # that a voice may lose in distance by being tuned
_TRANSPOSE_CENTRE, _TRANSPOSE_REACH = 24, 24


def off_by_cents(sound: np.ndarray, target: Target) -> float:
    """How far the strongest note is from the recording's pitch, in cents; NaN if one of them has no clear pitch."""
    note = target.notes[target.chosen[0]]
    begin = round(note.onset_s * RATE)
    part = sound[begin : begin + round(min(note.gate_s, HEARD_S) * RATE)]
    if note.confidence < CONFIDENT or np.abs(part).max(initial=0.0) < 1e-5:
        return np.nan
    found = estimate_pitch(part, RATE) if len(part) > 0.02 * RATE else None
    if found is None or found.confidence < CONFIDENT:
        return np.nan
    return float(cents_between(found.f0_hz, note.f0_hz))


def tune_voice(vced: np.ndarray, sound: np.ndarray, target: Target) -> np.ndarray:
    """A voice at the recording's pitch.

    Args:
      vced: uint8 [155].
      sound: what it makes of the target's notes.
      target: the recording.

    Returns:
      uint8 [155]: the voice as it was if it is in tune, has no clear pitch, or came out further away when tuned.
    """
    off = off_by_cents(sound, target)
    if not abs(off) > CLOSE_CENTS:
        return vced
    tuned = transpose_voice(vced, -off, target.hands[target.chosen[0]].key, target.profile.frequencies)
    again = target.perform(tuned[None])[0]
    before, after = (log_mel_distance(target.sound, audio, RATE) for audio in (sound, again))
    return tuned if abs(off_by_cents(again, target)) < abs(off) and after < before + WORSE_DB else vced


def transpose_voice(
    vced: np.ndarray, cents: float, key: int, tables: FrequencyTables = DEXED.frequencies
) -> np.ndarray:
    """The voice higher by some cents on a key: whole semitones by transpose, the rest by coarse, fine and detune.

    Args:
      vced: uint8 [155].
      cents: how far, positive or negative.
      key: MIDI note on which it has to be exact; detune is a little more or less elsewhere.
      tables: of the profile that plays it.

    Returns:
      uint8 [155]; operators of fixed frequency stay as they are.
    """
    moved = vced.copy()
    where = {name: columns(name) for name in ("coarse", "fine", "detune", "fixed", "transpose")}
    semitones = int(np.clip(np.round(cents / 100), -_TRANSPOSE_REACH, _TRANSPOSE_REACH))
    [place] = where["transpose"]
    moved[place] = np.clip(int(vced[place]) + semitones, 0, 2 * _TRANSPOSE_CENTRE)
    rest = cents - 100 * (int(moved[place]) - int(vced[place]))
    sounding = key + int(moved[place]) - _TRANSPOSE_CENTRE
    coarse, fine, detune = (x.ravel() for x in np.meshgrid(np.arange(32), np.arange(100), np.arange(15), indexing="ij"))
    reachable = log_frequency(tables, sounding, 0, coarse, fine, detune - 7).total()
    for operator in range(len(where["coarse"])):
        c, f, d, fixed = (where[name][operator, 0] for name in ("coarse", "fine", "detune", "fixed"))
        if vced[fixed]:
            continue
        now = log_frequency(tables, sounding, 0, int(vced[c]), int(vced[f]), int(vced[d]) - 7).total()
        wrong_cents = np.abs(reachable - (now + rest / 1200 * ONE)) / ONE * 1200
        # Of settings as good as each other the one that keeps most of the old one's detune, and so its beating.
        best = int(np.argmin(np.maximum(wrong_cents, 0.5) + 0.05 * np.abs(detune - int(vced[d]))))
        moved[[c, f, d]] = coarse[best], fine[best], detune[best]
    return moved
