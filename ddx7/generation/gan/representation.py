"""Voices as fields, which a generator draws all at once and a critic compares.

A field is one audible parameter, as one of its legal values, so every combination of field values is a legal voice.
Fields are the tokens of `ddx7.encoder.tokens` with three differences. The algorithm is a condition and no field. An
operator's frequency has separate fields for ratio and for fixed mode, because the same bytes mean other things there;
only those of its mode apply. Of an operator that is off only the output level applies. A field that does not apply
is -1 and a vector of zeros to the networks. Interchangeable operators are sorted, in real and generated voices alike.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer, UInt8

from ddx7.encoder import tokens
from ddx7.encoder.tokens import to_vced as tokens_to_vced
from ddx7.library.canonical import canonical
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, VCED_MAX
from ddx7.voice.spec import FIELDS, N_OPERATORS
from ddx7.voice.symmetry import permuted, sorting

ABSENT = -1
"""The value of a field that does not apply."""

_DECADES = 4  # of a fixed frequency: 1, 10, 100, 1000 Hz


class FieldSpec(NamedTuple):
    """A field.

    Attributes:
      name: row of the parameter table, or the part of it that the field holds.
      size: number of values.
      ordered: whether neighbouring values sound alike.
    """

    name: str
    size: int
    ordered: bool


def _field_specs(token: np.ndarray) -> tuple[FieldSpec, ...]:
    rows = [FIELDS[column].parameter for column in tokens.COLUMNS[token]]
    return tuple(FieldSpec(row.name, row.maximum + 1, not row.categorical and row.maximum > 1) for row in rows)


_FIRST = tokens.N_FIRST
_OF_VOICE = np.flatnonzero((tokens.OPERATOR < 0) & (VCED_COLUMNS["algorithm"] != tokens.COLUMNS))
_OF_OPERATOR = np.arange(_FIRST, _FIRST + tokens.N_OF_OPERATOR)

VOICE_FIELDS = _field_specs(_OF_VOICE)
"""Fields of the whole voice."""
_SHARED = _field_specs(_OF_OPERATOR)
_INDEX = {spec.name: k for k, spec in reversed(list(enumerate(_SHARED)))}
_COARSE, _FINE, _FIXED, _OUTPUT = (_INDEX[name] for name in ("coarse", "fine", "fixed", "output_level"))
OPERATOR_FIELDS = (*_SHARED, FieldSpec("decade", _DECADES, True), FieldSpec("fixed fine", _SHARED[_FINE].size, True))
"""Fields of each operator; coarse and fine are those of a ratio."""

N_VOICE, N_OPERATOR = len(VOICE_FIELDS), len(OPERATOR_FIELDS)
_DECADE, _FIXED_FINE = N_OPERATOR - 2, N_OPERATOR - 1


class Fields(NamedTuple):
    """Fields of voices, `ABSENT` where one does not apply.

    Attributes:
      voice: [voice, N_VOICE].
      operators: [voice, 6, N_OPERATOR], OP1 first.
    """

    voice: np.ndarray
    operators: np.ndarray


def to_fields(vced: UInt8[np.ndarray, "voice 155"]) -> tuple[Fields, Int[np.ndarray, "voice 6"]]:
    """Convert voices to fields.

    Args:
      vced: legal bytes.

    Returns:
      the fields, int16, and the order in which operators were sorted: operator i of the fields was operator
      ``order[:, i]`` of the voice.
    """
    audible = canonical(vced)
    order = sorting(audible)
    token = permuted(audible, order)[:, tokens.COLUMNS].astype(np.int16)
    shared = token[:, _OF_OPERATOR[0] : _OF_OPERATOR[0] + N_OPERATORS * tokens.N_OF_OPERATOR]
    shared = shared.reshape(-1, N_OPERATORS, tokens.N_OF_OPERATOR)
    operators = np.full((len(vced), N_OPERATORS, N_OPERATOR), ABSENT, np.int16)
    operators[..., : len(_SHARED)] = shared
    fixed = shared[..., _FIXED] == 1
    for ratio_field, fixed_field in ((_COARSE, _DECADE), (_FINE, _FIXED_FINE)):
        operators[..., fixed_field] = np.where(fixed, shared[..., ratio_field], ABSENT)
        operators[..., ratio_field] = np.where(fixed, ABSENT, shared[..., ratio_field])
    off = np.all(shared == 0, axis=-1)
    operators[off] = ABSENT
    operators[off, _OUTPUT] = 0
    return Fields(token[:, _OF_VOICE], operators), order


def to_vced(algorithm: Integer[np.ndarray, " voice"], fields: Fields) -> UInt8[np.ndarray, "voice 155"]:
    """Convert fields to legal voices named INIT VOICE; absent and inaudible fields get that voice's values.

    Args:
      algorithm: 0-31.
      fields: each below its size; frequency fields of the other mode are ignored.
    """
    token = np.zeros((len(algorithm), tokens.N_TOKENS), np.int16)
    token[:, _OF_VOICE] = fields.voice
    shared = np.array(fields.operators[..., : len(_SHARED)])
    fixed = shared[..., _FIXED] == 1
    for ratio_field, fixed_field in ((_COARSE, _DECADE), (_FINE, _FIXED_FINE)):
        shared[..., ratio_field] = np.where(fixed, fields.operators[..., fixed_field], shared[..., ratio_field])
    token[:, _OF_OPERATOR[0] : _OF_OPERATOR[0] + N_OPERATORS * tokens.N_OF_OPERATOR] = shared.reshape(len(shared), -1)
    token[:, VCED_COLUMNS["algorithm"] == tokens.COLUMNS] = algorithm[:, None]
    return tokens_to_vced(np.maximum(token, 0).astype(np.uint8))


# Parameters that are inaudible together.
_GROUPS = (
    *(("pitch_rates",), ("pitch_levels", "pitch_rates"), ("break_point",), ("left_curve",), ("right_curve",)),
    *(("lfo_delay",), ("lfo_pitch_depth",), ("lfo_amp_depth",), ("pitch_mod_sensitivity",)),
    ("lfo_speed", "lfo_delay", "lfo_sync", "lfo_wave"),
)


def reset_inaudible(vced: UInt8[np.ndarray, "voice 155"]) -> UInt8[np.ndarray, "voice 155"]:
    """Set inaudible parameters to those of INIT VOICE, so that a player who turns one up starts from a usual value.

    The sound stays the same.
    """
    result, target = np.array(vced), canonical(vced)
    for names in _GROUPS:
        columns_of = (np.atleast_2d(VCED_COLUMNS[name].reshape(_copies(name), -1)) for name in names)
        for row in zip(*columns_of, strict=True):
            columns = np.concatenate(row)
            candidate = result.copy()
            candidate[:, columns] = INIT_VCED[columns]
            same = np.all(canonical(candidate) == target, axis=-1)
            result[same] = candidate[same]
    return result


def _copies(name: str) -> int:
    """How often a parameter occurs: once, or once an operator."""
    return N_OPERATORS if FIELDS[VCED_COLUMNS[name].ravel()[0]].operator else 1


def smooth_basis(
    fields: tuple[FieldSpec, ...], values: int, hats: int = 8
) -> Float[np.ndarray, "field_value function"]:
    """Smooth functions of the values of ordered fields; layers built on them treat neighbouring values alike.

    Args:
      fields: of the one-hot vector.
      values: entries of each field in the one-hot vector.
      hats: overlapping triangles over the range of a field; the value itself is one more function.

    Returns:
      float32, the functions of each field in columns of their own.
    """
    ordered = [k for k, field in enumerate(fields) if field.ordered and field.size > hats]
    basis = np.zeros((len(fields), values, len(ordered), hats + 1), np.float32)
    for column, k in enumerate(ordered):
        x = np.arange(fields[k].size) / (fields[k].size - 1)
        triangles = np.maximum(0, 1 - np.abs((hats - 1) * x[:, None] - np.arange(hats)))
        basis[k, : fields[k].size, column] = np.concatenate([triangles, x[:, None]], axis=1)
    return basis.reshape(len(fields) * values, -1)


def parameter_vectors(vced: UInt8[np.ndarray, "voice 155"]) -> Float[np.ndarray, "voice feature"]:
    """Voices as points with meaningful distances: each audible byte over its range, categorical ones one-hot.

    Returns:
      float32, some 174 features; two values of a categorical parameter are 1 apart, like the ends of a range.
    """
    token = tokens.to_tokens(vced)
    rows = [FIELDS[column].parameter for column in tokens.COLUMNS]
    parts = []
    for k, row in enumerate(rows):
        if row.categorical and row.maximum > 1:
            parts.append((token[:, k, None] == np.arange(row.maximum + 1)) / np.sqrt(2))
        else:
            parts.append(token[:, k, None] / VCED_MAX[tokens.COLUMNS[k]])
    return np.concatenate(parts, axis=1).astype(np.float32)
