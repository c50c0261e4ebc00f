"""Extends integer tables and functions to real numbers: exact at whole numbers, linear between them.

All planning code runs on NumPy arrays as well as on JAX arrays and tracers. NumPy plans real voices, which needs no
compilation; JAX plans relaxed voices, inside the gradient.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

Value = Any
"""A NumPy or a JAX array; `namespace` selects the module that computes with it."""


def namespace(*values: object) -> ModuleType:
    """`jax.numpy` if any of the values is a JAX array or tracer, else `numpy`."""
    return jnp if any(isinstance(value, jax.Array) for value in values) else np


def is_relaxed(x: ArrayLike) -> bool:
    """Whether a value is a float, so that it may lie between two panel steps."""
    if isinstance(x, np.ndarray | np.generic):  # at once, because planning asks for hundreds of arrays
        return x.dtype.kind == "f"
    return bool(jnp.issubdtype(jnp.result_type(x), jnp.floating))


def between(function: Callable[[Value], Value], x: Value) -> Value:
    """`function` of an integer, or interpolated linearly between the two nearest.

    Args:
      function: elementwise function of int32.
      x: int32, or floating for a relaxed value.

    Returns:
      the values of `function` for int32; floats of the dtype of `x` for floats.
    """
    if not is_relaxed(x):
        return function(x)
    xp = namespace(x)
    x = xp.asarray(x)
    low = xp.floor(jax.lax.stop_gradient(x) if xp is jnp else x)
    t = x - low
    step = low.astype(np.int32)
    # Both products are exact at t = 0, so whole numbers give the integer's value bit for bit.
    return (1 - t) * function(step).astype(x.dtype) + t * function(step + 1).astype(x.dtype)


def lookup(table: Value, x: Value) -> Value:
    """A table at an integer, or interpolated linearly between two; held at its ends.

    Args:
      table: [n].
      x: index, int32 or floating.
    """
    xp = namespace(x)
    rows = xp.asarray(table)
    return between(lambda i: rows[xp.clip(i, 0, len(table) - 1)], x)


def whole(x: Value) -> Value:
    """A categorical value as int32, without a gradient."""
    if not is_relaxed(x):
        return x
    xp = namespace(x)
    return xp.round(jax.lax.stop_gradient(x) if xp is jnp else x).astype(np.int32)
