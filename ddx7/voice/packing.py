"""Bytes of voices: the edit form (VCED, 155) and the packed form (VMEM, 128), one or millions at a time."""

from types import SimpleNamespace

import numpy as np

from ddx7.voice.spec import (
    FIELDS,
    INIT_OUTPUT_LEVEL_OP1,
    N_OPERATORS,
    OPERATOR_PARAMETERS,
    VCED_SIZE,
    VMEM_SIZE,
    VOICE_PARAMETERS,
    Parameter,
    vced_offset,
)

_VMEM_BYTE = np.array([f.vmem for f in FIELDS])
_SHIFT = np.array([f.parameter.shift for f in FIELDS], np.uint8)
_MASK = np.array([(1 << f.parameter.bits) - 1 for f in FIELDS], np.uint8)

VCED_MIN = np.array([f.parameter.minimum for f in FIELDS], np.uint8)
"""Smallest legal value of each VCED byte, uint8 [155]."""
VCED_MAX = np.array([f.parameter.maximum for f in FIELDS], np.uint8)
"""Largest legal value of each VCED byte, uint8 [155]."""
VCED_PANEL = np.array([f.parameter.panel for f in FIELDS], np.int16)
"""Offset from each VCED byte to its panel value, int16 [155]."""


def _columns(row: Parameter) -> np.ndarray:
    operators = range(1, N_OPERATORS + 1) if row in OPERATOR_PARAMETERS else (0,)
    columns = np.array([[vced_offset(row, op) + k for k in range(row.count)] for op in operators])
    return columns.reshape([n for n in columns.shape if n > 1])


VCED_COLUMNS = {row.name: _columns(row) for row in OPERATOR_PARAMETERS + VOICE_PARAMETERS}
"""VCED bytes of each row of the table: [operator, 4], OP1 first; an axis of length 1 is left out."""


def _init_vced() -> np.ndarray:
    vced = np.array([f.parameter.defaults[f.index] for f in FIELDS], np.uint8)
    output_level = next(row for row in OPERATOR_PARAMETERS if row.name == "output_level")
    vced[vced_offset(output_level, operator=1)] = INIT_OUTPUT_LEVEL_OP1
    return vced


INIT_VCED = _init_vced()
"""Yamaha's INIT VOICE as VCED bytes."""

# Bits that a legal voice may set. Reading masks the others, so equal voices compare equal.
_VMEM_USED = np.zeros(VMEM_SIZE, np.uint8)
np.bitwise_or.at(_VMEM_USED, _VMEM_BYTE, _MASK << _SHIFT)


def unpack(vmem: np.ndarray) -> np.ndarray:
    """VMEM to VCED. Bits that no parameter owns are dropped; values are not clamped.

    Args:
      vmem: uint8 [..., 128].

    Returns:
      uint8 [..., 155].
    """
    vmem = np.asarray(vmem, np.uint8)
    if vmem.shape[-1:] != (VMEM_SIZE,):
        raise ValueError(f"packed voices: last axis is {vmem.shape[-1:]}, wanted ({VMEM_SIZE},)")
    return (vmem[..., _VMEM_BYTE] >> _SHIFT) & _MASK


def pack(vced: np.ndarray) -> np.ndarray:
    """VCED to VMEM; the inverse of `unpack` for every legal voice.

    Args:
      vced: uint8 [..., 155], each byte within its bit width.

    Returns:
      uint8 [..., 128].
    """
    vced = np.asarray(vced, np.uint8)
    if vced.shape[-1:] != (VCED_SIZE,):
        raise ValueError(f"voices in edit form: last axis is {vced.shape[-1:]}, wanted ({VCED_SIZE},)")
    vmem = np.zeros((*vced.shape[:-1], VMEM_SIZE), np.uint8)
    fields = (vced & _MASK) << _SHIFT
    # Several fields share a byte, so plain indexing would keep only the last of them.
    np.bitwise_or.at(np.moveaxis(vmem, -1, 0), _VMEM_BYTE, np.moveaxis(fields, -1, 0))
    return vmem


def rows(vced: np.ndarray) -> SimpleNamespace:
    """Bytes of voices by the names of the table, as ``rows(vced).levels``.

    Args:
      vced: uint8 [..., 155].

    Returns:
      an attribute for each row of the table: int16, so that differences may be negative, [..., operator, 4] with OP1
      first; an axis of length 1 is left out.
    """
    vced = np.asarray(vced, np.int16)
    return SimpleNamespace(**{name: vced[..., columns] for name, columns in VCED_COLUMNS.items()})


def unused_bits(vmem: np.ndarray) -> np.ndarray:
    """Whether each packed voice has bits set that no parameter owns; bool [...]."""
    return np.asarray(np.any(np.asarray(vmem, np.uint8) & ~_VMEM_USED, axis=-1))


def in_range(vced: np.ndarray) -> np.ndarray:
    """Whether each VCED byte is legal; bool [..., 155]."""
    vced = np.asarray(vced)
    return (vced >= VCED_MIN) & (vced <= VCED_MAX)


def random_vced(rng: np.random.Generator, n_voices: int) -> np.ndarray:
    """Legal voices with every byte drawn uniformly from its range, uint8 [n_voices, 155]."""
    return rng.integers(VCED_MIN, VCED_MAX.astype(int) + 1, (n_voices, VCED_SIZE)).astype(np.uint8)
