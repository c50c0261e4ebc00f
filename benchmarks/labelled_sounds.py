"""Sounds whose notes are known: melodies with onsets, single sounds with pitches, and what disturbs recordings."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddx7.audio import hz_to_midi, midi_to_hz, read_audio
from ddx7.engine import render
from ddx7.voice import Operator, Voice

RATE = 44_100
LEAD_S, TAIL_S = 1.0, 0.5
"""Seconds of nothing but the disturbance before and after a melody."""
SCORES = ("sampled", "sf2")
N_MELODIES, N_NOTES = 2, 10


@dataclass(frozen=True, eq=False)
class Melody:
    """A recording with its score.

    Attributes:
      name: of the recording.
      samples: float64 [time].
      sample_rate: in Hz.
      onset_s: onset of each note, float64 [note].
      end_s: end of each note.
      midi: MIDI note of each.
    """

    name: str
    samples: np.ndarray
    sample_rate: int
    onset_s: np.ndarray
    end_s: np.ndarray
    midi: np.ndarray


@dataclass(frozen=True, eq=False)
class Single:
    """One sound with its pitch.

    Attributes:
      kind: of sound.
      samples: float64 [time].
      sample_rate: in Hz.
      midi: fractional MIDI note; None for a sound without one pitch.
      in_tune: semitones by which a right pitch may differ; players are up to 77 cents off the note of the file name.
    """

    kind: str
    samples: np.ndarray
    sample_rate: int
    midi: float | None
    in_tune: float = 0.5


def melody(name: str, samples: np.ndarray, sample_rate: int, score: Sequence[Sequence[float]]) -> Melody:
    """A melody with silence around it; the score holds rows of onset, duration and MIDI note, ..."""
    lead, tail = (np.zeros(round(seconds * sample_rate)) for seconds in (LEAD_S, TAIL_S))
    rows = np.array([row[:3] for row in score], np.float64)
    onset_s = rows[:, 0] + LEAD_S
    end_s = np.minimum(onset_s + rows[:, 1], np.append(onset_s[1:], np.inf))
    return Melody(name, np.concatenate([lead, samples, tail]), sample_rate, onset_s, end_s, rows[:, 2])


def recorded_melodies(shared: Path, split: str) -> Iterator[Melody]:
    """Phrases spliced from recorded or sampled notes; `split` is a name of the index, or "all"."""
    with (shared / "audio/index.csv").open(newline="") as file:
        splits = {row["file"]: row["split"] for row in csv.DictReader(file)}
    for kind in SCORES:
        for line in (shared / f"audio/{kind}_phrase_scores.jsonl").read_text().splitlines():
            row = json.loads(line)
            if split in ("all", splits[row["file"]]):
                recording = read_audio(shared / "audio" / row["file"])
                samples = recording.samples.astype(np.float64)
                yield melody(row["file"].removesuffix(".flac"), samples, recording.sample_rate, row["notes"])


def _two(carrier: Operator, modulator: Operator) -> Voice:
    return Voice(operators=(carrier, modulator, *[Operator()] * 4))


VOICES = {
    "e-piano": _two(
        Operator(rates=(96, 35, 30, 60), levels=(99, 80, 0, 0), output_level=99),
        Operator(rates=(96, 50, 30, 60), levels=(99, 60, 0, 0), output_level=72, coarse=14),
    ),
    "brass": _two(
        Operator(rates=(68, 60, 50, 65), levels=(99, 95, 92, 0), output_level=99),
        Operator(rates=(60, 60, 50, 65), levels=(99, 90, 85, 0), output_level=80),
    ),
    "organ": _two(Operator(rates=(99, 99, 99, 80), output_level=99), Operator(rates=(99, 99, 99, 80), output_level=70)),
    "bass": _two(
        Operator(rates=(99, 45, 30, 75), levels=(99, 88, 0, 0), output_level=99),
        Operator(rates=(99, 60, 30, 75), levels=(99, 70, 0, 0), output_level=82),
    ),
    "flute": Voice(
        operators=(Operator(rates=(72, 90, 90, 70), output_level=99), *[Operator()] * 5),
        lfo_speed=33,
        lfo_delay=20,
        lfo_pitch_depth=12,
        pitch_mod_sensitivity=3,
    ),
}
"""Voices made for this benchmark, so that anyone can run it."""
_RANGES = {"e-piano": (48, 84), "brass": (45, 76), "organ": (48, 84), "bass": (28, 52), "flute": (62, 91)}


def rendered_melodies() -> Iterator[Melody]:
    """Random melodies played by `VOICES`; some notes touch, some do not."""
    for k, (name, voice) in enumerate(VOICES.items()):
        for number in range(N_MELODIES):
            rng = np.random.default_rng((k, number))
            low, high = _RANGES[name]
            step = rng.choice((-7, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 7), N_NOTES)
            notes = np.clip(np.cumsum([(low + high) // 2, *step[1:]]), low, high)
            seconds = rng.choice((0.2, 0.3, 0.45, 0.7), N_NOTES)
            gates = seconds * rng.choice((0.6, 0.8, 0.97), N_NOTES)
            velocities = rng.integers(70, 120, N_NOTES)
            starts = np.concatenate([[0.1], 0.1 + np.cumsum(seconds)[:-1]])
            samples = np.zeros(round((starts[-1] + gates[-1] + 1.0) * RATE))
            sounds = render(voice, notes.tolist(), velocities.tolist(), gates.tolist(), 1.6, RATE)
            for start, sound in zip(starts, sounds, strict=True):
                begin = round(start * RATE)
                length = min(len(sound), len(samples) - begin)
                samples[begin : begin + length] += sound[:length]
            score = np.stack([starts, gates, notes], axis=1)
            yield melody(f"{name} {number + 1}", samples, RATE, score.tolist())


def _harmonics(f_hz: float, n: int) -> Callable[[np.ndarray, int], np.ndarray]:
    def hum(samples: np.ndarray, sample_rate: int) -> np.ndarray:
        t = np.arange(len(samples)) / sample_rate
        rng = np.random.default_rng(round(f_hz))
        return sum(
            (np.sin(2 * np.pi * k * f_hz * t + rng.uniform(0, 6)) / k for k in range(1, n + 1)), np.zeros(len(t))
        )

    return hum


def _white(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, len(samples))


def _rumble(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Noise that falls by 12 dB an octave from 30 Hz on."""
    spectrum = np.fft.rfft(np.random.default_rng(2).normal(0, 1, len(samples)))
    f_hz = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    return np.fft.irfft(spectrum * f_hz / (1 + (f_hz / 30) ** 3), len(samples))


