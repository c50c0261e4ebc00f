"""`render_differentiable` as JAX users call it: shapes, seconds, transformations, derivatives, and its errors."""

from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import quick_jit

import ddx7
from ddx7.engine import (
    CONTINUOUS,
    HARDWARE,
    Controllers,
    Patch,
    plan_nearest,
    relax,
    render_differentiable,
)
from ddx7.engine.patch import MAXIMUM, MINIMUM
from ddx7.voice import Voice
from ddx7.voice.packing import random_vced

RATE = 44100
BLOCK_S = 64 / RATE
DURATION_S, GATE_S = 10 * BLOCK_S, 6 * BLOCK_S
N = 3


def lively(seed: int) -> Patch:
    """Voices of which every operator sounds, with feedback up to 4."""
    rng = np.random.default_rng(seed)
    return replace(
        Patch.from_vced(random_vced(rng, N)),
        algorithm=np.array([3, 16, 32]),
        feedback=rng.integers(2, 5, N),
        output_level=rng.integers(70, 90, (N, 6)),
        rates=rng.integers(60, 95, (N, 6, 4)),
        levels=rng.integers(60, 98, (N, 6, 4)),
        left_depth=rng.integers(0, 20, (N, 6)),
        right_depth=rng.integers(0, 20, (N, 6)),
        pitch_levels=rng.integers(40, 60, (N, 4)),
    )


def between_steps(patch: Patch, seed: int) -> Patch:
    """The same voices with their continuous parameters between whole numbers, where the relaxation is smooth."""
    rng = np.random.default_rng(seed)

    def moved(name: str) -> np.ndarray:
        value = getattr(patch, name)
        return np.clip(value, MINIMUM[name], MAXIMUM[name] - 1) + rng.uniform(0.1, 0.4, value.shape)

    return relax(replace(patch, **{name: moved(name) for name in CONTINUOUS}), jnp.float64)


def play(patch: Patch, note: jax.Array, velocity: jax.Array, gate: jax.Array) -> jax.Array:
    return render_differentiable(patch, note, velocity, gate, DURATION_S, RATE)


sound = quick_jit(play)


# By default three tests below compare a batch, a single voice and a vmap to `render`.
@pytest.mark.slow
def test_a_batch_its_vmap_and_a_loop_over_voices_agree() -> None:
    patch = relax(lively(1))
    notes, velocities, gates = jnp.array([50.0, 60, 70]), jnp.array([90, 100, 127]), jnp.array([2, 6, 20]) * BLOCK_S
    batch = sound(patch, notes, velocities, gates)
    mapped = quick_jit(jax.vmap(play))(patch, notes, velocities, gates)
    loop = jnp.stack([sound(patch[k], notes[k], velocities[k], gates[k]) for k in range(N)])
    assert batch.shape == loop.shape == (N, 640)
    np.testing.assert_allclose(mapped, loop, atol=1e-6)
    np.testing.assert_allclose(batch, loop, atol=1e-6)


def test_traced_arguments_give_the_sound_of_render() -> None:
    voices = [Voice.from_vced(row) for row in lively(1).to_vced()]
    notes, velocities, gates = np.array([50, 60, 70]), np.array([90, 100, 127]), np.array([0.001, 0.0087, 0.5])
    patch = relax(Patch.stack(voices))
    traced = sound(patch, jnp.asarray(notes, jnp.float32), jnp.asarray(velocities), jnp.asarray(gates))
    np.testing.assert_allclose(traced, ddx7.render(voices, notes, velocities, gates, DURATION_S), atol=1e-4)


def test_leading_axes_broadcast_and_the_length_is_exact() -> None:
    patch = relax(lively(1))[:2]

    def shape(patch: Patch, note: object, duration: float) -> tuple[int, ...]:
        return jax.eval_shape(lambda p: render_differentiable(p, note, duration=duration), patch).shape

    assert shape(patch, np.array([[50.0], [60], [70]]), 0.01) == (3, 2, 441)
    assert shape(patch[1], 60, 0.01) == (441,)
    assert shape(patch[0], [50, 60], 0) == (2, 0)


