"""Touch: how a voice answers to velocity and to the keyboard, changed without a change of one of its notes.

Velocity sensitivity, level scaling and rate scaling also act on the note that a voice was fitted to. Output levels and
rates make up for that here, so that only the other notes change.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from ddx7.engine.levels import LevelTables, level_scaling, rate_scaling, velocity_scaling
from ddx7.matching.vced import columns
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import VCED_MAX
from ddx7.voice.spec import N_OPERATORS

VELOCITY = ("velocity_sensitivity",)
KEYBOARD = ("break_point", "left_depth", "right_depth", "left_curve", "right_curve", "rate_scaling")
_LEVEL_UNITS = 32  # 1/256 octave in a step of output level
_RATE_STEP = 64 / 41  # of R1-R4 in a step of rate scaling
_BREAK_POINT_0 = 21  # MIDI note of break point 0, A-1 on the panel
_TRANSPOSE_0 = 24
_REDRAWN = 0.4  # share of the changes that draw a new value; the others take a step
_DEPTH_STEP, _DEPTH_MEAN = 8.0, 20.0


@dataclass(frozen=True, eq=False)
class TouchReference:
    """The note whose sound a change of touch keeps, and what of the touch the other notes determine.

    Attributes:
      note: MIDI note.
      velocity: MIDI velocity.
      tables: the profile's response to velocity and to the keyboard.
      by_velocity: whether the velocity sensitivity may change.
      by_pitch: whether level and rate scaling may change.
    """

    note: int
    velocity: int
    tables: LevelTables
    by_velocity: bool
    by_pitch: bool


def vary_touch(
    rng: np.random.Generator, voices: UInt8[np.ndarray, "voice 155"], reference: TouchReference
) -> UInt8[np.ndarray, "voice 155"]:
    """Change the touch of each voice: of its carriers, its modulators, all operators or one.

    Args:
      rng: random generator.
      voices: the voices.
      reference: the note that stays as it is, as far as levels and rates reach.
    """
    n = len(voices)
    kinds = ["velocity"] * reference.by_velocity + ["level", "rate"] * reference.by_pitch
    if not n or not kinds:
        return voices
    kind = rng.choice(kinds, n)[:, None]
    operators, redrawn = _some_operators(rng, voices), rng.random((n, 1)) < _REDRAWN
    fields = {name: voices[:, columns(name)[:, 0]].astype(int) for name in (*VELOCITY, *KEYBOARD)}
    changed = {name: value.copy() for name, value in fields.items()}

    def small(name: str, where: Bool[np.ndarray, "voice operator"]) -> None:
        """A new value for all these operators, or one step of each."""
        fresh, step = rng.integers(0, 8, (n, 1)), rng.choice((-1, 1), (n, 1))
        stepped = fields[name] + step
        stepped = np.where((stepped < 0) | (stepped > 7), fields[name] - step, stepped)  # turns back at an end
        changed[name] = np.where(where, np.where(redrawn, fresh, stepped), fields[name])

    small("velocity_sensitivity", operators & (kind == "velocity"))
    small("rate_scaling", operators & (kind == "rate"))
    scaled = operators & (kind == "level")
    sounding = reference.note + voices[:, columns("transpose")].astype(int) - _TRANSPOSE_0
    fresh_point = np.clip(sounding - _BREAK_POINT_0, 0, 99)
    changed["break_point"] = np.where(scaled & redrawn, fresh_point, fields["break_point"])
    for side in ("left", "right"):
        depth, curve = f"{side}_depth", f"{side}_curve"
        fresh = rng.exponential(_DEPTH_MEAN, (n, 1))
        stepped = fields[depth] + np.round(rng.normal(0, _DEPTH_STEP, (n, 1)))
        changed[depth] = np.where(scaled, np.clip(np.where(redrawn, fresh, stepped), 0, 99), fields[depth]).astype(int)
        changed[curve] = np.where(scaled & redrawn, rng.integers(0, 4, (n, 1)), fields[curve])

    varied = voices.copy()
    for name, value in changed.items():
        varied[:, columns(name)[:, 0]] = value
    return _as_at_reference(varied, voices, fields, changed, sounding, reference)


def _some_operators(rng: np.random.Generator, voices: np.ndarray) -> Bool[np.ndarray, "voice operator"]:
    """Carriers, modulators, all operators, or one, for each voice."""
    carriers = CARRIERS[voices[:, columns("algorithm")[0]]] > 0
    one = np.arange(N_OPERATORS) == rng.integers(0, N_OPERATORS, (len(voices), 1))
    which = rng.integers(0, 4, (len(voices), 1))
    return np.select([which == 0, which == 1, which == 2], [carriers, ~carriers, np.ones_like(carriers)], one)


def _as_at_reference(
    varied: np.ndarray,
    voices: np.ndarray,
    before: dict[str, Int[np.ndarray, "voice operator"]],
    after: dict[str, Int[np.ndarray, "voice operator"]],
    sounding: Int[np.ndarray, "voice 1"],
    reference: TouchReference,
) -> UInt8[np.ndarray, "voice 155"]:
    """Move output levels and rates so that the reference note sounds as before."""
    tables = reference.tables

    def at_reference(fields: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        scaling = level_scaling(tables, sounding, *(fields[name] for name in KEYBOARD[:-1]))
        loudness = velocity_scaling(tables, fields["velocity_sensitivity"], np.array(reference.velocity))
        return scaling + loudness / _LEVEL_UNITS, rate_scaling(tables, fields["rate_scaling"], sounding)

    (level_before, rate_before), (level_after, rate_after) = at_reference(before), at_reference(after)
    places = columns("output_level")[:, 0]
    level = voices[:, places].astype(int)
    moved = np.clip(np.round(level + level_before - level_after), 0, 99)
    varied[:, places] = np.where(level > 0, moved, 0)
    places = columns("rates")
    rates = voices[:, places] + np.round((rate_before - rate_after) * _RATE_STEP)[:, :, None]
    varied[:, places] = np.clip(rates, 0, VCED_MAX[places])
    return varied
