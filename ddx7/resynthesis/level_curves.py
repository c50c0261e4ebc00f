"""Operator levels of a learned instrument on single notes: choose the notes, play them, find the audible levels."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from ddx7.audio import Note, Recording, find_notes, midi_to_hz, resample, velocities
from ddx7.audio.features import HOP
from ddx7.audio.loudness import FLOOR_DB, WINDOW_S, loudness
from ddx7.audio.transcription import velocities_at
from ddx7.engine.tables import DB_PER_OCTAVE
from ddx7.errors import AudioError, Ddx7Error
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.model import ResynthesisModel, key_data, play, scale_inputs
from ddx7.resynthesis.playback import N_OPERATORS
from ddx7.resynthesis.structure import Structure
from ddx7.resynthesis.transfer import loudness_offset
from ddx7.voice.algorithms import CARRIERS, MODULATION

CONTEXT_S = 0.064
"""Time before key-on: loudness is measured in windows, so it rises a little before the sound."""
DYNAMICS_DB = (0.0, -6.0, -12.0, -18.0)
N_NOTES = 9
GATE_S, AFTER_S = 1.0, 0.4
RANGE_DB = 60.0
"""Distance in dB below the loudest moment at which a level becomes inaudible."""

_OFF_OCTAVES = -60.0
_MAX_NOTES = 24  # of a recording
_MAX_GATE_S = 2.0
_MIN_GATE_S = 0.12
_MIN_CONFIDENCE = 0.4  # of a single clear pitch, as in `ddx7.audio.Note`


@dataclass(frozen=True, eq=False)
class NoteGrid:
    """Notes for a learned instrument and a DX7 voice to play. Frames are of 64 samples.

    Attributes:
      notes: MIDI notes, int32 [note].
      velocities: MIDI velocities, int32 [note]; the loudest has 100.
      gates: frames from key-on to key-off, int32 [note].
      lengths: frames from key-on to the end, int32 [note].
      loudness_db: input of the instrument, A-weighted, float32 [note, context + frame].
      sample_rate: in Hz, of the instrument.
    """

    notes: Int[np.ndarray, " note"]
    velocities: Int[np.ndarray, " note"]
    gates: Int[np.ndarray, " note"]
    lengths: Int[np.ndarray, " note"]
    loudness_db: Float[np.ndarray, "note time"]
    sample_rate: int

    @property
    def context_frames(self) -> int:
        """Frames before key-on."""
        return _frames(CONTEXT_S, self.sample_rate)

    def __getitem__(self, index: slice | np.ndarray) -> "NoteGrid":
        """Some of the notes."""
        per_note = ("notes", "velocities", "gates", "lengths", "loudness_db")
        return replace(self, **{name: getattr(self, name)[index] for name in per_note})

    def cut(self, audio: Float[np.ndarray, "note sample"]) -> tuple[np.ndarray, ...]:
        """Sounds of the notes at their sample rate, each cut to its length."""
        return tuple(sound[: n * HOP] for sound, n in zip(audio, self.lengths, strict=True))


@dataclass(frozen=True, eq=False)
class LevelCurves:
    """Levels and sound of an instrument on some notes, from key-on.

    Attributes:
      octaves: log2 gains of OP1 to OP6, float32 [note, frame, 6]; those of carriers with the gain of the instrument's
        body, which a DX7 does not have.
      audio: without reverb, but with the body, float32 [note, sample].
      wet: as the instrument plays, float32 [note, sample].
    """

    octaves: Float[np.ndarray, "note frame 6"]
    audio: Float[np.ndarray, "note sample"]
    wet: Float[np.ndarray, "note sample"]


def shape_db(gate_s: float, length_s: float, attack_s: float, release_s: float, sample_rate: int) -> np.ndarray:
    """Loudness of a note relative to its sustain: a linear attack, a constant sustain, an exponential release.

    Args:
      gate_s: from key-on to key-off.
      length_s: from key-on to the end.
      attack_s: time in which the amplitude rises.
      release_s: time in which it falls by 60 dB.
      sample_rate: in Hz; one value for every 64 samples.

    Returns:
      dB as `ddx7.audio.loudness` measures it, from `CONTEXT_S` before key-on, float64 [context + frame].
    """
    step_s = 0.001
    t = np.arange(-CONTEXT_S - WINDOW_S, length_s + WINDOW_S, step_s)
    amplitude = np.clip(t / max(attack_s, step_s), 0.0, 1.0)
    amplitude = amplitude * 10 ** (-3 * np.maximum(t - gate_s, 0.0) / max(release_s, step_s))
    window = np.square(np.hanning(round(WINDOW_S / step_s) + 1))
    power = np.convolve(np.square(amplitude), window / window.sum(), mode="same")
    frames = np.arange(_frames(CONTEXT_S, sample_rate) + _frames(length_s, sample_rate))
    times_s = (frames - _frames(CONTEXT_S, sample_rate)) * HOP / sample_rate
    return np.interp(times_s, t, 10 * np.log10(np.maximum(power, 1e-12)))


def notes_over(
    notes: np.ndarray, dynamics_db: np.ndarray, loud_db: float, sample_rate: int, *, attack_s: float, release_s: float
) -> NoteGrid:
    """Notes of one shape.

    Args:
      notes: MIDI notes [note].
      dynamics_db: loudness of each relative to the loudest [note].
      loud_db: loudness of the loudest.
      sample_rate: of the instrument, Hz.
      attack_s: as for `shape_db`.
      release_s: as for `shape_db`.
    """
    n = len(notes)
    shape = shape_db(GATE_S, GATE_S + AFTER_S, attack_s, release_s, sample_rate)
    loudness_db = np.maximum(loud_db + dynamics_db[:, None] + shape, FLOOR_DB)
    gate, length = _frames(GATE_S, sample_rate), _frames(GATE_S + AFTER_S, sample_rate)
    return NoteGrid(
        notes.astype(np.int32),
        velocities_at(dynamics_db),
        np.full(n, gate, np.int32),
        np.full(n, length, np.int32),
        loudness_db.astype(np.float32),
        sample_rate,
    )


def learned_notes(instrument: Instrument, *, attack_s: float, release_s: float) -> tuple[NoteGrid, NoteGrid]:
    """Notes over the whole learned range, and a scale in its middle, mostly on notes between those.

    Args:
      instrument: with its range in the card.
      attack_s: time in which the amplitude of a note rises.
      release_s: time in which it falls by 60 dB.

    Returns:
      (all notes at all dynamics, a rising scale that grows louder and softer).

    Raises:
      Ddx7Error: the card has no range.
    """
    learned = instrument.card.get("range", {})
    if not {"lowest_note", "highest_note", "loud_db"} <= learned.keys():
        raise Ddx7Error("the instrument's card has no range of learned notes, wanted one; or a recording")
    low, high = int(np.ceil(learned["lowest_note"])), int(np.floor(learned["highest_note"]))
    low, high = max(0, min(low, high)), min(127, max(low, high))
    notes = np.unique(np.round(np.linspace(low, high, N_NOTES)).astype(int))
    pairs = np.array(list(product(notes, DYNAMICS_DB)))
    first = (low + high) // 2 - 6
    scale = np.clip(first + np.array([0, 2, 4, 5, 7, 9, 11, 12]), low, high)
    swell_db = -np.abs(np.linspace(-12.0, 9.0, len(scale)))
    loud_db, rate = learned["loud_db"], instrument.model.sample_rate
    grid = notes_over(pairs[:, 0], pairs[:, 1], loud_db, rate, attack_s=attack_s, release_s=release_s)
    return grid, notes_over(scale, swell_db, loud_db, rate, attack_s=attack_s, release_s=release_s)


def recorded_notes(
    recording: Recording, instrument: Instrument, *, release_s: float, sounds_rate: int | None = None
) -> tuple[NoteGrid, tuple[np.ndarray, ...]]:
    """Notes of a recording with their loudness contours, shifted into the learned range.

    A note that runs into the next one gets a release of its own.

    Args:
      recording: a melody.
      instrument: to play them with.
      release_s: time in which such a note falls by 60 dB.
      sounds_rate: sample rate of the notes' sounds; by default the instrument's.

    Returns:
      (at most 24 notes in order of time, and the sound of each up to the next onset).

    Raises:
      AudioError: no note is long enough and has a clear pitch.
    """
    rate = instrument.model.sample_rate
    samples = resample(recording.samples, recording.sample_rate, rate)
    found = find_notes(samples, rate)
    loudness_db = loudness(samples, rate, HOP)
    loudness_db = np.maximum(loudness_db + loudness_offset(loudness_db, instrument.card.get("range", {})), FLOOR_DB)
    chosen = _choose_notes(found)
    if not chosen:
        raise AudioError(
            f"{recording.path}: no note of {_MIN_GATE_S} s with a clear pitch is found, a melody is wanted"
        )
    context = _frames(CONTEXT_S, rate)
    sounds_rate = sounds_rate or rate
    heard = resample(recording.samples, recording.sample_rate, sounds_rate)
    gates, contours, sounds = [], [], []
    for i in chosen:
        note = found[i]
        begin = round(note.onset_s * rate / HOP)
        gate = max(1, min(_frames(note.gate_s, rate), _frames(_MAX_GATE_S, rate)))
        last = gate + _frames(AFTER_S, rate)
        after = round(found[i + 1].onset_s * rate / HOP) - begin if i + 1 < len(found) else len(loudness_db)
        t = np.arange(-context, last)
        contour = np.where(
            (t + begin >= 0) & (t + begin < len(loudness_db)),
            loudness_db[np.clip(t + begin, 0, len(loudness_db) - 1)],
            FLOOR_DB,
        )
        # Sound before the onset and after the next onset belongs to the neighbours.
        rise = shape_db(gate * HOP / rate, last * HOP / rate, 0.0, release_s, rate)
        contour[:context] = np.minimum(contour[:context], loudness_db[begin : begin + gate].max() + rise[:context])
        end = min(after, gate) if after < last else last
        end += context
        contour[end:] = np.minimum(contour[end:], contour[end - 1] + rise[end:])
        gates.append(gate)
        contours.append(contour)
        edges = (round(frame * HOP * sounds_rate / rate) for frame in (begin, begin + min(after, last)))
        sounds.append(heard[slice(*edges)])
    gates = np.array(gates, np.int32)
    lengths = gates + np.int32(_frames(AFTER_S, rate))
    width = int(lengths.max())
    grid = NoteGrid(
        np.array([np.clip(found[i].note, 0, 127) for i in chosen], np.int32),
        np.array(velocities([found[i] for i in chosen]), np.int32),
        gates,
        lengths,
        np.array([np.pad(c, (0, context + width - len(c)), constant_values=FLOOR_DB) for c in contours], np.float32),
        rate,
    )
    return grid, tuple(sounds)


def _choose_notes(found: tuple[Note, ...]) -> list[int]:
    """Indices of notes that are clear and long enough; of many notes, some at equal distances in order of pitch."""
    usable = [i for i, note in enumerate(found) if note.confidence >= _MIN_CONFIDENCE and note.gate_s >= _MIN_GATE_S]
    usable.sort(key=lambda i: (found[i].note, found[i].loudness_db))
    if len(usable) > _MAX_NOTES:
        usable = [usable[k] for k in np.linspace(0, len(usable) - 1, _MAX_NOTES).round().astype(int)]
    return sorted(usable)


def play_notes(instrument: Instrument, grid: NoteGrid, seed: int = 0) -> LevelCurves:
    """Play notes, all at once.

    Args:
      instrument: with an FM synthesizer.
      grid: notes to play.
      seed: of noise.

    Raises:
      Ddx7Error: the instrument has no FM operators.
    """
    structure = dx7_structure(instrument)
    f0_hz = np.repeat(midi_to_hz(grid.notes)[:, None], grid.loudness_db.shape[1], axis=1).astype(np.float32)
    inputs, context = scale_inputs(f0_hz, grid.loudness_db), grid.context_frames
    key = key_data(seed)

    def sound_of(model: ResynthesisModel, wet: float, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        params = instrument.prepared if model.reverb_s else {"decoder": instrument.prepared["decoder"]}
        state = model.init_state(params, len(f0_hz))
        increments = model.increments(f0_hz)
        audio, octaves, _ = play(model, params, inputs, increments, offsets, np.float32(wet), state, key)
        return np.asarray(octaves)[:, context:], np.asarray(audio)[:, context * HOP :]

    bare, none = replace(instrument.model, reverb_s=0.0), np.zeros(N_OPERATORS, np.float32)
    octaves, audio = sound_of(bare, 0.0, none)
    if not instrument.model.reverb_s:
        return LevelCurves(octaves, audio, audio)
    wet = sound_of(instrument.model, 1.0, none)[1]
    body = np.asarray(instrument.model.reverb.apply({"params": instrument.params["reverb"]}, method="split")[0])
    if body.shape == (1,):
        return LevelCurves(octaves, audio, wet)
    octaves = octaves.copy()
    carriers = np.flatnonzero(structure.carriers)
    for op in carriers:
        alone = none.copy()
        alone[np.setdiff1d(carriers, op)] = _OFF_OCTAVES
        response = body if body.ndim == 1 else body[0 if structure.noise_carriers[op] else 1]
        octaves[..., op] += _gain_octaves(sound_of(bare, 0.0, alone)[1], response)[:, None]
    return LevelCurves(octaves, sound_of(instrument.model, 0.0, none)[1], wet)


def _gain_octaves(sounds: Float[np.ndarray, "note sample"], response: np.ndarray) -> Float[np.ndarray, " note"]:
    """Log2 of the gain in level that a filter gives each sound."""
    size = sounds.shape[-1] + len(response)
    power = np.square(np.abs(np.fft.rfft(sounds, size)))
    filtered = power * np.square(np.abs(np.fft.rfft(response, size)))
    total = np.maximum(power.sum(axis=-1), 1e-20)
    return 0.5 * np.log2(np.maximum(filtered.sum(axis=-1) / total, 1e-6))


def dx7_structure(instrument: Instrument) -> Structure:
    """The structure of an FM instrument.

    Raises:
      Ddx7Error: the instrument has no FM operators.
    """
    structure = instrument.model.synthesizer.dx7_structure
    if structure is None:
        raise Ddx7Error("the instrument plays harmonics and noise, which no DX7 voice can hold; wanted one of FM")
    return structure


def audible_floor(octaves: Float[np.ndarray, "*time 6"], algorithm: int) -> Float[np.ndarray, "*time 6"]:
    """Log2 gain below which an operator is inaudible, moment by moment.

    A carrier is inaudible `RANGE_DB` below the loudest moment of any carrier. The sidebands of a modulator have half
    its modulation index as their level relative to the modulated operator (for small indices). It is inaudible where
    its sidebands are.

    Args:
      octaves: log2 gains of OP1 to OP6.
      algorithm: 1-32.
    """
    carriers, modulates = CARRIERS[algorithm - 1] > 0, MODULATION[algorithm - 1] > 0
    peak = octaves[..., carriers].max()
    half_index = np.log2(np.pi)  # of gain 1, which is one turn
    audible, floor = np.zeros_like(octaves), np.zeros_like(octaves)
    for op in range(N_OPERATORS):  # an operator modulates only operators before it
        if carriers[op]:
            audible[..., op], floor[..., op] = octaves[..., op] - peak, peak - RANGE_DB / DB_PER_OCTAVE
        else:
            above = audible[..., modulates[:, op]].max(axis=-1)
            audible[..., op] = above + np.minimum(octaves[..., op] + half_index, 0.0)
            floor[..., op] = -RANGE_DB / DB_PER_OCTAVE - above - half_index
    return floor


def _frames(seconds: float, sample_rate: int) -> int:
    """Frames of 64 samples, rounded."""
    return round(seconds * sample_rate / HOP)
