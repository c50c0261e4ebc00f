"""What a learned instrument does on single notes: how they are chosen, played, and what of the operators is heard."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Self

import jax
import numpy as np
from jaxtyping import Float, Int

from ddx7.audio import Note, Recording, find_notes, midi_to_hz, resample, velocities
from ddx7.audio.features import HOP
from ddx7.audio.loudness import FLOOR_DB, WINDOW_S, loudness
from ddx7.audio.transcription import velocities_at
from ddx7.engine.tables import DB_PER_OCTAVE
from ddx7.errors import AudioError, Ddx7Error
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.model import run, scaled
from ddx7.resynthesis.transfer import loudness_offset
from ddx7.voice.algorithms import CARRIERS, MODULATION

LEAD_S = 0.064
"""What is played before the key goes down: loudness is measured in windows, so it rises a little before the sound."""
DYNAMICS_DB = (0.0, -6.0, -12.0, -18.0)
KEYS = 9
GATE_S, AFTER_S = 1.0, 0.4
RANGE_DB = 60.0
"""What lies further below the loudest moment is not heard."""

_MOST_NOTES = 24  # of a recording
_LONGEST_S = 2.0
_SHORTEST_S = 0.12
_CONFIDENT = 0.4  # below there is no one clear pitch, as `ddx7.audio.Note` says


@dataclass(frozen=True, eq=False)
class NoteGrid:
    """Notes to be played by a learned instrument and by a DX7 voice. Frames are of 64 samples.

    Attributes:
      keys: MIDI notes, int32 [note].
      velocities: MIDI velocities, int32 [note]; the loudest has 100.
      gates: frames that each is held, int32 [note].
      lengths: frames that count, from key-on, int32 [note].
      loudness_db: what the instrument plays from, A-weighted, float32 [note, lead + frame].
      sample_rate: in Hz, of the instrument.
    """

    keys: Int[np.ndarray, " note"]
    velocities: Int[np.ndarray, " note"]
    gates: Int[np.ndarray, " note"]
    lengths: Int[np.ndarray, " note"]
    loudness_db: Float[np.ndarray, "note time"]
    sample_rate: int

    @property
    def lead(self) -> int:
        """Frames before key-on."""
        return _frames(LEAD_S, self.sample_rate)

    def __getitem__(self, index: slice | np.ndarray) -> Self:
        """Some of the notes."""
        per_note = ("keys", "velocities", "gates", "lengths", "loudness_db")
        return replace(self, **{name: getattr(self, name)[index] for name in per_note})

    def cut(self, audio: Float[np.ndarray, "note sample"]) -> tuple[np.ndarray, ...]:
        """Sounds of the notes at their sample rate, each as long as it counts."""
        return tuple(sound[: n * HOP] for sound, n in zip(audio, self.lengths, strict=True))


@dataclass(frozen=True, eq=False)
class LevelCurves:
    """Notes as an instrument played them, from key-on.

    Attributes:
      octaves: log2 gains of OP1 to OP6, float32 [note, frame, 6].
      audio: without any room, float32 [note, sample].
    """

    octaves: Float[np.ndarray, "note frame 6"]
    audio: Float[np.ndarray, "note sample"]


def shape_db(gate_s: float, length_s: float, attack_s: float, release_s: float, sample_rate: int) -> np.ndarray:
    """Loudness of a note against its sustain: a straight attack, then level, then an exponential release.

    Args:
      gate_s: from key-on to key-up.
      length_s: from key-on to the end.
      attack_s: how long the amplitude rises.
      release_s: how long it takes to fall by 60 dB.
      sample_rate: in Hz; one value for every 64 samples.

    Returns:
      dB as `ddx7.audio.loudness` would measure it, from `LEAD_S` before key-on, float64 [lead + frame].
    """
    step_s = 0.001
    t = np.arange(-LEAD_S - WINDOW_S, length_s + WINDOW_S, step_s)
    amplitude = np.clip(t / max(attack_s, step_s), 0.0, 1.0)
    amplitude = amplitude * 10 ** (-3 * np.maximum(t - gate_s, 0.0) / max(release_s, step_s))
    window = np.square(np.hanning(round(WINDOW_S / step_s) + 1))
    power = np.convolve(np.square(amplitude), window / window.sum(), mode="same")
    frames = np.arange(_frames(LEAD_S, sample_rate) + _frames(length_s, sample_rate))
    at = (frames - _frames(LEAD_S, sample_rate)) * HOP / sample_rate
    return np.interp(at, t, 10 * np.log10(np.maximum(power, 1e-12)))


def notes_over(
    keys: np.ndarray, dynamics_db: np.ndarray, loud_db: float, sample_rate: int, *, attack_s: float, release_s: float
) -> NoteGrid:
    """Notes of one shape.

    Args:
      keys: MIDI notes [note].
      dynamics_db: how loud each is under the loudest [note].
      loud_db: loudness of the loudest.
      sample_rate: of the instrument, Hz.
      attack_s: as for `shape_db`.
      release_s: likewise.
    """
    n = len(keys)
    shape = shape_db(GATE_S, GATE_S + AFTER_S, attack_s, release_s, sample_rate)
    level_db = np.maximum(loud_db + dynamics_db[:, None] + shape, FLOOR_DB)
    gate, length = _frames(GATE_S, sample_rate), _frames(GATE_S + AFTER_S, sample_rate)
    return NoteGrid(
        keys.astype(np.int32),
        velocities_at(dynamics_db),
        np.full(n, gate, np.int32),
        np.full(n, length, np.int32),
        level_db.astype(np.float32),
        sample_rate,
    )


def learned_notes(instrument: Instrument, *, attack_s: float, release_s: float) -> tuple[NoteGrid, NoteGrid]:
    """Notes all over what an instrument learned, and a scale in the middle of it on keys mostly between those.

    Args:
      instrument: with its range in the card.
      attack_s: how long a note's amplitude rises.
      release_s: how long it takes to fall by 60 dB.

    Returns:
      (keys times dynamics, a scale up that grows louder and softer).

    Raises:
      Ddx7Error: the card does not say what was learned.
    """
    learned = instrument.card.get("range", {})
    if not {"lowest_note", "highest_note", "loud_db"} <= learned.keys():
        raise Ddx7Error("the instrument's card does not say which notes it learned, wanted its range; or a recording")
    low, high = int(np.ceil(learned["lowest_note"])), int(np.floor(learned["highest_note"]))
    low, high = max(0, min(low, high)), min(127, max(low, high))
    keys = np.unique(np.round(np.linspace(low, high, KEYS)).astype(int))
    pairs = np.array(list(product(keys, DYNAMICS_DB)))
    first = (low + high) // 2 - 6
    scale = np.clip(first + np.array([0, 2, 4, 5, 7, 9, 11, 12]), low, high)
    swell_db = -np.abs(np.linspace(-12.0, 9.0, len(scale)))
    rest = learned["loud_db"], instrument.model.sample_rate
    return tuple(
        notes_over(k, d, *rest, attack_s=attack_s, release_s=release_s)
        for k, d in ((pairs[:, 0], pairs[:, 1]), (scale, swell_db))
    )  # pyright: ignore[reportReturnType]


def recorded_notes(
    recording: Recording, instrument: Instrument, *, release_s: float
) -> tuple[NoteGrid, tuple[np.ndarray, ...]]:
    """Notes of a recording with the loudness contours they were played with, moved to the range that was learned.

    A note that runs into the next one is given a release of its own.

    Args:
      recording: a melody.
      instrument: that will play them.
      release_s: how long such a note takes to fall by 60 dB.

    Returns:
      (at most 24 notes in order of time, and the sound of each at the instrument's rate up to where another begins).

    Raises:
      AudioError: no note is long enough and has a clear pitch.
    """
    rate = instrument.model.sample_rate
    samples = resample(recording.samples, recording.sample_rate, rate)
    found = find_notes(samples, rate)
    level_db = loudness(samples, rate, HOP)
    level_db = np.maximum(level_db + loudness_offset(level_db, instrument.card.get("range", {})), FLOOR_DB)
    chosen = _spread(found)
    if not chosen:
        raise AudioError(
            f"{recording.path}: no note of {_SHORTEST_S} s with a clear pitch is found, a melody is wanted"
        )
    lead = _frames(LEAD_S, rate)
    gates, contours, sounds = [], [], []
    for i in chosen:
        note = found[i]
        begin = round(note.onset_s * rate / HOP)
        gate = max(1, min(_frames(note.gate_s, rate), _frames(_LONGEST_S, rate)))
        last = gate + _frames(AFTER_S, rate)
        after = round(found[i + 1].onset_s * rate / HOP) - begin if i + 1 < len(found) else len(level_db)
        t = np.arange(-lead, last)
        contour = np.where(
            (t + begin >= 0) & (t + begin < len(level_db)),
            level_db[np.clip(t + begin, 0, len(level_db) - 1)],
            FLOOR_DB,
        )
        # What is heard before the onset and after the next one belongs to the neighbours.
        rise = shape_db(gate * HOP / rate, last * HOP / rate, 0.0, release_s, rate)
        contour[:lead] = np.minimum(contour[:lead], level_db[begin : begin + gate].max() + rise[:lead])
        end = min(after, gate) if after < last else last
        contour[lead + end :] = np.minimum(contour[lead + end :], contour[lead + end - 1] + rise[lead + end :])
        gates.append(gate)
        contours.append(contour)
        sounds.append(samples[begin * HOP : (begin + min(after, last)) * HOP])
    gates = np.array(gates, np.int32)
    lengths = gates + np.int32(_frames(AFTER_S, rate))
    width = int(lengths.max())
    notes = NoteGrid(
        np.array([np.clip(found[i].note, 0, 127) for i in chosen], np.int32),
        np.array(velocities([found[i] for i in chosen]), np.int32),
        gates,
        lengths,
        np.array([np.pad(c, (0, lead + width - len(c)), constant_values=FLOOR_DB) for c in contours], np.float32),
        rate,
    )
    return notes, tuple(sounds)


def _spread(found: tuple[Note, ...]) -> list[int]:
    """Indices of notes that are clear and long enough; of many those that are spread evenly over pitch."""
    usable = [i for i, note in enumerate(found) if note.confidence >= _CONFIDENT and note.gate_s >= _SHORTEST_S]
    usable.sort(key=lambda i: (found[i].note, found[i].loudness_db))
    if len(usable) > _MOST_NOTES:
        usable = [usable[k] for k in np.linspace(0, len(usable) - 1, _MOST_NOTES).round().astype(int)]
    return sorted(usable)


def play_notes(instrument: Instrument, notes: NoteGrid, seed: int = 0) -> LevelCurves:
    """Play notes, all at once and without the learned room, which a DX7 does not have.

    Args:
      instrument: of FM.
      notes: to play.
      seed: of noise.

    Raises:
      Ddx7Error: the instrument is not played by FM operators.
    """
    if not isinstance(instrument.model.synth, FmSynth):
        raise Ddx7Error("the instrument plays harmonics and noise, which no DX7 voice can hold; wanted one of FM")
    model = replace(instrument.model, room_s=0.0)
    weights = {"network": instrument.playing["network"]}
    f0_hz = np.repeat(midi_to_hz(notes.keys)[:, None], notes.loudness_db.shape[1], axis=1).astype(np.float32)
    audio, octaves, _ = run(
        model,
        weights,
        scaled(f0_hz, notes.loudness_db),
        model.increments(f0_hz),
        np.zeros(6, np.float32),
        np.float32(0),
        model.begin(weights, len(f0_hz)),
        jax.random.key(seed),
    )
    return LevelCurves(np.asarray(octaves)[:, notes.lead :], np.asarray(audio)[:, notes.lead * HOP :])


def audible_floor(octaves: Float[np.ndarray, "*time 6"], algorithm: int) -> Float[np.ndarray, "*time 6"]:
    """Log2 gain below which an operator is not heard, moment by moment.

    A carrier is not heard `RANGE_DB` below the loudest moment of any. A modulator makes sidebands half its modulation
    index below what it modulates (for small indices), and is not heard where these are.

    Args:
      octaves: log2 gains of OP1 to OP6.
      algorithm: 1-32.
    """
    carriers, modulates = CARRIERS[algorithm - 1] > 0, MODULATION[algorithm - 1] > 0
    peak = octaves[..., carriers].max()
    half_index = np.log2(np.pi)  # of gain 1, which is one turn
    heard, floor = np.zeros_like(octaves), np.zeros_like(octaves)
    for op in range(6):  # what an operator modulates comes before it
        if carriers[op]:
            heard[..., op], floor[..., op] = octaves[..., op] - peak, peak - RANGE_DB / DB_PER_OCTAVE
        else:
            above = heard[..., modulates[:, op]].max(axis=-1)
            heard[..., op] = above + np.minimum(octaves[..., op] + half_index, 0.0)
            floor[..., op] = -RANGE_DB / DB_PER_OCTAVE - above - half_index
    return floor


def _frames(seconds: float, sample_rate: int) -> int:
    return round(seconds * sample_rate / HOP)
