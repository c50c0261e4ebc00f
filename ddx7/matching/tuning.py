"""Tuning: voices whose pitch is off by some cents or an octave are brought to the pitch of the recording."""

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.audio import Note
from ddx7.audio.pitch import cents_between, estimate_pitch
from ddx7.engine import DEXED
from ddx7.engine.pitch import FrequencyTables, log_frequency
from ddx7.engine.tables import ONE
from ddx7.matching.held import NOTHING_HELD, HeldParts
from ddx7.matching.target import CONFIDENT, RATE, Target
from ddx7.matching.vced import columns

CLOSE_CENTS = 3.0  # inaudible, and finer than a step of detune can correct
MEASURED_S = 1.0  # of a note: enough for its pitch
WORSE = 0.1  # perceptual distance that a voice may lose by being tuned
_TRANSPOSE_CENTRE, _TRANSPOSE_REACH = 24, 24


def pitch_error_cents(audio: Float[np.ndarray, " sample"], note: Note, sample_rate: int = RATE) -> float:
    """Pitch of a rendered note against the recorded one.

    Args:
      audio: all notes of the recording, rendered.
      note: the recorded note, with its onset in `audio`.
      sample_rate: of `audio`, in Hz.

    Returns:
      cents, positive where the rendered note is sharp; NaN if one of them has no clear pitch.
    """
    begin = round(note.onset_s * sample_rate)
    part = audio[begin : begin + round(min(note.gate_s, MEASURED_S) * sample_rate)]
    if note.confidence < CONFIDENT or np.abs(part).max(initial=0.0) < 1e-5:
        return np.nan
    pitch = estimate_pitch(part, sample_rate) if len(part) > 0.02 * sample_rate else None
    if pitch is None or pitch.confidence < CONFIDENT:
        return np.nan
    return float(cents_between(pitch.f0_hz, note.f0_hz))


def tune_voice(
    vced: UInt8[np.ndarray, " 155"],
    audio: Float[np.ndarray, " sample"],
    distance: float | int,
    target: Target,
    held: HeldParts = NOTHING_HELD,
) -> UInt8[np.ndarray, " 155"]:
    """Tune a voice to the recording.

    Args:
      vced: the voice.
      audio: the target's notes, rendered by it.
      distance: perceptual distance of the voice from the target.
      target: the recording.
      held: parts of the voice that stay.

    Returns:
      the tuned voice; the voice as it was if it is in tune, has no clear pitch, or is further away when tuned.
    """
    note = target.notes[target.chosen[0]]
    error = pitch_error_cents(audio, note)
    if not abs(error) > CLOSE_CENTS:
        return vced
    tuned = held.hold(transpose_voice(vced, -error, target.events[target.chosen[0]].note, target.profile.frequencies))
    tuned_audio = target.render(tuned[None])
    [tuned_distance] = target.objective().distances(tuned[None])
    nearer = abs(pitch_error_cents(tuned_audio[0], note)) < abs(error)
    return tuned if nearer and tuned_distance < distance + WORSE else vced


def transpose_voice(
    vced: UInt8[np.ndarray, " 155"], cents: float | int, note: int, tables: FrequencyTables = DEXED.frequencies
) -> UInt8[np.ndarray, " 155"]:
    """Raise the pitch of a voice: whole semitones by transpose, the rest by coarse, fine and detune.

    Args:
      vced: the voice.
      cents: positive or negative.
      note: MIDI note on which the pitch is exact; detune varies over the keyboard.
      tables: frequency tables of the engine profile.

    Returns:
      the transposed voice; operators of fixed frequency stay as they are.
    """
    moved = vced.copy()
    where = {name: columns(name) for name in ("coarse", "fine", "detune", "fixed", "transpose")}
    semitones = int(np.clip(np.round(cents / 100), -_TRANSPOSE_REACH, _TRANSPOSE_REACH))
    [place] = where["transpose"]
    moved[place] = np.clip(int(vced[place]) + semitones, 0, 2 * _TRANSPOSE_CENTRE)
    rest = cents - 100 * (int(moved[place]) - int(vced[place]))
    sounding = note + int(moved[place]) - _TRANSPOSE_CENTRE
    coarse, fine, detune = (x.ravel() for x in np.meshgrid(np.arange(32), np.arange(100), np.arange(15), indexing="ij"))
    reachable = log_frequency(tables, sounding, 0, coarse, fine, detune - 7).total()
    for operator in range(len(where["coarse"])):
        c, f, d, fixed = (where[name][operator, 0] for name in ("coarse", "fine", "detune", "fixed"))
        if vced[fixed]:
            continue
        now = log_frequency(tables, sounding, 0, int(vced[c]), int(vced[f]), int(vced[d]) - 7).total()
        error_cents = np.abs(reachable - (now + rest / 1200 * ONE)) / ONE * 1200
        # Among equally good settings the one nearest to the old detune keeps the beating of the operators.
        best = int(np.argmin(np.maximum(error_cents, 0.5) + 0.05 * np.abs(detune - int(vced[d]))))
        moved[[c, f, d]] = coarse[best], fine[best], detune[best]
    return moved
