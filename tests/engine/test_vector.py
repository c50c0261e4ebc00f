"""Vectors in [0, 1]: an exact round trip for every legal voice, a named layout, gradients, one sentence for errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ddx7
from ddx7 import engine
from ddx7.engine import (
    CONTINUOUS,
    N_CONTINUOUS,
    VECTOR_LAYOUT,
    VECTOR_SIZE,
    Patch,
    from_vector,
    quantise,
    relax,
    to_vector,
)
from ddx7.errors import Ddx7Error
from ddx7.voice import Voice
from ddx7.voice.packing import VCED_MAX, VCED_MIN, random_vced
from ddx7.voice.spec import FIELDS

BATCH = 8
there = jax.jit(to_vector)
back = jax.jit(from_vector)


VCEDS = st.tuples(*(st.integers(int(a), int(b)) for a, b in zip(VCED_MIN, VCED_MAX, strict=True)))


@settings(max_examples=40)
@given(st.lists(VCEDS, min_size=1, max_size=BATCH))
def test_every_legal_voice_comes_back_exactly(rows: list[tuple[int, ...]]) -> None:
    vced = np.array((rows * BATCH)[:BATCH], np.uint8)
    patch = relax(Patch.from_vced(vced))
    vector = there(patch)
    assert vector.shape == (BATCH, VECTOR_SIZE)
    assert vector.min() >= 0
    assert vector.max() <= 1
    again = back(vector)
    for name in Patch.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(patch, name), err_msg=name)


def test_every_step_of_every_parameter_comes_back_exactly() -> None:
    for steps in np.linspace(VCED_MIN, VCED_MAX, 16 * BATCH).round().astype(np.uint8).reshape(16, BATCH, -1):
        patch = relax(Patch.from_vced(steps))
        again = back(there(patch))
        for name in Patch.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(again, name), getattr(patch, name), err_msg=name)


def test_a_voice_comes_back_under_its_name() -> None:
    voice = Voice.from_vced(random_vced(np.random.default_rng(0), 1)[0])
    vector = to_vector(voice)
    assert vector.shape == (VECTOR_SIZE,)
    assert quantise(from_vector(vector), voice.name) == voice


def test_the_layout_names_every_number_once() -> None:
    assert sorted(k for entry in VECTOR_LAYOUT for k in range(VECTOR_SIZE)[entry.slice]) == list(range(VECTOR_SIZE))
    audible = {(f.parameter.name, f.operator, f.index) for f in FIELDS if f.parameter.kind != "text"}
    assert {(entry.name, entry.operator, entry.index) for entry in VECTOR_LAYOUT} == audible
    assert [entry.categorical for entry in VECTOR_LAYOUT] == sorted(entry.categorical for entry in VECTOR_LAYOUT)
    assert VECTOR_LAYOUT[N_CONTINUOUS].slice.start == N_CONTINUOUS
    assert {entry.name for entry in VECTOR_LAYOUT if not entry.categorical} == set(CONTINUOUS)


def test_entries_lie_where_the_layout_says() -> None:
    voice = Voice.from_vced(random_vced(np.random.default_rng(1), 1)[0])
    vector = np.asarray(to_vector(voice))
    for entry in VECTOR_LAYOUT:
        value = getattr(voice.operators[entry.operator - 1] if entry.operator else voice, entry.name)
        value = value[entry.index] if isinstance(value, tuple) else value
        row = next(field.parameter for field in FIELDS if field.parameter.name == entry.name)
        byte = value - row.panel
        if entry.categorical:
            assert entry.n_choices == row.maximum + 1
            np.testing.assert_array_equal(vector[entry.slice], np.arange(entry.n_choices) == byte)
        else:
            assert vector[entry.slice] == pytest.approx(byte / row.maximum)


def test_gradients_pass_through_the_continuous_part_alone() -> None:
    vector = to_vector(Voice()) * 0.8 + 0.05
    slope = jax.jit(jax.grad(lambda v: sum(jnp.sum(x) for x in jax.tree.leaves(from_vector(v)))))(vector)
    for entry in VECTOR_LAYOUT:
        row = next(field.parameter for field in FIELDS if field.parameter.name == entry.name)
        np.testing.assert_allclose(slope[entry.slice], 0 if entry.categorical else row.maximum, rtol=1e-6)
    round_trip = jax.jit(jax.jacfwd(lambda v: to_vector(from_vector(v))))(vector)
    np.testing.assert_allclose(round_trip, np.diag(np.arange(VECTOR_SIZE) < N_CONTINUOUS).astype(float), atol=1e-6)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (np.zeros(145, np.float32), rf"vector: found shape \(145,\), wanted {VECTOR_SIZE} numbers"),
        (np.float32(0), r"vector: found shape \(\)"),
        (np.zeros(VECTOR_SIZE, int), "vector: found int32, wanted float32 or float64"),
        (jnp.zeros(VECTOR_SIZE, jnp.bfloat16), "vector: found bfloat16"),
    ],
)
def test_a_wrong_vector_gets_one_sentence(vector, message) -> None:
    with pytest.raises(ddx7.Ddx7Error, match=message):
        from_vector(vector)


def test_a_sequence_of_voices_is_relaxed_as_a_batch() -> None:
    voices = [Voice(algorithm=k + 1, feedback=k) for k in range(3)]
    together, alone = engine.relax(voices), [engine.relax(voice) for voice in voices]
    for k, one in enumerate(alone):
        for found, expected in zip(jax.tree.leaves(together[k]), jax.tree.leaves(one), strict=True):
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(engine.to_vector(voices)[2], engine.to_vector(voices[2]), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: engine.relax([]), "relax: found no voices"),
        (lambda: engine.quantise(engine.relax([Voice()])), r"quantise: found a batch of shape \(1,\)"),
        (lambda: engine.render(Voice(), velocity=90.5), "velocity: found 90.5, wanted a whole number"),
        (lambda: engine.render(Voice(), note=60.5), "note: found 60.5, wanted a whole number"),
        (lambda: engine.render_differentiable(engine.relax(Voice()), velocity=90.5), "velocity: found 90.5"),
    ],
)
def test_a_wrong_patch_or_note_gets_one_sentence(call, message: str) -> None:
    with pytest.raises(Ddx7Error, match=message):
        call()
