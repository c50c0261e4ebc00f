"""The latent of voices: what is decoded sounds like what was encoded, more than other voices do."""

from pathlib import Path

import numpy as np
import pytest

import ddx7
from ddx7.encoder.latent import PROBE_NOTES, decode, encode
from ddx7.library.notes import note_log_mel, pairwise_distance_db, render_notes
from ddx7.voice.health import plausible
from ddx7.voice.packing import VCED_COLUMNS, in_range, unpack

N, DRAWN = 8, 16
UNLEARNED_EVERY = 33  # of the families of human voices, as in experiments/encoder/split.py


@pytest.fixture(scope="module")
def voices() -> np.ndarray:
    """Voices that nobody has programmed, as people might."""
    return np.stack([np.frombuffer(voice.to_vced(), np.uint8) for voice in ddx7.generate(N, seed=1)])


@pytest.fixture(scope="module")
def latent(voices: np.ndarray) -> np.ndarray:
    return encode(voices)


def come_back(voices: np.ndarray, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far drawn voices are from those they were drawn for, [voice, draw], and from others, [voice, other, draw]."""
    back = decode(latent, DRAWN, seed=1)
    assert back.shape == (N, DRAWN, 155)
    assert back.dtype == np.uint8
    assert in_range(back).all()
    apart = pairwise_distance_db(
        note_log_mel(render_notes(voices)), note_log_mel(render_notes(back.reshape(-1, 155)))
    ).reshape(N, N, DRAWN)
    return np.diagonal(apart).T, apart[~np.eye(N, dtype=bool)].reshape(N, N - 1, DRAWN)


def test_a_voice_comes_back_nearer_than_others(voices: np.ndarray, latent: np.ndarray) -> None:
    own, others = come_back(voices, latent)
    assert np.median(own) < 0.9 * np.median(others)
    assert np.median(own.min(axis=1) / others.min(axis=2).mean(axis=1)) < 0.8


def test_an_unlearned_human_voice_comes_back_nearer_than_others(shared: Path) -> None:
    corpus = np.load(shared / "corpus" / "voices.npz")
    vced = unpack(corpus["voices"][corpus["family"] % UNLEARNED_EVERY == 0])
    vced = vced[in_range(vced).all(axis=1) & plausible(vced)].astype(np.uint8)
    chosen = vced[np.random.default_rng(1).permutation(len(vced))[:N]]
    own, others = come_back(chosen, encode(chosen))
    assert np.median(own) < 0.9 * np.median(others)
    assert np.median(own.min(axis=1) / others.min(axis=2).mean(axis=1)) < 0.8


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
    assert len({tuple(hand) for hand in PROBE_NOTES}) == len(PROBE_NOTES) > 1
