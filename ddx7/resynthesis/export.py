"""From a learned instrument to a DX7 voice: a DX7 has no network, but six envelopes that can be fitted to one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float

from ddx7.audio import Recording, resample
from ddx7.audio.features import HOP
from ddx7.engine import DEXED, Patch, Profile
from ddx7.engine.operators import OUTPUT_SCALE
from ddx7.errors import Ddx7Error
from ddx7.resynthesis.envelope_fit import LevelCurve, NoteConditions, errors_db, fit_operator, moments, octaves_of
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.level_curves import (
    LevelCurves,
    NoteGrid,
    audible_floor,
    learned_notes,
    play_notes,
    recorded_notes,
)
from ddx7.resynthesis.level_tuning import RATE, distances, play_voices, tune_levels
from ddx7.voice import Operator, Voice
from ddx7.voice.algorithms import CARRIERS

FULL_OCTAVES = 1.0
"""Log2 gain at output level 99."""
SLOWEST_RELEASE = 35
"""R4 of carriers: 60 dB in five seconds. Every note has to end, also of an instrument that never learned silence."""
_PHRASE_NOTES = 10
_INIT = Operator()


@dataclass(frozen=True, eq=False)
class RecordedNotes:
    """Notes as the instrument, the voice and perhaps a recording play them.

    Attributes:
      notes: what is played.
      model: by the instrument.
      voice_audio: by the voice, at `RATE`, float32 [note, sample].
      voice_db: log-mel distance of the voice from the instrument on each note, both at the instrument's rate.
      same_rate_db: the same where the engine runs at the instrument's rate, too.
      recording_db: distance of the voice from the recording's notes; None without a recording.
      model_recording_db: distance of the instrument from them, to compare with.
    """

    notes: NoteGrid
    model: LevelCurves
    voice_audio: Float[np.ndarray, "note sample"]
    voice_db: Float[np.ndarray, " note"]
    same_rate_db: Float[np.ndarray, " note"]
    recording_db: Float[np.ndarray, " note"] | None = None
    model_recording_db: Float[np.ndarray, " note"] | None = None

    def __getitem__(self, index: slice) -> Self:
        """Some of the notes."""
        model = LevelCurves(self.model.octaves[index], self.model.audio[index])
        columns = {name: getattr(self, name) for name in ("recording_db", "model_recording_db")}
        return replace(
            self,
            notes=self.notes[index],
            model=model,
            voice_audio=self.voice_audio[index],
            voice_db=self.voice_db[index],
            same_rate_db=self.same_rate_db[index],
            **{name: None if values is None else values[index] for name, values in columns.items()},
        )


@dataclass(frozen=True, eq=False)
class ExportedVoice:
    """A DX7 voice made from a learned instrument.

    Attributes:
      voice: to be written.
      fitted: the notes that it was fitted to.
      phrase: other notes, a scale that grows and fades; notes of the recording where one was given.
      octaves: log2 gains of the voice on the fitted notes, float32 [note, frame, 6].
      raised: octaves that each operator of the voice is meant to be above the instrument's: the same for all carriers,
        0 for modulators, float [6].
      fit_db: mean difference in dB of each operator's level from the instrument's where it is heard, float [6]; before
        output levels were set by ear.
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
    """Fit a voice to what an instrument does on many notes.

    Args:
      instrument: of FM.
      recording: whose notes and their loudness contours are played; without one, notes all over what was learned.
      name: of the voice, at most ten characters of the DX7's.
      attack_s: how long the amplitude of notes rises, 0-10; of no effect with a recording.
      release_s: how long it takes to fall by 60 dB, 0-10; with a recording of notes that run into the next.
      seed: of the search, and of noise.
      progress: told what is being done.

    Raises:
      AudioError: no note is found in the recording.
      Ddx7Error: the instrument has no FM operators, or a value is out of range.
    """
    for what, seconds in (("attack", attack_s), ("release", release_s)):
        if not 0 <= seconds <= 10:
            raise Ddx7Error(f"{what}: found {seconds:g} s, wanted 0 to 10")
    tell = progress or (lambda _: None)
    synth = instrument.model.synth
    if not isinstance(synth, FmSynth):
        raise Ddx7Error("the instrument plays harmonics and noise, which no DX7 voice can hold; wanted one of FM")
    structure = synth.structure.voice.renamed(name)  # a wrong name is told before the work
    sounds = None
    if recording is None:
        notes, phrase = learned_notes(instrument, attack_s=attack_s, release_s=release_s)
    else:
        tell("listening to the recording")
        notes, sounds = recorded_notes(recording, instrument, release_s=release_s)
        phrase = None
    tell(f"playing {len(notes.keys)} notes with the instrument")
    played = play_notes(instrument, notes, seed)
    voice, raised, fit_db = fit_voice(played.octaves, notes, structure, seed=seed, progress=tell)
    tell("setting levels by ear")
    voice = tune_levels(voice, notes, notes.cut(played.audio * _gain(raised)))
    tell("listening to the voice")
    fitted = _hear(voice, notes, played, sounds)
    if phrase is None:
        heard = fitted[:_PHRASE_NOTES]
    else:
        heard = _hear(voice, phrase, play_notes(instrument, phrase, seed), None)
    every = np.broadcast_to(np.arange(played.octaves.shape[1], dtype=np.int32), played.octaves.shape[:2])
    octaves = octaves_of(Patch.stack([voice])[0], _hands(notes, every))
    return ExportedVoice(voice, fitted, heard, np.moveaxis(octaves, 0, -1), raised, fit_db)


