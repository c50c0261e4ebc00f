"""The latent space of voices: a decoded voice is nearer to the encoded one than other voices are."""

from pathlib import Path

import numpy as np
import pytest
from corpus import HELD_OUT_EVERY

from ddx7.encoder.latent import PROBE_NOTES, decode, encode
from ddx7.library.notes import note_log_mel, pairwise_distance_db, render_notes
from ddx7.voice import Operator, Voice
from ddx7.voice.health import plausible
from ddx7.voice.packing import VCED_COLUMNS, in_range, unpack

N, DECODED = 8, 16


# Rates and levels of envelopes, and modulators: ratio, fine and output level.
ORGAN, PLUCKED, SLOW = (
    ((99, 99, 99, 80), (99, 99, 99, 0)),
    ((99, 55, 40, 60), (99, 60, 0, 0)),
    ((45, 40, 30, 45), (99, 95, 90, 0)),
)
STRUCK = ((99, 70, 60, 60), (99, 30, 0, 0))
DULL, BRIGHT, BELL, HOLLOW = (1, 0, 60), (1, 0, 92), (7, 13, 80), (2, 0, 84)


def two_operator_voice(envelope: tuple, modulator: tuple, sub_octave: bool) -> np.ndarray:
    """A carrier and a modulator, uint8 [155]."""
    (rates, levels), (coarse, fine, output_level) = envelope, modulator
    carrier = Operator(rates=rates, levels=levels, output_level=99, coarse=0 if sub_octave else 1)
    modulating = Operator(rates=rates, levels=levels, output_level=output_level, coarse=coarse, fine=fine)
    voice = Voice(operators=(carrier, modulating, *Voice().operators[2:]), algorithm=5)
    return np.frombuffer(voice.to_vced(), np.uint8)


@pytest.fixture(scope="module")
def voices() -> np.ndarray:
    """Simple voices that differ in timbre, envelope and register, uint8 [8, 155]."""
    settings = [
        *((ORGAN, DULL, False), (ORGAN, BRIGHT, False), (ORGAN, HOLLOW, True), (PLUCKED, BRIGHT, False)),
        *((PLUCKED, BELL, False), (SLOW, HOLLOW, False), (SLOW, BRIGHT, True), (STRUCK, DULL, False)),
    ]
    return np.stack([two_operator_voice(*setting) for setting in settings])


@pytest.fixture(scope="module")
def latent(voices: np.ndarray) -> np.ndarray:
    return encode(voices)


def decoded_distances_db(voices: np.ndarray, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances of decoded voices to their own, [voice, decoded], and to the others, [voice, other, decoded]."""
    decoded = decode(latent, DECODED, seed=1)
    assert decoded.shape == (N, DECODED, 155)
    assert decoded.dtype == np.uint8
    assert in_range(decoded).all()
    spectra = note_log_mel(render_notes(np.concatenate([voices, decoded.reshape(-1, 155)])))
    distance_db = pairwise_distance_db(spectra[:N], spectra[N:]).reshape(N, N, DECODED)
    return np.diagonal(distance_db).T, distance_db[~np.eye(N, dtype=bool)].reshape(N, N - 1, DECODED)


def assert_nearer_to_their_own(voices: np.ndarray, latent: np.ndarray) -> None:
    own, others = decoded_distances_db(voices, latent)
    assert np.median(own) < 0.9 * np.median(others)
    assert np.median(own.min(axis=1) / others.min(axis=2).mean(axis=1)) < 0.8


def test_decoded_voices_are_nearer_to_their_own_voice_than_to_others(voices: np.ndarray, latent: np.ndarray) -> None:
    assert_nearer_to_their_own(voices, latent)


def test_decoded_held_out_human_voices_are_nearer_to_their_own(shared: Path) -> None:
    corpus = np.load(shared / "corpus" / "voices.npz")
    vced = unpack(corpus["voices"][corpus["family"] % HELD_OUT_EVERY == 0])
    vced = vced[in_range(vced).all(axis=1) & plausible(vced)].astype(np.uint8)
    chosen = vced[np.random.default_rng(1).permutation(len(vced))[:N]]
    assert_nearer_to_their_own(chosen, encode(chosen))


def test_equal_sounds_have_equal_embeddings_and_others_do_not(voices: np.ndarray, latent: np.ndarray) -> None:
    renamed = voices.copy()
    renamed[:, VCED_COLUMNS["name"]] = 88
    np.testing.assert_allclose(encode(renamed), latent, atol=1e-4)
    difference = np.abs(latent[:, None] - latent).mean(axis=-1)
    assert (difference[~np.eye(N, dtype=bool)] > 0.01).all()


def test_decoding_depends_on_the_seed_unless_the_temperature_is_near_0(latent: np.ndarray) -> None:
    first = decode(latent[:2], 3, seed=1)
    np.testing.assert_array_equal(first, decode(latent[:2], 3, seed=1))
    assert (first != decode(latent[:2], 3, seed=2)).any()
    assert (decode(latent[:1], 8, temperature=1e-6)[0] == decode(latent[:1], 1, seed=5, temperature=1e-6)[0]).all()


def test_the_probe_notes_differ() -> None:
    assert len({tuple(note_event) for note_event in PROBE_NOTES}) == len(PROBE_NOTES) > 1
