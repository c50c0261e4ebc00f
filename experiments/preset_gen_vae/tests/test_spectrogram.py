"""Inputs of the published models, against librosa."""

import numpy as np
import pytest
from preset_gen_vae.spectrogram import (
    BANDS,
    FADE,
    FLOOR_DB,
    FRAMES,
    HIGHEST_DB,
    ONE_NOTE,
    POOL,
    RATE,
    SAMPLES,
    SIX_NOTES,
    average_pool,
    mel_spectrograms,
    render_notes,
)

from ddx7.engine import render
from ddx7.voice import Voice
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS


@pytest.fixture(scope="module")
def audio():
    other = INIT_VCED.copy()
    other[VCED_COLUMNS["velocity_sensitivity"]] = 7
    other[VCED_COLUMNS["rates"][0]] = 99, 99, 99, 50
    return render_notes(np.stack([INIT_VCED, other]), SIX_NOTES)


def test_sizes_are_the_published_ones(audio):
    assert (FRAMES, BANDS) == (347, 257)
    assert audio.shape == (2, 6, SAMPLES)
    assert ONE_NOTE[0] in SIX_NOTES
    assert mel_spectrograms(audio[:, :1]).shape == (2, 1, 347, 257)


def test_each_voice_is_rendered_on_each_note(audio):
    voice = Voice.from_vced(INIT_VCED)
    for row, (note, velocity) in enumerate(SIX_NOTES):
        alone = render(voice, note, velocity, gate=3.0, duration=4.0, sample_rate=RATE)
        np.testing.assert_allclose(audio[0, row, : SAMPLES - FADE], alone[: SAMPLES - FADE], atol=1e-6)
    assert np.abs(audio[:, :, -1]).max() == 0
    assert np.abs(audio[1, 2]).max() < 0.5 * np.abs(audio[1, 4]).max()


def test_pooled_spectrograms_are_means_of_squares():
    spectrograms = np.random.default_rng(0).normal(size=(2, 3, 2 * POOL + 3, POOL + 1))
    pooled = np.asarray(average_pool(spectrograms))
    assert pooled.shape == (2, 3, 2, 1)
    np.testing.assert_allclose(pooled[1, 2, 1, 0], spectrograms[1, 2, POOL : 2 * POOL, :POOL].mean(), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Empty filters")
def test_spectrograms_are_those_of_librosa(audio):
    import librosa

    window = np.hanning(1025)[:-1]
    for sound in (audio[0, 3], audio[1, 0]):
        magnitude = np.abs(librosa.stft(sound, n_fft=1024, hop_length=256, window=window, pad_mode="constant"))
        mel = librosa.feature.melspectrogram(S=magnitude / window.sum(), sr=RATE, n_mels=257, norm=None)
        target_db = 20 * np.log10(np.maximum(mel, 1e-6)).T
        estimate_db = (np.asarray(mel_spectrograms(sound)) + 1) / 2 * (HIGHEST_DB - FLOOR_DB) + FLOOR_DB
        np.testing.assert_allclose(estimate_db, target_db, atol=0.1)


def test_silence_is_the_floor():
    np.testing.assert_allclose(mel_spectrograms(np.zeros(SAMPLES, np.float32)), -1, atol=1e-5)