def fit_voice(
    octaves: Float[np.ndarray, "note frame 6"],
    notes: NoteGrid,
    voice: Voice,
    *,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    profile: Profile = DEXED,
) -> tuple[Voice, Float[np.ndarray, " 6"], tuple[float, ...]]:
    """The voice whose operators follow curves best.

    Carriers are raised together until the loudest moment is at full level. All envelopes end in silence.

    Args:
      octaves: log2 gains of OP1 to OP6 on each note, from key-on.
      notes: keys, velocities, times.
      voice: gives algorithm, frequencies and feedback; operators at output level 0 stay off.
      seed: of the search.
      progress: told what is being done.
      profile: whose envelopes.

    Returns:
      (voice, octaves that operators were raised [6], mean difference in dB of each [6]).
    """
    tell = progress or (lambda _: None)
    frames = np.minimum(moments(notes.gates, notes.lengths), octaves.shape[1] - 1)
    floor = audible_floor(octaves, voice.algorithm)
    wanted, floor = (np.take_along_axis(x, frames[..., None], axis=1) for x in (octaves, floor))
    heard = CARRIERS[voice.algorithm - 1] > 0
    raised = np.where(heard, FULL_OCTAVES - octaves[..., heard].max(), 0.0)
    hands = _hands(notes, frames, profile)
    loss = profile.at(notes.sample_rate).control.carrier_loss[voice.algorithm - 1]
    operators = []
    for op, was in enumerate(voice.operators):
        found = _INIT
        if was.output_level:
            tell(f"fitting operator {op + 1}")
            curve = LevelCurve(wanted[..., op] + raised[op], floor[..., op] + raised[op])
            found, _ = fit_operator(curve, hands, seed, carrier_loss=float(loss[op]))
            if heard[op]:
                found = replace(found, rates=(*found.rates[:3], max(found.rates[3], SLOWEST_RELEASE)))
        tuning = {k: getattr(was, k) for k in ("fixed", "coarse", "fine", "detune")}
        operators.append(replace(found, **tuning))
    voice = replace(voice, operators=tuple(operators))
    written = octaves_of(Patch.stack([voice])[0], hands) - loss[:, None, None]
    errors = [
        float(errors_db(written[op], LevelCurve(wanted[..., op] + raised[op], floor[..., op] + raised[op])))
        if operators[op].output_level
        else 0.0
        for op in range(6)
    ]
    return voice, raised, tuple(errors)


def _gain(raised: np.ndarray) -> np.float32:
    """Of the instrument's sound, to be as loud as the voice: of `raised` only carriers' is not 0, but may be below."""
    return np.float32(2.0 ** raised[np.abs(raised).argmax()] * OUTPUT_SCALE)


def _hands(notes: NoteGrid, frames: np.ndarray, profile: Profile = DEXED) -> NoteConditions:
    return NoteConditions(notes.keys, notes.velocities, notes.gates, frames, notes.sample_rate, profile)


def _hear(voice: Voice, notes: NoteGrid, played: LevelCurves, sounds: Sequence[np.ndarray] | None) -> RecordedNotes:
    """The voice on the same notes, and how far apart they are."""
    rate = notes.sample_rate
    full, same = (play_voices([voice], notes, at)[0] for at in (RATE, rate))
    alike = [resample(sound, RATE, rate) for sound in full]
    targets = notes.cut(played.audio)
    heard = RecordedNotes(notes, played, full, distances(targets, alike, rate), distances(targets, same, rate))
    if sounds is None:
        return heard
    apart, learned = (distances(sounds, others, rate) for others in (alike, list(played.audio)))
    return replace(heard, recording_db=apart, model_recording_db=learned)


def sound_of(exported: ExportedVoice) -> Float[np.ndarray, " sample"]:
    """The phrase, played by the instrument, then by the voice, at `RATE`; both are as loud as a DX7 would play them."""
    heard = exported.phrase
    notes, rate = heard.notes, heard.notes.sample_rate
    gain = _gain(exported.raised)
    parts = []
    for scale, audio, audio_rate in ((gain, heard.model.audio, rate), (np.float32(1), heard.voice_audio, RATE)):
        for sound, length in zip(audio, notes.lengths, strict=True):
            cut = resample(sound, audio_rate, RATE)[: round(length * HOP / rate * RATE)]
            parts.append(cut * scale)
        parts.append(np.zeros(RATE // 2, np.float32))
    return np.concatenate(parts[:-1])
