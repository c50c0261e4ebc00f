"""Voices as fields that a generator can draw all at once and a critic can tell apart.

A field is a parameter where it can be heard, as one of its legal values, so whatever is drawn is a legal voice. They
are the tokens of `ddx7.encoder.tokens` with three differences: the algorithm is a condition and no field; an operator's
frequency is told in fields of its own for ratio and for fixed mode, of which only those of its mode apply, because the
same bytes mean other things there; and where an operator is off nothing but its output level applies. What does not
apply is -1, and nothing to the networks. Operators that could trade places are sorted, in human and made voices alike.
"""

from typing import NamedTuple

import numpy as np

from ddx7.encoder import tokens
from ddx7.encoder.tokens import to_vced as tokens_to_vced
from ddx7.library.canonical import canonical
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, VCED_MAX
from ddx7.voice.spec import FIELDS, N_OPERATORS
from ddx7.voice.symmetry import permuted, sorting

ABSENT = -1
"""The value of a field that does not apply."""

_DECADES = 4  # of a fixed frequency: 1, 10, 100, 1000 Hz


class Place(NamedTuple):
    """A field.

    Attributes:
      name: the row of the parameter table that it is, or what of it.
      size: how many values it has.
      ordered: whether neighbouring values are alike.
    """

    name: str
    size: int
    ordered: bool


def _places(token: np.ndarray) -> tuple[Place, ...]:
    rows = [FIELDS[column].parameter for column in tokens.COLUMNS[token]]
    return tuple(Place(row.name, row.maximum + 1, not row.categorical and row.maximum > 1) for row in rows)


_FIRST_OPERATOR = tokens.N_FIRST
_OF_VOICE = np.flatnonzero((tokens.OPERATOR < 0) & (VCED_COLUMNS["algorithm"] != tokens.COLUMNS))
_OF_OPERATOR = np.arange(_FIRST_OPERATOR, _FIRST_OPERATOR + tokens.N_OF_OPERATOR)

VOICE_PLACES = _places(_OF_VOICE)
"""Fields of the whole voice."""
_SHARED = _places(_OF_OPERATOR)
_AT = {place.name: k for k, place in reversed(list(enumerate(_SHARED)))}
_COARSE, _FINE, _FIXED, _OUTPUT = (_AT[name] for name in ("coarse", "fine", "fixed", "output_level"))
OPERATOR_PLACES = (*_SHARED, Place("decade", _DECADES, True), Place("fixed fine", _SHARED[_FINE].size, True))
"""Fields of each operator; coarse and fine are those of a ratio."""

N_VOICE, N_OPERATOR = len(VOICE_PLACES), len(OPERATOR_PLACES)
_DECADE, _FIXED_FINE = N_OPERATOR - 2, N_OPERATOR - 1


class Fields(NamedTuple):
    """Voices; int16, `ABSENT` where a field does not apply.

    Attributes:
      voice: [voice, N_VOICE].
      operators: [voice, 6, N_OPERATOR], OP1 first.
    """

    voice: np.ndarray
    operators: np.ndarray


def to_fields(vced: np.ndarray) -> tuple[Fields, np.ndarray]:
    """Voices as fields.

    Args:
      vced: uint8 [voice, 155], legal bytes.

    Returns:
      the fields, and the order in which operators were sorted, int [voice, 6]: operator i of the fields was operator
      ``order[:, i]`` of the voice.
    """
    heard = canonical(vced)
    order = sorting(heard)
    token = permuted(heard, order)[:, tokens.COLUMNS].astype(np.int16)
    plain = token[:, _OF_OPERATOR[0] : _OF_OPERATOR[0] + N_OPERATORS * tokens.N_OF_OPERATOR]
    plain = plain.reshape(-1, N_OPERATORS, tokens.N_OF_OPERATOR)
    operators = np.full((len(vced), N_OPERATORS, N_OPERATOR), ABSENT, np.int16)
    operators[..., : len(_SHARED)] = plain
    fixed = plain[..., _FIXED] == 1
    for own, other in ((_COARSE, _DECADE), (_FINE, _FIXED_FINE)):
        operators[..., other] = np.where(fixed, plain[..., own], ABSENT)
        operators[..., own] = np.where(fixed, ABSENT, plain[..., own])
    off = np.all(plain == 0, axis=-1)
    operators[off] = ABSENT
    operators[off, _OUTPUT] = 0
    return Fields(token[:, _OF_VOICE], operators), order