def _clicks(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Clicks of 10 samples, one in each 0.7 s, half as high as the loudest note."""
    rng, out = np.random.default_rng(3), np.zeros(len(samples))
    for second in np.arange(0.2, len(samples) / sample_rate - 0.1, 0.7):
        start = round((second + rng.uniform(0, 0.3)) * sample_rate)
        out[start : start + 10] += rng.choice((-0.5, 0.5))
    return out


DISTURBANCES: dict[str, tuple[Callable[[np.ndarray, int], np.ndarray], float | None]] = {
    "clean": (_white, -np.inf),
    "hum 50 Hz": (_harmonics(50.0, 1), -20.0),
    "hum 60 Hz, harmonics": (_harmonics(60.0, 9), -25.0),
    "rumble": (_rumble, -10.0),
    "clicks": (_clicks, None),
    "noise -60 dB": (_white, -60.0),
    "noise -40 dB": (_white, -40.0),
    "noise -20 dB": (_white, -20.0),
}
"""What is added, and its level relative to the mean level of the notes in dB; None: relative to the peak."""


def disturb(samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
    """A recording with one of `DISTURBANCES` from its beginning to its end."""
    make, level_db = DISTURBANCES[name]
    if level_db == -np.inf:
        return samples
    added = make(samples, sample_rate)
    if level_db is None:
        return samples + added * np.abs(samples).max()
    sounding = np.abs(samples) > 1e-3 * np.abs(samples).max()
    level = np.sqrt(np.mean(samples[sounding] ** 2) / np.mean(added**2))
    return samples + added * level * 10 ** (level_db / 20)


def recorded_singles(shared: Path, splits: Sequence[str]) -> Iterator[Single]:
    """Labelled single notes of seven instruments, and the one-shots whose label and measurement agree ("test")."""
    with (shared / "audio/index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "note" and row["split"] in splits and row["midi"]]
    for row in rows:
        recording = read_audio(shared / "audio" / row["file"])
        yield Single("recorded", recording.samples.astype(np.float64), recording.sample_rate, float(row["midi"]), 0.9)
    if "test" not in splits:
        return
    with (shared / "audio/oneshots/index.csv").open(newline="") as file:
        shots = [row for row in csv.DictReader(file) if row["midi"]]
    for row in shots:
        if abs(float(row["midi"]) - float(row["f0_midi_measured"])) < 1:
            recording = read_audio(shared / "audio" / row["file_44k"])
            yield Single("one-shot", recording.samples.astype(np.float64), recording.sample_rate, float(row["midi"]))


# Modes as ratios. Sources: T. D. Rossing, Science of Percussion Instruments (2000): bars, tubes, drums; R. Perrin et
# al., Normal modes of the modern English church bell, J. Sound Vib. 90 (1983), with the prime as 1.
_MODES: dict[str, tuple[tuple[float, ...], float | None]] = {
    "church bell": ((0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 2.67, 3.0, 4.0), 1.0),
    "tubular bell": ((0.22, 0.61, 1.2, 2.0, 2.97, 4.1), 1.0),
    "glockenspiel": ((1.0, 2.76, 5.4, 8.93), 1.0),
    "marimba": ((1.0, 3.98, 9.9), 1.0),
    "xylophone": ((1.0, 3.0, 6.1), 1.0),
    "drum": ((1.0, 1.59, 2.14, 2.3, 2.65, 2.92), None),
}
_MODE_RANGES = {
    "church bell": (150, 1200),
    "tubular bell": (250, 800),
    "glockenspiel": (700, 4200),
    "marimba": (130, 2000),
    "xylophone": (350, 2500),
    "drum": (60, 300),
}
_CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 3, 7, 10), (0, 5, 9), (0, 4, 8), (0, 5, 7), (0, 4), (0, 3), (0, 7))
SINGLE_KINDS = ("tone", "weak fundamental", "odd", "string", "FM", "chord", "noise", *_MODES)
DISTURBED = 0.5  # share of the single sounds with a disturbance


def _partials(
    rng: np.random.Generator, f_hz: np.ndarray, amplitude: np.ndarray, decay_per_s: np.ndarray, seconds: float
) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    out = np.zeros(len(t))
    for f, a, d in zip(f_hz, amplitude, decay_per_s, strict=True):
        if f < 0.45 * RATE:
            out += a * np.exp(-d * t) * np.sin(2 * np.pi * f * t + rng.uniform(0, 6.3))
    return 0.2 * out * np.minimum(t / rng.choice((0.002, 0.01, 0.05)), 1)


def _tone(rng: np.random.Generator, kind: str, midi: float, seconds: float) -> np.ndarray:
    k = np.arange(1, 33)
    f0_hz = float(midi_to_hz(midi))
    amplitude = k ** -rng.uniform(0.3, 2.0) * 10 ** (rng.normal(0, 5, len(k)) / 20)
    if kind == "weak fundamental":
        amplitude[0] *= 10 ** (-rng.uniform(15, 50) / 20)
    if kind == "odd":
        amplitude[1::2] *= 10 ** (-rng.uniform(15, 60) / 20)
    stretch = np.sqrt(1 + k**2 * 10 ** rng.uniform(-5, -3.3)) if kind == "string" else 1.0
    decay = rng.choice((0.0, 1.0, 3.0)) * np.sqrt(k)
    return _partials(rng, k * f0_hz * stretch, amplitude, decay, seconds)


def synthetic_single(kind: str, seed: int) -> Single:
    """A sound of one of `SINGLE_KINDS`, from 25 Hz to 5 kHz, often disturbed; the seed decides everything else."""
    rng = np.random.default_rng((SINGLE_KINDS.index(kind), seed))
    seconds, midi = rng.uniform(0.4, 1.5), rng.uniform(19.5, 110.9)
    if kind in ("weak fundamental", "odd", "string"):
        midi = rng.uniform(19.5, 90)
    label: float | None = midi
    if kind in _MODES:
        ratios, pitch = _MODES[kind]
        low, high = np.log(_MODE_RANGES[kind])
        base = np.exp(rng.uniform(low, high))
        ratio = np.array(ratios) * (1 + rng.normal(0, 0.01, len(ratios)) * (np.array(ratios) != pitch))
        amplitude = 10 ** (-rng.uniform(0, 24, len(ratios)) / 20)
        if kind == "glockenspiel":
            amplitude[0] = 1.0
        decay = (20 if kind in ("drum", "xylophone", "marimba") else 2) * ratio**0.7
        samples = _partials(rng, base * ratio, amplitude, decay, seconds)
        label = None if pitch is None else float(hz_to_midi(base * pitch))
    elif kind == "chord":
        root, shape = rng.uniform(40, 76), _CHORDS[rng.integers(len(_CHORDS))]
        how = rng.choice(("tone", "odd", "string"))
        samples = np.sum([_tone(rng, how, root + n, seconds) for n in shape], axis=0)
        label = None
    elif kind == "noise":
        t = np.arange(round(seconds * RATE)) / RATE
        samples, label = rng.normal(0, 0.1, len(t)) * np.exp(-rng.choice((0.0, 5.0, 25.0)) * t), None
        cut = np.exp(rng.uniform(np.log(200), np.log(8000)))
        size = len(samples)
        f_hz = np.fft.rfftfreq(size, 1 / RATE)
        samples = np.fft.irfft(np.fft.rfft(samples) / (1 + (f_hz / cut) ** 2), size)
    elif kind == "FM":
        note = int(rng.integers(28, 96))
        carrier = Operator(rates=(90, int(rng.integers(20, 60)), 30, 60), levels=(99, 80, 0, 0), output_level=99)
        level, coarse = int(rng.integers(40, 88)), int(rng.integers(1, 8))
        modulator = Operator(rates=(90, 45, 30, 60), levels=(99, 70, 0, 0), output_level=level, coarse=coarse)
        samples, label = render(_two(carrier, modulator), note, 100, 0.8, 1.2, RATE).astype(np.float64), float(note)
    else:
        samples = _tone(rng, kind, midi, seconds)
    if rng.random() < DISTURBED:
        names = [name for name in DISTURBANCES if name not in ("clean", "clicks")]
        samples = disturb(samples, RATE, names[rng.integers(len(names))])
    return Single(kind, samples, RATE, label)
