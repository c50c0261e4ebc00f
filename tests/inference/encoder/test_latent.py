"""The latent of voices: what is decoded sounds like what was encoded, more than other voices do."""

import numpy as np
import pytest

from ddx7.inference.encoder.latent import HANDS, decode, encode
from ddx7.library.hearing import apart_db, hear, look
from ddx7.voice.packing import VCED_COLUMNS, in_range, random_vced

N, DRAWN = 6, 16


@pytest.fixture(scope="module")
def voices() -> np.ndarray:
    """Voices that nobody programmed, each of a kind of its own: plucked or held, dark or bright, near or far ratios."""
    rng = np.random.default_rng(3)
    vced = random_vced(rng, N)
    vced[:, VCED_COLUMNS["output_level"]] = rng.integers(60, 99, (N, 6))
    vced[:, VCED_COLUMNS["levels"]] = (99, 92, 80, 0)
    vced[:, VCED_COLUMNS["rates"]] = (90, 50, 40, 60)
    vced[::2, VCED_COLUMNS["rates"]] = (50, 60, 55, 40)
    vced[:, VCED_COLUMNS["fixed"]] = 0
    vced[:, VCED_COLUMNS["coarse"]] = rng.integers(1, 6, (N, 6))
    vced[:, VCED_COLUMNS["pitch_levels"]] = 50
    vced[:, VCED_COLUMNS["transpose"]] = 24
    for name in ("left_depth", "right_depth", "lfo_pitch_depth", "lfo_amp_depth", "fine"):
        vced[:, VCED_COLUMNS[name]] = 0
    return vced


@pytest.fixture(scope="module")
def latent(voices: np.ndarray) -> np.ndarray:
    return encode(voices)


def test_a_voice_comes_back_nearer_than_another(voices: np.ndarray, latent: np.ndarray) -> None:
    back = decode(latent, DRAWN, seed=1)
    assert back.shape == (N, DRAWN, 155)
    assert back.dtype == np.uint8
    assert in_range(back).all()
    sound = look(hear(voices))
    drawn = look(hear(back.reshape(-1, 155)))
    apart = apart_db(sound, drawn).reshape(N, N, DRAWN)
    own = np.diagonal(apart).T
    others = apart[~np.eye(N, dtype=bool)].reshape(N, N - 1, DRAWN)
    # One draw on the whole, and the nearest of all draws, are nearer than those for the other voices.
    assert np.median(own, axis=1).mean() < 0.8 * np.median(others, axis=(1, 2)).mean()
    assert (own.min(axis=1) < others.min(axis=2).mean(axis=1)).all()


def test_equal_sounds_lie_in_one_place(voices: np.ndarray, latent: np.ndarray) -> None:
    renamed = voices[:1].copy()
    renamed[:, VCED_COLUMNS["name"]] = 88
    np.testing.assert_allclose(encode(renamed), latent[:1], atol=1e-4)
    apart = np.abs(latent[:, None] - latent).mean(axis=-1)
    assert (apart[~np.eye(N, dtype=bool)] > 0.01).all()


def test_chance_has_a_seed(latent: np.ndarray) -> None:
    first = decode(latent[:2], 3, seed=1)
    np.testing.assert_array_equal(first, decode(latent[:2], 3, seed=1))
    assert (first != decode(latent[:2], 3, seed=2)).any()
    assert (decode(latent[:1], 8, temperature=1e-6)[0] == decode(latent[:1], 1, seed=5, temperature=1e-6)[0]).all()


def test_a_voice_is_heard_by_unlike_notes() -> None:
    assert len({tuple(hand) for hand in HANDS}) == len(HANDS) > 1
