"""A voice as one flat vector in [0, 1], for policies, flows and any model that takes or returns vectors."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from ddx7.engine.interpolate import whole
from ddx7.engine.patch import MAXIMUM, MINIMUM, Patch, clip, relax
from ddx7.errors import Ddx7Error
from ddx7.voice import Voice
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.spec import FIELDS

_NEAR = 2.0**-16  # distance in steps from a whole number that float32 rounding explains


@dataclass(frozen=True)
class VectorEntry:
    """One byte of a voice in the vector.

    Attributes:
      name: of the field in `Patch`.
      operator: 1-6, or 0 for the whole voice.
      index: within the field (0-3 for R1-R4), else 0.
      slice: its place in the vector: one number if continuous, else one for each choice.
      categorical: whether the numbers are weights of choices.
      n_choices: number of choices; 1 if continuous.
    """

    name: str
    operator: int
    index: int
    slice: slice
    categorical: bool
    n_choices: int


def _layout() -> tuple[VectorEntry, ...]:
    fields = [field for field in FIELDS if field.parameter.audible]
    fields.sort(key=lambda field: (field.parameter.categorical, field.operator or 7))
    entries, start = [], 0
    for field in fields:
        row = field.parameter
        size = row.maximum - row.minimum + 1 if row.categorical else 1
        place = slice(start, start + size)
        entries.append(VectorEntry(row.name, field.operator, field.index, place, row.categorical, size))
        start = place.stop
    return tuple(entries)


VECTOR_LAYOUT: tuple[VectorEntry, ...] = _layout()
"""The continuous part first, then the categorical part; in each OP1 to OP6, then the whole voice."""
VECTOR_SIZE = VECTOR_LAYOUT[-1].slice.stop
"""Length of the vector: 225."""
N_CONTINUOUS = sum(not entry.categorical for entry in VECTOR_LAYOUT)
"""Length of its continuous part, ``vector[..., :123]``."""


_CHOICES = {entry.name: entry.n_choices for entry in VECTOR_LAYOUT if entry.categorical}


def _places() -> dict[str, np.ndarray]:
    """Indices of each field's numbers in the vector: the shape is the field's own, with another axis for choices."""
    places = {name: np.zeros(columns.shape, int) for name, columns in VCED_COLUMNS.items() if name in MINIMUM}
    for entry in VECTOR_LAYOUT:
        place = ((entry.operator - 1,) if entry.operator else ()) + (entry.index,)
        places[entry.name][place[: places[entry.name].ndim]] = entry.slice.start
    return {
        name: start[..., None] + np.arange(_CHOICES[name]) if name in _CHOICES else start
        for name, start in places.items()
    }


_PLACES = _places()


def to_vector(patch: Patch | Voice | Iterable[Voice]) -> Float[Array, "*batch 225"]:
    """Voices as vectors; gradients pass through the continuous part.

    A continuous parameter is its panel value scaled from its range to [0, 1]. A categorical one is one-hot, because one
    number would impose an order on choices without one: algorithms with neighbouring numbers sound unrelated.
    One-hot weights also take the place of a model's softmax, and distances between vectors treat all choices alike.

    Args:
      patch: a voice, a sequence of voices, or a patch with any leading axes, exact or relaxed.

    Returns:
      float [*batch, `VECTOR_SIZE`] as `VECTOR_LAYOUT` describes; `from_vector` inverts it.
    """
    patch = patch if isinstance(patch, Patch) and patch.relaxed else relax(patch)
    nearest = clip(patch)
    dtype = jnp.result_type(patch.output_level)
    batch = np.shape(patch.algorithm)

    def numbers(name: str) -> Array:
        if name in _CHOICES:
            chosen = whole(getattr(nearest, name)) - MINIMUM[name]
            return jax.nn.one_hot(chosen, _CHOICES[name], dtype=dtype).reshape(*batch, -1)
        unit = (getattr(patch, name) - MINIMUM[name]) / (MAXIMUM[name] - MINIMUM[name])
        return jnp.reshape(unit, (*batch, -1))

    by_field = jnp.concatenate([numbers(name) for name in _PLACES], axis=-1)
    return by_field[..., np.argsort(np.concatenate([places.ravel() for places in _PLACES.values()]))]


def from_vector(vector: Num[ArrayLike, "..."]) -> Patch:
    """Relaxed voices from vectors.

    Args:
      vector: float32 or float64 [*batch, `VECTOR_SIZE`]. The largest weight of a categorical parameter counts, and no
        gradient passes through it. Continuous values beyond [0, 1] stay beyond the range; `quantise` clips them.

    Returns:
      a patch of the vector's dtype (float32 for float64 without JAX's x64 mode), equal to ``relax(voice)`` for
      ``to_vector(voice)``.

    Raises:
      Ddx7Error: another length or dtype.
    """
    if np.ndim(vector) == 0 or np.shape(vector)[-1] != VECTOR_SIZE:
        raise Ddx7Error(f"vector: found shape {np.shape(vector)}, wanted {VECTOR_SIZE} numbers along the last axis")
    vector = jnp.asarray(vector)
    if vector.dtype not in (jnp.float32, jnp.float64):
        raise Ddx7Error(f"vector: found {vector.dtype}, wanted float32 or float64")

    def value(name: str) -> Array:
        numbers = vector[..., _PLACES[name]]
        if name in _CHOICES:
            return (jnp.argmax(numbers, axis=-1) + MINIMUM[name]).astype(vector.dtype)
        return _snap(numbers * (MAXIMUM[name] - MINIMUM[name]) + MINIMUM[name])

    return Patch(**{name: value(name) for name in _PLACES})


def _snap(x: Array) -> Array:
    """Undo the rounding error of scaling a whole number to [0, 1]; gradients pass through."""
    off = jax.lax.stop_gradient(jnp.round(x) - x)
    return x + jnp.where(jnp.abs(off) < _NEAR, off, 0)
