"""The shapes of a profile's tables, and a check that a profile has them."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from ddx7.errors import ArgumentError

_N_NOTES = 176  # from the lowest note after transpose to the highest
SHAPES: Mapping[str, tuple[int | None, ...]] = {
    "levels.velocity": (8, 128),
    "levels.rate_scaling": (8, _N_NOTES),
    "levels.note_range": (2,),
    "levels.grid": (2,),
    "levels.break_point": (2,),
    "levels.level_scaling": (2, 64, 100),
    "levels.scaled": (2,),
    "levels.total": (2,),
    "carrier_loss": (6,),
    "frequencies.note": (_N_NOTES,),
    "frequencies.detune": (_N_NOTES, 15),
    "frequencies.coarse": (32,),
    "frequencies.fine": (100,),
    "frequencies.fixed_detune": (15,),
    "frequencies.fixed_coarse": (32,),
    "frequencies.fixed_fine": (100,),
    "frequency_mantissa": (None, 1025),
    "frequency_limits": (2,),
    "lfo_speed": (100,),
    "lfo_sine": (1025,),
    "sample_and_hold": (256,),
    "modulation.share": (4,),
    "modulation.octaves": (4,),
    "modulation.curve": (257,),
    "feedback": (8,),
    "chip.log_sine": (1024,),
    "chip.exponential": (16384,),
    "chip.ranges": (3,),
    "filter_poles_hz": (None,),
}
"""By the name of the table; None is any length, and a name that is not here is a single number."""


def check_profile(profile: Any) -> None:
    """Check the shapes and numbers of a profile.

    Raises:
      ArgumentError: a table has another shape, or a value is no number or not finite; the message names it.
    """
    for name, value in _values(profile):
        if name == "name" or value is None:
            continue
        found, wanted = np.shape(value), SHAPES.get(name, ())
        if len(found) != len(wanted) or any(w not in (None, f) for f, w in zip(found, wanted, strict=True)):
            shown = str(wanted).replace("None", "any")
            raise ArgumentError(f"{name}: found shape {found}, wanted {shown if wanted else 'one number'}")
        numbers = np.asarray(value)
        if numbers.dtype.kind not in "biufc":
            raise ArgumentError(f"{name}: found values of type {numbers.dtype}, wanted numbers")
        if not np.isfinite(numbers).all():
            raise ArgumentError(f"{name}: found a value that is not finite")
    for name in ("envelope_hz", "envelope_clock_hz", "pitch_envelope_clock_hz", "lfo_clock_hz", "pitch_envelope_s"):
        value = getattr(profile, name)
        if value is not None and not value > 0:
            raise ArgumentError(f"{name}: found {value:g}, wanted more than 0")


def _values(profile: Any) -> Iterator[tuple[str, Any]]:
    """Each table by its name, such as "levels.velocity"."""
    for field in fields(profile):
        value = getattr(profile, field.name)
        if hasattr(value, "_asdict"):
            yield from ((f"{field.name}.{name}", part) for name, part in value._asdict().items())
        else:
            yield field.name, value
