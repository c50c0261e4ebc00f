"""Checks of arguments: each raises one sentence that names the argument, what was found and what was wanted."""

from collections.abc import Sequence

import numpy as np
from jax import numpy as jnp
from jax.core import Tracer
from jaxtyping import ArrayLike, Num

from ddx7.errors import ArgumentError, Ddx7Error

PerVoice = Num[ArrayLike, "..."] | Sequence[float | int]
"""One number, or one for each voice."""


def check_whole(name: str, value: PerVoice) -> None:
    """Check that every value is a whole number; a tracer, which has no value yet, passes.

    Raises:
      ArgumentError: a value has a fraction.
    """
    if isinstance(value, Tracer):
        return
    values = np.ravel(np.asarray(value, float))
    if (off := values[values != np.round(values)]).size:
        raise ArgumentError(f"{name}: found {off[0]:g}, wanted a whole number")


def check_range(name: str, value: PerVoice, low: float | int, high: float | int) -> None:
    """Check that every value is a real number in [low, high]; a tracer, which has no value yet, passes.

    Args:
      name: of the argument.
      value: a number or numbers.
      low: smallest value allowed.
      high: largest value allowed.

    Raises:
      ArgumentError: a value is no real number, or out of range.
    """
    values = value if isinstance(value, Tracer) else np.asarray(value)
    if not (jnp.issubdtype(values.dtype, jnp.floating) or jnp.issubdtype(values.dtype, jnp.integer)):
        raise ArgumentError(f"{name}: found values of type {values.dtype}, wanted numbers from {low:g} to {high:g}")
    if isinstance(values, Tracer):
        return
    values = values.astype(float)
    bad = values[~((values >= low) & (values <= high))]
    if bad.size:
        raise ArgumentError(f"{name}: found {bad.flat[0]:g}, wanted {low:g} to {high:g}")


def check_static(name: str, value: float | int, low: float | int, high: float | int) -> None:
    """Check a single number that decides what is compiled, so that it cannot be traced.

    Raises:
      ArgumentError: as `check_range`, or a tracer or several numbers.
    """
    if isinstance(value, Tracer):
        raise ArgumentError(f"{name}: found a traced value, wanted a plain number (mark it static in `jax.jit`)")
    if np.ndim(value):
        raise ArgumentError(f"{name}: found shape {np.shape(value)}, wanted one number")
    check_range(name, value, low, high)


def broadcast_shape(**shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which several arguments broadcast.

    Args:
      **shapes: by the names of the arguments.

    Raises:
      Ddx7Error: they do not broadcast.
    """
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise Ddx7Error(f"shapes: found {found}, wanted shapes that broadcast") from None
