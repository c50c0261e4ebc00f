"""Export of a learned instrument to a DX7 voice: six envelopes are fitted to the levels that its network computes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ddx7.audio import Recording, resample
from ddx7.audio.features import HOP
from ddx7.engine import DEXED, Patch, Profile
from ddx7.engine.operators import OUTPUT_SCALE
from ddx7.errors import ArgumentError
from ddx7.resynthesis.envelope_fit import LevelCurve, NoteConditions, errors_db, fit_operator, moments, octaves_of
from ddx7.resynthesis.fm import MAX_OCTAVES
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.level_curves import (
    NoteGrid,
    audible_floor,
    dx7_structure,
    learned_notes,
    play_notes,
    recorded_notes,
)
from ddx7.resynthesis.level_tuning import RATE, tune_levels
from ddx7.resynthesis.playback import N_OPERATORS
from ddx7.resynthesis.voice_comparison import RecordedNotes, compare_voice
from ddx7.voice import Operator, Voice
from ddx7.voice.algorithms import CARRIERS

SLOWEST_RELEASE = 35
"""R4 of carriers: 60 dB in five seconds. Every note ends, even that of an instrument that never learned silence."""
_PHRASE_NOTES = 10


@dataclass(frozen=True, eq=False)
class ExportedVoice:
    """A DX7 voice made from a learned instrument.

    Attributes:
      voice: the result.
      fitted: the notes of the fit.
      phrase: other notes, a scale that grows and fades; with a recording, notes of the recording.
      octaves: log2 gains of the voice on the fitted notes, float32 [note, frame, 6].
      raised: octaves by which each operator of the voice is above the instrument's: the same for all carriers, 0 for
        modulators, float [6].
      fit_db: mean difference in dB of each operator's level from the instrument's where it is audible, before
        `tune_levels`; float [6].
    """

    voice: Voice
    fitted: RecordedNotes
    phrase: RecordedNotes
    octaves: Float[np.ndarray, "note frame 6"]
    raised: Float[np.ndarray, " 6"]
    fit_db: tuple[float, ...]


def export(
    instrument: Instrument,
    recording: Recording | None = None,
    *,
    name: str = "",
    attack_s: float = 0.06,
    release_s: float = 0.2,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> ExportedVoice:
    """Fit a voice to the operator levels of an instrument on many notes.

    Args:
      instrument: with an FM synthesizer.
      recording: gives the notes and their loudness contours; without one, notes over the whole learned range.
      name: of the voice, at most ten characters of the DX7's.
      attack_s: time in which the amplitude of a note rises, 0-10; without effect with a recording.
      release_s: time in which it falls by 60 dB, 0-10; with a recording, of notes that run into the next.
      seed: of the search, and of noise.
      progress: called with the name of each step.

    Raises:
      AudioError: the recording has no clear note.
      ArgumentError: a value is out of range.
      Ddx7Error: the instrument has no FM operators.
    """
    for what, seconds in (("attack", attack_s), ("release", release_s)):
        if not 0 <= seconds <= 10:
            raise ArgumentError(f"{what}: found {seconds:g} s, wanted 0 to 10")
    report = progress or (lambda _: None)
    voice = dx7_structure(instrument).voice.renamed(name)  # before the work, because a name may be wrong
    sounds, sounds_rate = None, RATE
    if recording is None:
        grid, phrase_grid = learned_notes(instrument, attack_s=attack_s, release_s=release_s)
    else:
        report("finding the notes of the recording")
        sounds_rate = min(recording.sample_rate, RATE)
        grid, sounds = recorded_notes(recording, instrument, release_s=release_s, sounds_rate=sounds_rate)
        phrase_grid = None
    report(f"playing {len(grid.notes)} notes with the instrument")
    played = play_notes(instrument, grid, seed)
    voice, raised, fit_db = fit_voice(played.octaves, grid, voice, seed=seed, progress=report)
    report("tuning output levels on the sound")
    voice = tune_levels(voice, grid, grid.cut(played.audio * _gain(raised)))
    report("comparing the sounds")
    fitted = compare_voice(voice, grid, played, sounds, sounds_rate)
    if phrase_grid is None:
        phrase = fitted[:_PHRASE_NOTES]
    else:
        phrase = compare_voice(voice, phrase_grid, play_notes(instrument, phrase_grid, seed))
    every = np.broadcast_to(np.arange(played.octaves.shape[1], dtype=np.int32), played.octaves.shape[:2])
    octaves = octaves_of(Patch.stack([voice])[0], _conditions(grid, every))
    return ExportedVoice(voice, fitted, phrase, np.moveaxis(octaves, 0, -1), raised, fit_db)


def fit_voice(
    octaves: Float[np.ndarray, "note frame 6"],
    grid: NoteGrid,
    voice: Voice,
    *,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    profile: Profile = DEXED,
) -> tuple[Voice, Float[np.ndarray, " 6"], tuple[float, ...]]:
    """The voice whose operators follow level curves best.

    All carriers get the same gain, which brings the loudest moment to full level. All envelopes end in silence.

    Args:
      octaves: log2 gains of OP1 to OP6 on each note, from key-on.
      grid: notes, velocities, times.
      voice: gives algorithm, frequencies and feedback; operators at output level 0 stay off.
      seed: of the search.
      progress: called with the name of each step.
      profile: gives the envelopes.

    Returns:
      (voice, gain of each operator in octaves [6], mean difference of each in dB [6]).
    """
    report = progress or (lambda _: None)
    frames = np.minimum(moments(grid.gates, grid.lengths), octaves.shape[1] - 1)
    floor = audible_floor(octaves, voice.algorithm)
    target, floor = (np.take_along_axis(x, frames[..., None], axis=1) for x in (octaves, floor))
    carriers = CARRIERS[voice.algorithm - 1] > 0
    raised = np.where(carriers, MAX_OCTAVES - octaves[..., carriers].max(), 0.0)
    conditions = _conditions(grid, frames, profile)
    loss = profile.at(grid.sample_rate).control.carrier_loss[voice.algorithm - 1]
    operators = []
    curves = [LevelCurve(target[..., op] + raised[op], floor[..., op] + raised[op]) for op in range(N_OPERATORS)]
    for op, operator in enumerate(voice.operators):
        fitted = Operator()
        if operator.output_level:
            report(f"fitting operator {op + 1}")
            fitted, _ = fit_operator(curves[op], conditions, seed, carrier_loss=float(loss[op]))
            if carriers[op]:
                fitted = replace(fitted, rates=(*fitted.rates[:3], max(fitted.rates[3], SLOWEST_RELEASE)))
        tuning = {name: getattr(operator, name) for name in ("fixed", "coarse", "fine", "detune")}
        operators.append(replace(fitted, **tuning))
    voice = replace(voice, operators=tuple(operators))
    written = octaves_of(Patch.stack([voice])[0], conditions) - loss[:, None, None]
    errors = [
        float(errors_db(written[op], curves[op])) if operators[op].output_level else 0.0 for op in range(N_OPERATORS)
    ]
    return voice, raised, tuple(errors)


def _gain(raised: np.ndarray) -> np.float32:
    """Gain that makes the instrument's sound as loud as the voice; only carriers are raised, or lowered."""
    return np.float32(2.0 ** raised[np.abs(raised).argmax()] * OUTPUT_SCALE)


def _conditions(grid: NoteGrid, frames: np.ndarray, profile: Profile = DEXED) -> NoteConditions:
    return NoteConditions(grid.notes, grid.velocities, grid.gates, frames, grid.sample_rate, profile)


def sound_of(exported: ExportedVoice) -> Float[np.ndarray, " sample"]:
    """The phrase, played by the instrument, then by the voice, at `RATE`; both as loud as a DX7 plays it."""
    phrase = exported.phrase
    rate = phrase.grid.sample_rate
    gain = _gain(exported.raised)
    parts = []
    for scale, audio, audio_rate in ((gain, phrase.model.audio, rate), (np.float32(1), phrase.voice_audio, RATE)):
        for sound, length in zip(audio, phrase.grid.lengths, strict=True):
            cut = resample(sound, audio_rate, RATE)[: round(length * HOP / rate * RATE)]
            parts.append(cut * scale)
        parts.append(np.zeros(RATE // 2, np.float32))
    return np.concatenate(parts[:-1])
