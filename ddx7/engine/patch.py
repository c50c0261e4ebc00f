"""`Patch`: voices as arrays, exact (integers) or relaxed (floats between them), and the way back."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import ArrayLike, Num

from ddx7.engine.interpolate import is_relaxed, namespace, whole
from ddx7.errors import Ddx7Error
from ddx7.runtime import configure
from ddx7.voice import Voice
from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX, VCED_MIN, VCED_PANEL
from ddx7.voice.spec import (
    OPERATOR_PARAMETERS,
    VCED_SIZE,
    VOICE_PARAMETERS,
)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Patch:
    """The parameters of a voice, or of a batch of voices, that reach the sound; values as on the panel.

    Integer leaves are a real voice: the engine then computes in the DX7's own integers. Floating leaves are a relaxed
    voice: every continuous parameter interpolates, and equals the real voice where it is whole. Operators run along
    the axis after the batch, OP1 first. The engine rounds categorical fields.

    `Voice` and `Operator` document each field and its range.
    """

    rates: Num[ArrayLike, "... 6 4"]
    levels: Num[ArrayLike, "... 6 4"]
    break_point: Num[ArrayLike, "... 6"]
    left_depth: Num[ArrayLike, "... 6"]
    right_depth: Num[ArrayLike, "... 6"]
    left_curve: Num[ArrayLike, "... 6"]
    right_curve: Num[ArrayLike, "... 6"]
    rate_scaling: Num[ArrayLike, "... 6"]
    amp_mod_sensitivity: Num[ArrayLike, "... 6"]
    velocity_sensitivity: Num[ArrayLike, "... 6"]
    output_level: Num[ArrayLike, "... 6"]
    fixed: Num[ArrayLike, "... 6"]
    coarse: Num[ArrayLike, "... 6"]
    fine: Num[ArrayLike, "... 6"]
    detune: Num[ArrayLike, "... 6"]
    pitch_rates: Num[ArrayLike, "... 4"]
    pitch_levels: Num[ArrayLike, "... 4"]
    algorithm: Num[ArrayLike, "..."]
    feedback: Num[ArrayLike, "..."]
    osc_sync: Num[ArrayLike, "..."]
    lfo_speed: Num[ArrayLike, "..."]
    lfo_delay: Num[ArrayLike, "..."]
    lfo_pitch_depth: Num[ArrayLike, "..."]
    lfo_amp_depth: Num[ArrayLike, "..."]
    lfo_sync: Num[ArrayLike, "..."]
    lfo_wave: Num[ArrayLike, "..."]
    pitch_mod_sensitivity: Num[ArrayLike, "..."]
    transpose: Num[ArrayLike, "..."]

    @classmethod
    def from_vced(cls, vced: np.ndarray) -> "Patch":
        """Voices in the edit form as int32 arrays.

        Args:
          vced: uint8 [*batch, 155], legal bytes.
        """
        values = np.asarray(vced).astype(np.int32) + VCED_PANEL
        return cls(**{row.name: values[..., VCED_COLUMNS[row.name]] for row in _AUDIBLE})

    def to_vced(self, name: bytes = b" " * 10) -> np.ndarray:
        """Nearest legal voices in the edit form, uint8 [*batch, 155]; all get the same ten name bytes."""
        batch = np.shape(self.algorithm)
        vced = np.empty((*batch, VCED_SIZE), np.int64)
        for row in _AUDIBLE:
            vced[..., VCED_COLUMNS[row.name]] = np.round(np.asarray(getattr(self, row.name)))
        vced = np.clip(vced - VCED_PANEL, VCED_MIN, VCED_MAX).astype(np.uint8)
        vced[..., -len(name) :] = np.frombuffer(name, np.uint8)
        return vced

    @classmethod
    def stack(cls, voices: Iterable[Voice]) -> "Patch":
        """Voices as one batch of int32 arrays with a leading axis."""
        return cls.from_vced(np.array([np.frombuffer(voice.to_vced(), np.uint8) for voice in voices]))

    @property
    def relaxed(self) -> bool:
        """Whether the leaves are floats."""
        return is_relaxed(self.output_level)

    def __getitem__(self, index: int | slice | np.ndarray) -> "Patch":
        """The same fields at an index of the leading batch axis."""
        return jax.tree.map(lambda x: x[index], self)


_AUDIBLE = tuple(row for row in OPERATOR_PARAMETERS + VOICE_PARAMETERS if row.audible)

_OWN_SHAPE = {row.name: VCED_COLUMNS[row.name].shape for row in _AUDIBLE}

CONTINUOUS = tuple(row.name for row in _AUDIBLE if not row.categorical)
"""Names of the fields that have a gradient."""
MINIMUM = {row.name: row.minimum + row.panel for row in _AUDIBLE}
"""Smallest panel value of each field."""
MAXIMUM = {row.name: row.maximum + row.panel for row in _AUDIBLE}
"""Largest panel value of each field."""


def relax(patch: Patch | Voice | Iterable[Voice], dtype: DTypeLike = jnp.float32) -> Patch:
    """Voices with floating leaves that a gradient can move.

    Args:
      patch: a voice, a sequence of voices (a `Bank` is one), or a patch.
      dtype: floating type; float64 needs JAX's x64 mode.

    Returns:
      a patch with the leading axes of the given one: none for a voice, one for a sequence.

    Raises:
      Ddx7Error: the sequence is empty.
    """
    configure()
    if isinstance(patch, Voice):
        exact = Patch.stack([patch])[0]
    elif isinstance(patch, Patch):
        exact = patch
    else:
        voices = list(patch)
        if not voices:
            raise Ddx7Error("relax: found no voices, wanted at least one")
        exact = Patch.stack(voices)
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), exact)


def check_relaxed(patch: Patch) -> None:
    """Check that a patch is relaxed and of one dtype, and that its fields have the same leading axes.

    Raises:
      Ddx7Error: it is no patch, or the first field that is wrong.
    """
    if not isinstance(patch, Patch):
        raise Ddx7Error(f"patch: found {type(patch).__name__}, wanted a Patch, which `relax` makes of voices")
    batch, first = np.shape(patch.algorithm), jnp.result_type(patch.algorithm)
    for name, own in _OWN_SHAPE.items():
        value = getattr(patch, name)
        dtype, shape = jnp.result_type(value), np.shape(value)
        if dtype not in (jnp.float32, jnp.float64) or dtype != first:
            wanted = first if first in (jnp.float32, jnp.float64) else "float32 or float64"
            raise Ddx7Error(f"patch.{name}: found {dtype}, wanted {wanted} in all fields, as `relax` returns them")
        if shape != batch + own:
            raise Ddx7Error(
                f"patch.{name}: found shape {shape}, wanted {batch + own}, as `algorithm` has shape {batch}"
            )


def clip(patch: Patch) -> Patch:
    """The same patch with every field inside its panel range."""
    xp = namespace(*jax.tree.leaves(patch))
    return Patch(**{f.name: xp.clip(getattr(patch, f.name), MINIMUM[f.name], MAXIMUM[f.name]) for f in fields(Patch)})


def anchor(patch: Patch) -> Patch:
    """The nearest real voice: rounded and clipped to int32, without a gradient."""
    return jax.tree.map(whole, clip(patch))


def quantise(patch: Patch, name: str = "") -> Voice:
    """The nearest legal voice of one unbatched patch.

    Args:
      patch: fields without a batch axis, exact or relaxed.
      name: at most ten characters.

    Returns:
      a voice; ``quantise(relax(voice), voice.name) == voice``.

    Raises:
      Ddx7Error: the patch has leading axes.
    """
    if batch := np.shape(patch.algorithm):
        raise Ddx7Error(f"quantise: found a batch of shape {batch}, wanted one voice; patch[0] is the first of a batch")
    return Voice.from_vced(patch.to_vced()).renamed(name)