@pytest.mark.slow
def test_a_grid_of_voices_and_notes_holds_each_voice_at_each_note() -> None:
    patch = relax(lively(1))
    rows = jax.tree.map(lambda x: x[:, None], patch)
    arguments = rows, jnp.array([50.0, 60, 70]), jnp.full(3, 100), jnp.full(3, GATE_S)
    grid = quick_jit(play)(*arguments)
    assert grid.shape == (3, 3, 640)
    diagonal = sound(patch, *arguments[1:])
    np.testing.assert_allclose(grid[np.arange(3), np.arange(3)], diagonal, atol=1e-6)


def test_controllers_a_profile_of_ones_own_and_nearest_voices_planned_outside() -> None:
    options = {"controllers": Controllers(pitch_bend=np.array([8192, 16383]), bend_range=12)}
    profile = replace(HARDWARE, gain_offset=HARDWARE.gain_offset + 1)
    voice = Voice.from_vced(lively(1).to_vced()[1])
    nearest = plan_nearest(relax(voice), 60, 100, 6, RATE, profile)
    sound = quick_jit(lambda p, n: render_differentiable(p, gate=GATE_S, duration=DURATION_S, nearest=n, **options))
    expected = ddx7.render(voice, gate=GATE_S, duration=DURATION_S, profile=profile, **options)
    np.testing.assert_allclose(sound(relax(voice), nearest), expected, atol=1e-4)
    for left_out in ({**options, "profile": HARDWARE}, {"profile": profile}):
        assert np.abs(ddx7.render(voice, gate=GATE_S, duration=DURATION_S, **left_out) - expected).max() > 1e-3


class Calculus:
    """A loss of voices in float64, with all its derivatives along a direction in one compiled program."""

    velocity, gate = np.array([90, 100, 110]), np.full(N, GATE_S)

    def __init__(self) -> None:
        rng = np.random.default_rng(8)
        self.voices = lively(2)
        patch = between_steps(self.voices, 3)
        self.point = {name: getattr(patch, name) for name in CONTINUOUS} | {"note": jnp.array([50.3, 60.2, 69.4])}
        self.direction = {
            name: jnp.asarray(rng.choice([-1.0, 1.0], x.shape) * (0.05 if name == "note" else 1))
            for name, x in self.point.items()
        }
        target = jnp.asarray(rng.standard_normal((N, 640)) * 0.1)

        def loss(point: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
            audio = self.audio_at(point)
            return jnp.square(audio - target).sum(), audio

        @quick_jit
        def derivatives(at: dict[str, jax.Array]) -> dict:
            primals, tangents = jax.jvp(jax.value_and_grad(loss, has_aux=True), (at,), (self.direction,))
            (value, audio), gradient = primals
            (slope, _), curvature = tangents
            return {"loss": value, "audio": audio, "gradient": gradient, "slope": slope, "curvature": curvature}

        self.derivatives = derivatives

    def audio_at(self, point: dict[str, jax.Array]) -> jax.Array:
        moved = replace(relax(self.voices, jnp.float64), **{name: point[name] for name in CONTINUOUS})
        return jax.vmap(play)(moved, point["note"], self.velocity, self.gate)

    def after(self, step: float) -> dict:
        """Everything at the point, moved along the direction."""
        return self.derivatives(jax.tree.map(lambda x, v: x + step * v, self.point, self.direction))


@pytest.fixture(scope="module")
def calculus() -> Iterator[Calculus]:
    with jax.enable_x64(True):
        yield Calculus()


def inner(a, b) -> float:
    return float(sum(jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)))


