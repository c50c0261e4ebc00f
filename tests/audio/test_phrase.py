import csv
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from ddx7.audio.files import read_audio
from ddx7.audio.phrase import loudest_note
from ddx7.errors import AudioError

RATE = 44_100
Tone = Callable[..., np.ndarray]


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, 10 * RATE).astype(np.float32)


@pytest.mark.parametrize("decay_per_s", [0.0, 3.0, 12.0])
def test_one_note_is_returned_whole(tone: Tone, decay_per_s: float) -> None:
    sound = np.concatenate([silence(0.3), tone(220.0, decay_per_s=decay_per_s), silence(0.5)])
    assert loudest_note(sound, RATE) == (0.0, len(sound) / RATE)


@pytest.mark.parametrize("depth", [0.0, 0.5, 0.85])
def test_tremolo_is_one_note(tone: Tone, depth: float) -> None:
    sound = tone(220.0, decay_per_s=0.0)
    sound *= 1 - depth * (0.5 - 0.5 * np.cos(2 * np.pi * 5 * np.arange(len(sound)) / RATE))
    assert loudest_note(sound, RATE) == (0.0, len(sound) / RATE)


@pytest.mark.parametrize("longest", [0, 1, 2])
@pytest.mark.parametrize("gap_s", [0.08, 0.5])
def test_the_longest_note_of_a_phrase(tone: Tone, longest: int, gap_s: float) -> None:
    lengths = [1.2 if n == longest else 0.25 for n in range(3)]
    starts = [0.1 + sum(lengths[:n]) + n * gap_s for n in range(3)]
    sound = silence(starts[-1] + lengths[-1] + 0.2)
    for start, length, f0_hz in zip(starts, lengths, (392.0, 523.25, 466.16), strict=True):
        note = tone(f0_hz, decay_per_s=0.0, seconds=length)
        sound[round(start * RATE) :][: len(note)] += note
    start_s, stop_s = loudest_note(sound, RATE)
    assert start_s <= starts[longest]
    assert start_s == 0 if longest == 0 else start_s >= starts[longest] - gap_s
    assert starts[longest] + lengths[longest] <= stop_s
    if longest < 2:
        assert stop_s <= starts[longest + 1]
    else:
        assert stop_s == len(sound) / RATE


def test_a_long_note_beats_a_loud_one(tone: Tone) -> None:
    short, long = tone(220.0, decay_per_s=0.0, seconds=0.1), tone(330.0, decay_per_s=0.0, seconds=2.0)
    start_s, _ = loudest_note(np.concatenate([2 * short, silence(0.1), long]), RATE)
    assert 0.15 < start_s <= 0.2


def test_noise_between_the_notes(tone: Tone, noise: np.ndarray) -> None:
    sound = np.concatenate([tone(220.0, decay_per_s=0.0, seconds=0.3), silence(0.2), tone(330.0, decay_per_s=0.0)])
    sound += 10 ** (-45 / 20) * noise[: len(sound)]
    start_s, stop_s = loudest_note(sound, RATE)
    assert 0.3 < start_s <= 0.5
    assert stop_s == len(sound) / RATE


def test_what_is_faint_is_no_note_of_its_own(tone: Tone, noise: np.ndarray) -> None:
    sound = np.concatenate([silence(0.5), tone(220.0, decay_per_s=2.0), silence(0.5)])
    sound[: round(0.1 * RATE)] += 0.003 * noise[: round(0.1 * RATE)]  # the key of a clarinet
    assert loudest_note(sound, RATE) == (0.0, len(sound) / RATE)


def test_silence_is_refused() -> None:
    with pytest.raises(AudioError, match=r"found only silence in 0\.50 s, a note is wanted"):
        loudest_note(silence(0.5), RATE)


def test_the_demo_phrase_yields_its_last_note() -> None:
    recording = read_audio(Path(str(files("ddx7.cli"))) / "demo" / "trumpet.flac")
    start_s, stop_s = loudest_note(recording.samples, recording.sample_rate)
    assert 1.35 < start_s < 1.45
    assert stop_s == recording.duration_s


def test_one_shots_are_returned_whole(shared: Path) -> None:
    with (shared / "audio/oneshots/index.csv").open() as file:
        paths = [shared / "audio" / row[0] for row in csv.reader(file) if row[0].endswith(".flac")]
    assert len(paths) == 21
    split = []
    for path in paths:
        recording = read_audio(path)
        start_s, stop_s = loudest_note(recording.samples, recording.sample_rate)
        if stop_s - start_s < 0.95 * recording.duration_s:
            split.append((path.stem, round(stop_s - start_s, 1)))
    assert split == [("vital_pluck_1", 0.5)]  # eight plucks of a sequence, each falling to silence
