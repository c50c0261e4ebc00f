"""What the ear sees of a note."""

import numpy as np
import pytest

from ddx7.encoder.examples import batch_spectrograms
from ddx7.encoder.spectrogram import (
    BANDS,
    BANDS_PER_OCTAVE,
    FRAMES,
    HELD_FRAMES,
    KEY_BANDS,
    LOWEST_OCTAVE,
    RANGE_DB,
    RATE,
    STEP_DB,
)

FULL = RANGE_DB / STEP_DB


def tone(f_hz, seconds=1.0, fall_db_per_s=0.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * f_hz * t) * 10 ** (-fall_db_per_s * t / 20)).astype(np.float32)


def band(ratio):
    return round((np.log2(ratio) - LOWEST_OCTAVE) * BANDS_PER_OCTAVE)


@pytest.mark.parametrize("f0_hz", [110.0, 261.6, 880.0])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0, 4.24])
def test_a_partial_is_at_the_same_place_for_every_key(f0_hz, ratio):
    [picture] = batch_spectrograms(tone(f0_hz * ratio)[None], np.array([f0_hz]), np.array([0.9]))
    assert picture.shape == (FRAMES, BANDS)
    middle = picture[HELD_FRAMES // 2, :KEY_BANDS]
    assert abs(int(np.argmax(middle)) - band(ratio)) <= 1
    assert middle.max() == pytest.approx(FULL, abs=3)


def test_levels_are_decibels_and_loudness_does_not_matter():
    sound = tone(440.0) + 0.1 * tone(1760.0)
    quiet, loud = batch_spectrograms(np.stack([sound, 0.001 * sound]), np.full(2, 440.0), np.full(2, 0.9))
    clear = loud > 60  # sums in single precision blur the lowest few decibels
    assert np.abs(quiet.astype(int) - loud.astype(int))[clear].max() <= 1
    middle = quiet[HELD_FRAMES // 2].astype(float)
    partials = [middle[band(r) - 1 : band(r) + 2].max() for r in (1.0, 4.0)]
    assert (partials[0] - partials[1]) * STEP_DB == pytest.approx(20, abs=1.5)


def test_frames_follow_the_release():
    """The first frame after key-up shows the sound as it is then, wherever key-up is."""
    sound = tone(440.0, 2.0, fall_db_per_s=20.0)
    pictures = batch_spectrograms(np.stack([sound, sound]), np.full(2, 440.0), np.array([0.5, 1.5]))
    levels = pictures[:, HELD_FRAMES, :KEY_BANDS].max(axis=1).astype(float) * STEP_DB
    assert levels[0] - levels[1] == pytest.approx(20, abs=1)


def test_silence_is_the_floor():
    assert batch_spectrograms(np.zeros((1, 100), np.float32), np.array([440.0]), np.array([1.0])).max() == 0
