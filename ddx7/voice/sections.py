"""Parts of a voice: groups of parameters that a player keeps or changes together, in the panel's words."""

from collections.abc import Collection

import numpy as np

from ddx7.errors import ArgumentError
from ddx7.voice.spec import FIELDS, N_OPERATORS

SECTIONS = {
    "algorithm": ("algorithm",),
    "envelopes": ("rates", "levels"),
    "levels": ("output_level", "feedback"),
    "ratios": ("coarse", "fine", "detune"),
    "scaling": ("break_point", "left_depth", "right_depth", "rate_scaling", "velocity_sensitivity"),
    "modulation": ("lfo_speed", "lfo_delay", "lfo_pitch_depth", "lfo_amp_depth"),
}
"""Sections, and their rows of the parameter table that vary by degrees."""

COMPANIONS = {
    "ratios": ("fixed",),
    "scaling": ("left_curve", "right_curve"),
    "modulation": (
        *("lfo_wave", "lfo_sync", "pitch_mod_sensitivity", "amp_mod_sensitivity"),
        *("pitch_rates", "pitch_levels"),
    ),
}
"""Rows that belong to a section, too, but that small variations leave alone."""

_LFO = ("lfo_speed", "lfo_delay", "lfo_pitch_depth", "lfo_amp_depth", "lfo_wave", "lfo_sync")

PARTS: dict[str, tuple[str, ...]] = {
    **{section: (*rows, *COMPANIONS.get(section, ())) for section, rows in SECTIONS.items()},
    "feedback": ("feedback",),
    "level-scaling": ("break_point", "left_depth", "right_depth", "left_curve", "right_curve"),
    "rate-scaling": ("rate_scaling",),
    "velocity": ("velocity_sensitivity",),
    "lfo": (*_LFO, "pitch_mod_sensitivity", "amp_mod_sensitivity"),
    "pitch-eg": ("pitch_rates", "pitch_levels"),
    "sync": ("osc_sync",),
    "transpose": ("transpose",),
}
"""Everything that `part_bytes` knows by name, and its rows of the parameter table: the sections, and smaller parts."""

_OPERATORS = {f"op{k}": k for k in range(1, N_OPERATORS + 1)}
PART_NAMES: tuple[str, ...] = (*PARTS, *_OPERATORS)
"""The names of all parts: those of `PARTS`, and the operators op1 to op6."""


def part_bytes(parts: Collection[str]) -> np.ndarray:
    """Mark the bytes of the edit form that belong to parts of a voice.

    Args:
      parts: some of `PART_NAMES`; capitals, spaces and underscores do not matter.

    Returns:
      bool [155].

    Raises:
      ArgumentError: there is no such part.

    >>> int(part_bytes(["LFO"]).sum()), int(part_bytes(["op1", "op2"]).sum())
    (13, 42)
    """
    if isinstance(parts, str):
        parts = [parts]
    spelled = {part: "-".join(part.strip().lower().replace("_", " ").replace("-", " ").split()) for part in parts}
    if unknown := sorted(part for part, name in spelled.items() if name not in PART_NAMES):
        raise ArgumentError(f"lock: found {', '.join(unknown)}, wanted some of {', '.join(PART_NAMES)}")
    rows = {row for name in spelled.values() for row in PARTS.get(name, ())}
    operators = {_OPERATORS[name] for name in spelled.values() if name in _OPERATORS}
    return np.array([field.parameter.name in rows or field.operator in operators for field in FIELDS])


def parts_in(text: str) -> tuple[str, ...]:
    """The names between the commas of a text, such as "algorithm,ratios"."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