def test_a_vmap_plays_each_voice(calculus: Calculus) -> None:
    notes = np.array([50, 60, 69])
    with jax.enable_x64(True):
        whole = {name: jnp.asarray(getattr(calculus.voices, name), jnp.float64) for name in CONTINUOUS}
        audio = calculus.derivatives(whole | {"note": jnp.asarray(notes, jnp.float64)})["audio"]
    voices = [Voice.from_vced(row) for row in calculus.voices.to_vced()]
    expected = ddx7.render(voices, notes, calculus.velocity, GATE_S, DURATION_S)
    np.testing.assert_allclose(audio, expected, atol=1e-4)
    assert np.abs(expected).max(axis=1).min() > 0.005


def test_grad_through_vmap_and_jit_equals_differences(calculus: Calculus) -> None:
    with jax.enable_x64(True):
        slope = inner(calculus.after(0.0)["gradient"], calculus.direction)
        up, down = (calculus.after(step)["loss"] for step in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx(slope, rel=1e-5)
        assert abs(slope) > 1


def test_forward_mode_equals_reverse_mode(calculus: Calculus) -> None:
    with jax.enable_x64(True):
        at = calculus.after(0.0)
        assert float(at["slope"]) == pytest.approx(inner(at["gradient"], calculus.direction), rel=1e-9)
        # Forward mode alone, too: a rule for reverse mode alone would raise here.
        point = calculus.point, calculus.direction
        _, tangent = jax.eval_shape(lambda x, v: jax.jvp(calculus.audio_at, (x,), (v,)), *point)
        assert tangent.shape == (N, 640)


def test_hessian_vector_product_equals_differences_of_gradients(calculus: Calculus) -> None:
    with jax.enable_x64(True):
        curvature = calculus.after(0.0)["curvature"]
        up, down = (calculus.after(step)["gradient"] for step in (1e-6, -1e-6))
        for name, value in curvature.items():
            assert np.isfinite(value).all()
            difference = np.asarray(up[name] - down[name]) / 2e-6
            np.testing.assert_allclose(
                value, difference, rtol=1e-3, atol=1e-3 * np.abs(value).max() + 1e-3, err_msg=name
            )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch": relax(lively(1), jnp.bfloat16)}, "patch.rates: found bfloat16, wanted float32 or float64"),
        ({"patch": lively(1)}, "patch.rates: found int"),
        ({"patch": replace(relax(lively(1)), coarse=lively(1).coarse)}, "patch.coarse: found int32, wanted float32"),
        ({"patch": replace(relax(lively(1)), rates=jnp.zeros((2, 6, 4)))}, r"patch.rates: found shape \(2, 6, 4\)"),
        ({"patch": replace(relax(lively(1)), feedback=jnp.float32(1))}, r"patch.feedback: found shape \(\), wanted"),
        (
            {"note": [60, 61]},
            r"found patch \(3,\), note \(2,\), velocity \(\), gate \(\), wanted shapes that broadcast",
        ),
        ({"note": 128}, "note: found 128, wanted 0 to 127"),
        ({"velocity": [100, 200, 1]}, "velocity: found 200"),
        ({"gate": -1.0}, "gate: found -1"),
        ({"sample_rate": 100}, "sample_rate: found 100"),
        ({"profile": "dx9"}, "profile: found 'dx9'"),
        ({"nearest": plan_nearest(relax(lively(1))[:2], 60, 100, 6, RATE)}, r"nearest: found voices of shape \(2,\)"),
    ],
)
def test_a_wrong_argument_gets_one_sentence(changes, message) -> None:
    with pytest.raises(ddx7.Ddx7Error, match=message) as caught:
        render_differentiable(**({"patch": relax(lively(1)), "duration": 0.01} | changes))
    assert "\n" not in str(caught.value)


def test_a_traced_length_gets_one_sentence() -> None:
    patch = relax(lively(1))
    with pytest.raises((ddx7.Ddx7Error, TypeError), match="duration"):  # a TypeError where types are checked
        jax.jit(lambda duration: render_differentiable(patch, duration=duration))(1.0)
