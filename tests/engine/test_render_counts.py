"""What a render costs, by counts that no clock disturbs: programs, memory, and turns of loops."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import jax
import numpy as np
import pytest

import ddx7
from ddx7.engine import Patch, plan, play, relax, render_differentiable, renderer
from ddx7.engine.tables import BLOCK
from ddx7.errors import Ddx7Error
from ddx7.voice import Voice
from ddx7.voice.packing import random_vced

RATE = 44_100
PER_VOICE = 16_000
"""Bytes that a voice may take beside its sound: its plan, 32 moves of six envelopes, and its state."""
ONCE = 2_000_000
"""Bytes that a call may take beside that: the scratch memory of each core."""


def some_voices(n: int, seed: int) -> list[Voice]:
    return [Voice.from_vced(vced) for vced in random_vced(np.random.default_rng(seed), n)]


@pytest.mark.parametrize(("n", "seconds"), [(64, 0.5), (64, 2.0), (256, 0.5)])
def test_a_render_makes_one_array_of_sound_and_no_copy(n: int, seconds: float) -> None:
    assert renderer.warm().state == "ready"
    patch = Patch.from_vced(random_vced(np.random.default_rng(n), n))
    notes = np.full(n, 60)

    def run() -> np.ndarray:
        return play(plan(patch, notes, notes, notes, RATE), round(seconds * RATE))

    run()
    tracemalloc.start()
    try:
        audio = run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert audio.nbytes == 4 * n * round(seconds * RATE)
    assert peak < audio.nbytes + PER_VOICE * n + ONCE < 2 * audio.nbytes


def test_a_render_into_an_array_of_ones_own_makes_none() -> None:
    patch, notes, lengths = (
        Patch.from_vced(random_vced(np.random.default_rng(1), 64)),
        np.full(64, 60),
        np.full(64, RATE),
    )
    lengths[3] = 100
    plans = plan(patch, notes, notes, notes, RATE)
    expected, out = play(plans, lengths), np.ones((64, RATE), np.float32)
    tracemalloc.start()
    try:
        found = play(plans, lengths, out=out)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found is out
    np.testing.assert_array_equal(found, expected)
    assert peak < PER_VOICE * 64 + ONCE < out.nbytes / 2


def test_an_array_that_does_not_fit_is_refused() -> None:
    patch = Patch.from_vced(random_vced(np.random.default_rng(1), 2))
    plans = plan(patch, np.array([60, 60]), np.array([90, 90]), np.array([9, 9]), RATE)
    with pytest.raises(Ddx7Error, match=r"out: found float32 \(2, 65\), wanted float32 \(2, 64\)"):
        play(plans, 64, out=np.zeros((2, 65), np.float32))
    with pytest.raises(Ddx7Error, match="out: found an array that is read-only or not contiguous"):
        play(plans, 64, out=np.zeros((2, 128), np.float32)[:, ::2])


def test_by_machine_code_no_program_of_jax_is_made(programs_made: Callable[[], int]) -> None:
    assert renderer.warm().state == "ready"
    before = programs_made()
    for n, seconds in ((1, 0.1), (5, 0.3), (33, 0.02)):
        ddx7.render(some_voices(n, seed=n), duration=seconds, operators=n == 5)
    assert programs_made() == before


@pytest.mark.usefixtures("by_jax")
def test_by_jax_a_batch_of_other_voices_makes_no_program(programs_made: Callable[[], int]) -> None:
    ddx7.render(some_voices(4, seed=3), duration=0.1)
    before = programs_made()
    ddx7.render([replace(voice, algorithm=7) for voice in some_voices(4, seed=9)], [30, 60, 70, 127], duration=0.9)
    assert programs_made() == before


def turns(jaxpr) -> int:
    """Times that the innermost bodies of a program's loops run, one after another."""
    total = 0
    for equation in jaxpr.eqns:
        parts = jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr"))
        inner = [part for part in (getattr(x, "jaxpr", x) for x in parts) if hasattr(part, "eqns")]
        assert equation.primitive.name != "while", "a loop whose length the program does not say"
        if equation.primitive.name == "scan":
            total += equation.params["length"] * max(1, *map(turns, inner))
        else:
            total += sum(map(turns, inner))
    return total


def test_a_gradient_runs_sample_after_sample_once_each_way_and_only_through_the_feedback() -> None:
    def turns_of(n_voices: int, n_blocks: int) -> int:
        patch = relax(Patch.from_vced(random_vced(np.random.default_rng(0), n_voices)))

        def loss(patch: Patch) -> jax.Array:
            return (render_differentiable(patch, duration=n_blocks * BLOCK / RATE) ** 2).sum()

        return turns(jax.make_jaxpr(jax.grad(loss))(patch).jaxpr)

    forwards_and_backwards = 2 * 90 * BLOCK
    more = turns_of(5, 100) - turns_of(2, 10)
    # A turn or two for each voice: their parameters are combined in a loop, not their samples.
    assert forwards_and_backwards <= more <= forwards_and_backwards + 2 * 3