def to_vced(algorithm: np.ndarray, fields: Fields) -> np.ndarray:
    """Fields as voices named INIT VOICE; what does not apply, or cannot be heard, is as in that voice.

    Args:
      algorithm: int [voice], 0-31.
      fields: each below its size; frequency fields of the other mode are ignored.

    Returns:
      uint8 [voice, 155], legal.
    """
    token = np.zeros((len(algorithm), tokens.N_TOKENS), np.int16)
    token[:, _OF_VOICE] = fields.voice
    plain = np.array(fields.operators[..., : len(_SHARED)])
    fixed = plain[..., _FIXED] == 1
    for own, other in ((_COARSE, _DECADE), (_FINE, _FIXED_FINE)):
        plain[..., own] = np.where(fixed, fields.operators[..., other], plain[..., own])
    token[:, _OF_OPERATOR[0] : _OF_OPERATOR[0] + N_OPERATORS * tokens.N_OF_OPERATOR] = plain.reshape(len(plain), -1)
    token[:, VCED_COLUMNS["algorithm"] == tokens.COLUMNS] = np.asarray(algorithm)[:, None]
    return tokens_to_vced(np.maximum(token, 0).astype(np.uint8))


_GROUPS = (
    *(("pitch_rates",), ("pitch_levels", "pitch_rates"), ("break_point",), ("left_curve",), ("right_curve",)),
    *(("lfo_delay",), ("lfo_pitch_depth",), ("lfo_amp_depth",), ("pitch_mod_sensitivity",)),
    ("lfo_speed", "lfo_delay", "lfo_sync", "lfo_wave"),
)


def tidied(vced: np.ndarray) -> np.ndarray:
    """The same sounds; what cannot be heard is as in INIT VOICE, so that a player who turns it up finds what is usual.

    Args:
      vced: uint8 [voice, 155].
    """
    kept, wanted = np.array(vced), canonical(vced)
    for names in _GROUPS:
        for row in zip(*(np.atleast_2d(VCED_COLUMNS[name].reshape(_copies(name), -1)) for name in names), strict=True):
            columns = np.concatenate(row)
            tried = kept.copy()
            tried[:, columns] = INIT_VCED[columns]
            same = np.all(canonical(tried) == wanted, axis=-1)
            kept[same] = tried[same]
    return kept


def _copies(name: str) -> int:
    return N_OPERATORS if FIELDS[VCED_COLUMNS[name].ravel()[0]].operator else 1


def basis(places: tuple[Place, ...], values: int, bumps: int = 8) -> np.ndarray:
    """Smooth functions of the values of ordered fields, laid side by side, so that neighbours begin alike.

    Args:
      places: of the one-hot vector.
      values: places that each of them has in it.
      bumps: overlapping ones over the range of a field; with them goes the value itself.

    Returns:
      float32 [field * value, function].
    """
    ordered = [k for k, place in enumerate(places) if place.ordered and place.size > bumps]
    found = np.zeros((len(places), values, len(ordered), bumps + 1), np.float32)
    for column, k in enumerate(ordered):
        x = np.arange(places[k].size) / (places[k].size - 1)
        hats = np.maximum(0, 1 - np.abs((bumps - 1) * x[:, None] - np.arange(bumps)))
        found[k, : places[k].size, column] = np.concatenate([hats, x[:, None]], axis=1)
    return found.reshape(len(places) * values, -1)


def numbers(vced: np.ndarray) -> np.ndarray:
    """Voices as points between which distances mean something: each audible byte over its range, categories apart.

    Args:
      vced: uint8 [voice, 155].

    Returns:
      float32 [voice, 174 or so]; two values of a category are one apart, like the ends of a range.
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
