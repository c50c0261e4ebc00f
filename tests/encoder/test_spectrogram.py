"""Log-frequency spectrograms of notes."""

import numpy as np
import pytest

from ddx7.encoder.examples import batch_spectrograms
from ddx7.encoder.spectrogram import (
    BANDS,
    BANDS_PER_OCTAVE,
    FRAMES,
    HELD_FRAMES,
    LOWEST_OCTAVE,
    RANGE_DB,
    RATE,
    RATIO_BANDS,
    STEP_DB,
)

MAXIMUM = RANGE_DB / STEP_DB


def tone(f_hz, seconds=1.0, decay_db_per_s=0.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * f_hz * t) * 10 ** (-decay_db_per_s * t / 20)).astype(np.float32)


def band(ratio):
    return round((np.log2(ratio) - LOWEST_OCTAVE) * BANDS_PER_OCTAVE)


def test_a_partial_lies_in_the_same_band_for_every_note():
    f0_hz, ratios = np.repeat([110.0, 261.6, 880.0], 4), np.tile([1.0, 2.0, 3.0, 4.24], 3)
    audio = np.stack([tone(f_hz) for f_hz in f0_hz * ratios])
    spectrograms = batch_spectrograms(audio, f0_hz, np.full(len(f0_hz), 0.9))
    assert spectrograms.shape == (len(f0_hz), FRAMES, BANDS)
    for spectrogram, ratio in zip(spectrograms, ratios, strict=True):
        middle = spectrogram[HELD_FRAMES // 2, :RATIO_BANDS]
        assert abs(int(np.argmax(middle)) - band(ratio)) <= 1
        assert middle.max() == pytest.approx(MAXIMUM, abs=3)


def test_levels_are_decibels_and_loudness_does_not_matter():
    audio = tone(440.0) + 0.1 * tone(1760.0)
    loud, quiet = batch_spectrograms(np.stack([audio, 0.001 * audio]), np.full(2, 440.0), np.full(2, 0.9))
    clear = loud > 60  # sums in single precision blur the lowest few decibels
    assert np.abs(quiet.astype(int) - loud.astype(int))[clear].max() <= 1
    middle = quiet[HELD_FRAMES // 2].astype(float)
    partials = [middle[band(r) - 1 : band(r) + 2].max() for r in (1.0, 4.0)]
    assert (partials[0] - partials[1]) * STEP_DB == pytest.approx(20, abs=1.5)


def test_frames_follow_the_release():
    """The first frame after key-off shows the sound at that time, wherever key-off is."""
    audio = tone(440.0, 2.0, decay_db_per_s=20.0)
    spectrograms = batch_spectrograms(np.stack([audio, audio]), np.full(2, 440.0), np.array([0.5, 1.5]))
    levels = spectrograms[:, HELD_FRAMES, :RATIO_BANDS].max(axis=1).astype(float) * STEP_DB
    assert levels[0] - levels[1] == pytest.approx(20, abs=1)


def test_silence_is_the_floor():
    assert batch_spectrograms(np.zeros((1, 100), np.float32), np.array([440.0]), np.array([1.0])).max() == 0
