"""Health of voices: repairs illegal bytes, detects data that are no voices, and reports findings such as silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.voice.algorithms import ALGORITHMS, CARRIERS
from ddx7.voice.packing import VCED_MAX, VCED_MIN, in_range, rows
from ddx7.voice.spec import FIELDS, N_OPERATORS, VCED_SIZE
from ddx7.voice.voice import Operator, Voice

Severity = Literal["error", "warning", "note"]

_IS_TEXT = np.array([field.parameter.kind == "text" for field in FIELDS])
_SPACE = ord(" ")

# A sentence names this many repaired bytes and counts the others.
_SPELLED_OUT = 4

# 155 bytes with more penalty points than this are no voice. Of 34,890 voices from public
# collections 96 % have at most 2; the same bytes shifted by one reach 2 only in 2 % of the voices, uniform random
# bytes and the packed voices of 4-operator synths never do.
_MAX_PENALTY = 2

# An operator this far under full level counts as silent.
_SILENCE_DB = 60.0
_DB_PER_STEP = 0.75
_FULL_LEVEL = 99

# +EXP and +LIN raise the level away from the break point, so they can make an operator of output level 0 audible.
_FIRST_RISING_CURVE = 2


@dataclass(frozen=True)
class Finding:
    """A property of a voice that affects how it plays.

    Attributes:
      code: a short fixed word for filters.
      severity: "error" if the voice makes no sound, "warning" if it misbehaves, else "note".
      sentence: the finding in words.
    """

    code: str
    severity: Severity
    sentence: str


def clamp(vced: np.ndarray) -> np.ndarray:
    """The nearest legal voices; name bytes that are no characters become spaces.

    Args:
      vced: uint8 [..., 155], any bytes.

    Returns:
      uint8 [..., 155].
    """
    vced = np.asarray(vced, np.uint8)
    nearest = np.clip(vced, VCED_MIN, VCED_MAX)
    return np.where(_IS_TEXT & ~in_range(vced), np.uint8(_SPACE), nearest)


def repair(vced: bytes | np.ndarray) -> tuple[Voice, tuple[str, ...]]:
    """Read one voice in edit form; its bytes may be illegal.

    Args:
      vced: 155 bytes.

    Returns:
      (the voice with illegal bytes clamped, at most one sentence that names the changes).

    Raises:
      Ddx7Error: not 155 bytes.
    """
    data = np.frombuffer(bytes(vced), np.uint8)
    if data.size != VCED_SIZE:
        raise Ddx7Error(f"voice in edit form: found {data.size} bytes, wanted {VCED_SIZE}")
    legal = clamp(data)
    return Voice.from_vced(legal), describe_changes(data, legal)


def describe_changes(found: np.ndarray, legal: np.ndarray) -> tuple[str, ...]:
    """Describe the changes of `clamp` to one voice: no sentence, or one that names the parameters.

    Args:
      found: uint8 [155].
      legal: the same after `clamp`.
    """
    changed = np.flatnonzero(found != legal)
    parts = [f"{FIELDS[k].label} {found[k]} became {legal[k]}" for k in changed if not _IS_TEXT[k]]
    if len(parts) > _SPELLED_OUT:
        parts[_SPELLED_OUT:] = [f"{len(parts) - _SPELLED_OUT} more were clamped too"]
    n_characters = int(np.count_nonzero(_IS_TEXT[changed]))
    if n_characters:
        parts.append(f"{n_characters} of the bytes of its name became spaces")
    return ("; ".join(parts),) if parts else ()


def plausible(vced: np.ndarray, other_damage: np.ndarray | int = 0, *, with_names: bool = True) -> np.ndarray:
    """Whether bytes without a header look like voices: they have few `penalty_points`.

    Args:
      vced: uint8 [voice, 155].
      other_damage: points already lost, [voice]: bits that no parameter owns, eighth bits.
      with_names: whether the bytes of names count.

    Returns:
      bool [voice].
    """
    return np.asarray(penalty_points(vced, with_names=with_names) + other_damage <= _MAX_PENALTY)


def penalty_points(vced: np.ndarray, *, with_names: bool = True) -> np.ndarray:
    """Damage of each voice: one point for each illegal byte, or two in the name; int [voice].

    The 00 that some programs pad a name with is no damage.

    Args:
      vced: uint8 [voice, 155].
      with_names: whether the bytes of names count.
    """
    points = np.where(_IS_TEXT, 2 * with_names, 1)
    names = np.asarray(vced)[..., _IS_TEXT]
    padding = np.logical_and.accumulate(names[..., ::-1] == 0, axis=-1)
    n_padding = np.where(padding.all(-1), 0, padding.sum(-1))
    return np.asarray((~in_range(vced) * points).sum(-1) - 2 * with_names * n_padding)


def diagnose(voice: Voice) -> list[Finding]:
    """Find the faults that keep a voice from sounding or from falling silent, worst first."""
    carriers = ALGORITHMS[voice.algorithm - 1].carriers
    sounding = {n for n, op in enumerate(voice.operators, start=1) if _sounds(op, max(op.levels))}
    audible = [op for op in carriers if op in sounding]
    findings = _stuck_notes(voice, audible) + _idle(_reaching(voice, sounding)) if audible else [_silent(carriers)]
    if not voice.name.strip():
        findings.append(Finding("blank-name", "note", "the name is blank"))
    return findings


def is_silent(vced: np.ndarray) -> np.ndarray:
    """Whether each voice makes no sound at any note: `diagnose` finds the error "silent" in it.

    Args:
      vced: uint8 [..., 155], legal bytes.

    Returns:
      bool [...].
    """
    voices = rows(vced)
    sounding = _sounds(voices, voices.levels.max(-1))
    return np.asarray(~np.any(sounding & (CARRIERS[voices.algorithm] > 0), axis=-1))


def has_stuck_note(vced: np.ndarray) -> np.ndarray:
    """Whether each voice sounds on after note-off: `diagnose` finds "stuck-note" in it.

    Args:
      vced: uint8 [..., 155], legal bytes.

    Returns:
      bool [...].
    """
    voices = rows(vced)
    audible = _sounds(voices, voices.levels.max(-1)) & (CARRIERS[voices.algorithm] > 0)
    stuck = _below_full_db(voices.output_level, voices.levels[..., 3]) < _SILENCE_DB
    return np.asarray(np.any(audible & stuck, axis=-1))


def _operator_words(operators: Sequence[int]) -> str:
    numbers = ", ".join(map(str, operators))
    return f"operator {numbers}" if len(operators) == 1 else f"operators {numbers}"


# The next three take one operator, or arrays of the same fields for many.


def _below_full_db(output_level: Any, eg_level: Any) -> Any:
    """How far an operator is under full level; a step is 0.75 dB from 20 up, and more below."""
    return _DB_PER_STEP * (2 * _FULL_LEVEL - output_level - eg_level)


def scaled_up(operator: Operator | Any) -> Any:
    """Whether level scaling makes an operator louder at some notes.

    Args:
      operator: one, or an object with arrays of the same fields for many.
    """
    left = (operator.left_depth > 0) & (operator.left_curve >= _FIRST_RISING_CURVE)
    right = (operator.right_depth > 0) & (operator.right_curve >= _FIRST_RISING_CURVE)
    return left | right


def _sounds(operator: Operator | Any, highest_level: Any) -> Any:
    """Whether the operator has an output at some note and time."""
    loudest = operator.output_level + scaled_up(operator) * (_FULL_LEVEL - operator.output_level)
    return _below_full_db(loudest, highest_level) < _SILENCE_DB


def _reaching(voice: Voice, sounding: set[int]) -> set[int]:
    """The sounding operators whose output reaches a sounding carrier."""
    algorithm = ALGORITHMS[voice.algorithm - 1]
    reaching: set[int] = set()
    found = {op for op in algorithm.carriers if op in sounding}
    while found:
        reaching |= found
        found = {m for op in found for m in algorithm.modulators[op - 1] if m in sounding} - reaching
    return reaching


def _silent(carriers: Sequence[int]) -> Finding:
    where = f"{_operator_words(carriers)} (always more than {_SILENCE_DB:.0f} dB under full level)"
    return Finding("silent", "error", f"no carrier can be heard: {where}")


def _stuck_notes(voice: Voice, audible: Sequence[int]) -> list[Finding]:
    operators = {op: voice.operators[op - 1] for op in audible}
    stuck = [op for op, o in operators.items() if _below_full_db(o.output_level, o.levels[3]) < _SILENCE_DB]
    if not stuck:
        return []
    sentence = f"notes never end: L4 of {_operator_words(stuck)} is not silence"
    return [Finding("stuck-note", "warning", sentence)]


def _idle(reaching: set[int]) -> list[Finding]:
    idle = [op for op in range(1, N_OPERATORS + 1) if op not in reaching]
    if not idle:
        return []
    return [Finding("idle-operators", "note", f"{_operator_words(idle)} cannot be heard")]
