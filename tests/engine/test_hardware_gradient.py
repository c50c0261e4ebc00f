"""Relaxed voices of the machine: equal to real ones at whole parameters, with a true gradient, loops included."""

from dataclasses import fields, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import quick_jit

from ddx7.engine import CONTINUOUS, HARDWARE, Patch, plan, plan_nearest, play, play_differentiable, relax
from ddx7.engine.control import NearestVoice
from ddx7.engine.patch import MAXIMUM, MINIMUM
from ddx7.voice import Voice
from ddx7.voice.packing import random_vced

RATE = 44100
BLOCKS, GATE = 48, 30
ALGORITHMS = np.array([1, 4, 6, 4, 6, 16, 22, 32])
N = len(ALGORITHMS)
NOTES = np.arange(45, 45 + 4 * N, 4), np.full(N, 90), np.full(N, GATE)


def voices(seed: int) -> Patch:
    rng = np.random.default_rng(seed)
    patch = Patch.from_vced(random_vced(rng, N))
    return replace(
        patch,
        algorithm=ALGORITHMS,
        feedback=rng.integers(2, 5, N),
        output_level=rng.integers(65, 85, (N, 6)),
        rates=rng.integers(55, 95, (N, 6, 4)),
        levels=np.concatenate([rng.integers(60, 98, (N, 6, 3)), rng.integers(0, 60, (N, 6, 1))], axis=-1),
        left_depth=rng.integers(0, 20, (N, 6)),
        right_depth=rng.integers(0, 20, (N, 6)),
        pitch_levels=rng.integers(40, 60, (N, 4)),
        velocity_sensitivity=rng.integers(0, 4, (N, 6)),
        amp_mod_sensitivity=np.zeros((N, 6), int),  # its bytes are cut, which the relaxation leaves out
        lfo_pitch_depth=np.zeros(N, int),
    )


def play_patch(patch: Patch, nearest: NearestVoice) -> jax.Array:
    return play_differentiable(plan(patch, *NOTES, RATE, nearest), BLOCKS)


sound = quick_jit(play_patch)


def test_relaxed_voice_on_whole_parameters_sounds_as_the_real_one() -> None:
    patch = voices(1)
    real = play(plan(patch, *NOTES, RATE, profile=HARDWARE), BLOCKS * 64)
    with jax.enable_x64(True):  # as below, so that one program serves both tests
        exact = relax(patch, jnp.float64)
        relaxed = np.asarray(sound(exact, plan_nearest(exact, *NOTES, RATE, HARDWARE)))
    error_db = 10 * np.log10(np.square(relaxed - real).sum(axis=1) / np.square(real).sum(axis=1) + 1e-20)
    assert np.median(error_db) < -80
    assert error_db.max() < -40


def test_gradient_matches_float64_differences() -> None:
    rng = np.random.default_rng(2)
    whole = voices(3)
    inside = {
        field: np.clip(getattr(whole, field), MINIMUM[field], MAXIMUM[field] - 1)
        + rng.uniform(0.1, 0.4, np.shape(getattr(whole, field)))
        for field in CONTINUOUS
    }
    with jax.enable_x64(True):
        patch = Patch(
            **{f.name: jnp.asarray(inside.get(f.name, getattr(whole, f.name)), jnp.float64) for f in fields(Patch)}
        )
        target = jnp.asarray(rng.standard_normal((N, BLOCKS * 64)))
        nearest = plan_nearest(patch, *NOTES, RATE, HARDWARE)
        assert nearest.crossing

        def scores(moved: dict[str, jax.Array]) -> jax.Array:
            return jnp.sum(sound(replace(patch, **moved), nearest) * target, axis=1)

        all_of = {name: getattr(patch, name) for name in ("feedback", "output_level", "rates", "fine")}
        gradient = quick_jit(
            jax.grad(lambda moved: jnp.sum(play_patch(replace(patch, **moved), nearest) * target)),
        )(all_of)
        for name, x in all_of.items():
            direction = jnp.asarray(rng.choice([-1.0, 1.0], x.shape))
            slope = np.asarray(jnp.sum((gradient[name] * direction).reshape(N, -1), axis=1))
            allowed = 1e-3 * np.abs(slope) + 1e-6 * np.abs(slope).max() + 1e-9
            wrong = np.ones(N, bool)
            for h in (1e-5, 1e-6, 1e-4):  # each voice agrees at one of them; the first is enough for most
                if wrong.any():
                    up, down = (scores({**all_of, name: x + sign * h * direction}) for sign in (1, -1))
                    wrong &= np.abs(np.asarray(up - down) / (2 * h) - slope) > allowed
            assert not wrong.any(), name
            assert np.abs(slope[1:5]).min() > 0, name


def test_only_batches_with_algorithm_4_or_6_solve_several_operators() -> None:
    patch = relax(Patch.stack([Voice(), replace(Voice(), algorithm=6)]))
    notes = np.array([60]), np.array([100]), np.array([9])
    crossing = [plan_nearest(patch[k : k + 1], *notes, RATE, HARDWARE).crossing for k in (0, 1)]
    assert crossing == [False, True]


# By default the test above has the gradient of these loops; it is a chaotic one over a second that compiles for long.
@pytest.mark.slow
def test_gradient_stays_finite_where_a_loop_is_chaotic() -> None:
    loud = replace(Voice().operators[0], output_level=99)
    patch = relax(Patch.stack([replace(Voice(), algorithm=a, feedback=7, operators=(loud,) * 6) for a in (4, 6)]))
    notes = np.array([60, 40]), np.array([100, 127]), np.array([700, 700])
    nearest = plan_nearest(patch, *notes, RATE, HARDWARE)

    @quick_jit
    def gradient(patch: Patch) -> Patch:
        return jax.grad(lambda p: jnp.square(play_differentiable(plan(p, *notes, RATE, nearest), 700)).sum())(patch)

    for leaf in jax.tree.leaves(gradient(patch)):
        assert np.isfinite(leaf).all()
