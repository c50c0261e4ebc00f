"""Relaxed voices: equal to real ones at whole parameters, smooth between, with a true gradient."""

from dataclasses import fields, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import quick_jit

from ddx7.engine import (
    CONTINUOUS,
    Patch,
    plan,
    plan_nearest,
    play,
    play_differentiable,
    quantise,
    relax,
    render_differentiable,
)
from ddx7.engine.control import NearestVoice
from ddx7.engine.patch import MAXIMUM, MINIMUM
from ddx7.voice import Voice
from ddx7.voice.packing import in_range, random_vced, unpack

RATE = 44100
BLOCKS, GATE = 48, 30


def audible_voices(seed: int) -> np.ndarray:
    """One voice for each algorithm: lively, with feedback up to 4."""
    rng = np.random.default_rng(seed)
    vced = random_vced(rng, 32)
    patch = Patch.from_vced(vced)
    patch = replace(
        patch,
        algorithm=np.arange(1, 33),
        feedback=rng.integers(0, 5, 32),
        output_level=rng.integers(70, 95, (32, 6)),
        rates=rng.integers(55, 95, (32, 6, 4)),
        levels=np.concatenate([rng.integers(60, 98, (32, 6, 3)), rng.integers(0, 60, (32, 6, 1))], axis=-1),
        left_depth=rng.integers(0, 20, (32, 6)),
        right_depth=rng.integers(0, 20, (32, 6)),
        pitch_levels=rng.integers(40, 60, (32, 4)),
        velocity_sensitivity=rng.integers(0, 4, (32, 6)),
    )
    return patch.to_vced()


@pytest.fixture(scope="module")
def notes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.integers(40, 80, 32), np.full(32, 100), np.full(32, GATE)


def play_patch(
    patch: Patch, note: np.ndarray, velocity: np.ndarray, gate: np.ndarray, nearest: NearestVoice
) -> jax.Array:
    return play_differentiable(plan(patch, note, velocity, gate, RATE, nearest), BLOCKS)


sound = quick_jit(play_patch)


def test_relaxed_voice_on_whole_parameters_sounds_as_the_real_one(notes):
    patch = Patch.from_vced(audible_voices(1))
    real = play(plan(patch, *notes, RATE), BLOCKS * 64)
    with jax.enable_x64(True):  # as below, so that one program serves both tests
        exact = relax(patch, jnp.float64)
        relaxed = np.asarray(sound(exact, *notes, plan_nearest(exact, *notes, RATE)))
    error_db = 10 * np.log10(np.square(relaxed - real).sum(axis=1) / np.square(real).sum(axis=1) + 1e-20)
    assert np.median(error_db) < -120
    # Pitch modulation by a whole octave is a difference of floats here, and the phase adds it up.
    assert error_db.max() < -45


def test_gradient_matches_float64_differences_for_every_continuous_parameter_and_algorithm(notes):
    rng = np.random.default_rng(2)
    whole = Patch.from_vced(audible_voices(3))
    # Between whole numbers, where the relaxation is smooth.
    inside = {
        name: np.clip(getattr(whole, name), MINIMUM[name], MAXIMUM[name] - 1)
        + rng.uniform(0.1, 0.4, np.shape(getattr(whole, name)))
        for name in CONTINUOUS
    }
    with jax.enable_x64(True):
        patch = Patch(
            **{f.name: jnp.asarray(inside.get(f.name, getattr(whole, f.name)), jnp.float64) for f in fields(Patch)}
        )
        target = jnp.asarray(rng.standard_normal((32, BLOCKS * 64)))
        nearest = plan_nearest(patch, *notes, RATE)

        def scores(patch: Patch) -> jax.Array:
            return jnp.sum(sound(patch, *notes, nearest) * target, axis=1)

        gradient = quick_jit(jax.grad(lambda p: jnp.sum(play_patch(p, *notes, nearest) * target)))(patch)
        for name in CONTINUOUS:
            x = getattr(patch, name)
            direction = jnp.asarray(rng.choice([-1.0, 1.0], x.shape))
            slope = np.asarray(jnp.sum((getattr(gradient, name) * direction).reshape(32, -1), axis=1))
            # Below 1e-6 of a parameter's strongest slope the difference itself is noise.
            allowed = 1e-3 * np.abs(slope) + 1e-6 * np.abs(slope).max() + 1e-9
            wrong = np.ones(32, bool)
            for h in (1e-5, 1e-6, 1e-4):  # each voice agrees at one of them; the first is enough for most
                if wrong.any():
                    up, down = (scores(replace(patch, **{name: x + sign * h * direction})) for sign in (1, -1))
                    wrong &= np.abs(np.asarray(up - down) / (2 * h) - slope) > allowed
            assert not wrong.any(), name
            assert np.abs(slope).max() > 0, f"{name} reaches no sound"


@pytest.mark.slow
def test_gradient_stays_finite_at_full_feedback_over_four_seconds():
    loud = replace(Voice(), algorithm=32, feedback=7, operators=(replace(Voice().operators[0], output_level=99),) * 6)
    patch = relax(Patch.stack([loud]))
    nearest = plan_nearest(patch, 60, 100, 4 * RATE // 64, RATE)

    @quick_jit
    def gradient(patch: Patch) -> Patch:
        return jax.grad(lambda p: jnp.square(render_differentiable(p, gate=4.0, duration=4.0, nearest=nearest)).sum())(
            patch
        )

    for leaf in jax.tree.leaves(gradient(patch)):
        assert np.isfinite(leaf).all()


def test_quantise_undoes_relax_for_random_voices():
    for vced in random_vced(np.random.default_rng(4), 200):
        voice = Voice.from_vced(vced)
        assert quantise(relax(voice), voice.name) == voice


def test_quantise_undoes_relax_for_every_voice_of_the_corpus(shared):
    vced = unpack(np.load(shared / "corpus" / "voices.npz")["voices"])
    vced = vced[in_range(vced).all(axis=-1)]
    again = relax(Patch.from_vced(vced)).to_vced()
    np.testing.assert_array_equal(again[:, :145], vced[:, :145])


def test_quantise_keeps_a_wandering_patch_legal():
    rng = np.random.default_rng(6)
    patch = relax(Patch.from_vced(random_vced(rng, 50)))
    wild = jax.tree.map(lambda x: x + rng.normal(0, 200, x.shape).astype(np.float32), patch)
    assert in_range(wild.to_vced()).all()
