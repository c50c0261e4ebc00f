"""Voices that tests of several parts of the engine play."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import jax

from ddx7.voice import Voice, init_voice

quick_jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""`jax.jit` for programs that run a few times: compiling them takes longer than running them.

One program also compiles faster than its operations one by one, as `Module.init` and `Module.apply` call them.
"""


@contextmanager
def quick_compilation() -> Iterator[None]:
    """Compile everything without most of XLA's optimisations.

    For tests that ask whether something learns, resumes and is refused, and hold no sound that a user hears.
    """
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)
        jax.clear_caches()  # what comes later is compiled as a user's


def organ(levels: dict[int, int], coarse: dict[int, int], **changes: int) -> Voice:
    """Operators that are on at once and stay on."""
    base = init_voice()
    operators = (
        replace(base.operators[0], levels=(99,) * 4, output_level=levels.get(op, 0), coarse=coarse.get(op, op))
        for op in range(1, 7)
    )
    return replace(base, operators=tuple(operators), **changes)
