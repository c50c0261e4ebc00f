"""A profile of one's own is checked where it is made: shapes and numbers, by name."""

from dataclasses import fields, replace

import numpy as np
import pytest

from ddx7.engine import DEXED, HARDWARE, HARDWARE_DAC
from ddx7.engine.profile_shapes import SHAPES
from ddx7.errors import ArgumentError


@pytest.mark.unchecked
@pytest.mark.parametrize("name", SHAPES)
def test_a_table_of_another_shape_is_named(name: str) -> None:
    field, _, part = name.partition(".")
    table = getattr(HARDWARE_DAC, field)
    wrong = np.zeros((3, 3, 3, 3))
    value = table._replace(**{part: wrong}) if part else wrong
    with pytest.raises(ArgumentError, match=rf"^{name}: found shape \(3, 3, 3, 3\), wanted \("):
        replace(HARDWARE_DAC, **{field: value})


def test_every_array_of_a_profile_has_a_shape_in_the_table() -> None:
    arrays = set()
    for field in fields(HARDWARE_DAC):
        value = getattr(HARDWARE_DAC, field.name)
        parts = value._asdict() if hasattr(value, "_asdict") else {"": value}
        arrays |= {f"{field.name}.{part}".strip(".") for part, x in parts.items() if np.ndim(x)}
    assert arrays == set(SHAPES)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feedback": DEXED.feedback[:7]}, r"feedback: found shape \(7,\), wanted \(8,\)"),
        ({"feedback": 0.5}, r"feedback: found shape \(\), wanted \(8,\)"),
        (
            {"frequency_mantissa": np.ones((1, 1024))},
            r"frequency_mantissa: found shape \(1, 1024\), wanted \(any, 1025\)",
        ),
        ({"lfo_speed": np.full(100, np.nan)}, "lfo_speed: found a value that is not finite"),
        ({"carrier_loss": ["a"] * 6}, "carrier_loss: found values of type <U1, wanted numbers"),
        ({"gain_offset": [1, 2]}, r"gain_offset: found shape \(2,\), wanted one number"),
        ({"lfo_clock_hz": 0}, "lfo_clock_hz: found 0, wanted more than 0"),
    ],
)
def test_a_wrong_value_gets_one_sentence(changes: dict, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{message}$"):
        replace(DEXED, **changes)


def test_a_changed_profile_is_one() -> None:
    mine, theirs = (p.at(44_100).envelope for p in (replace(HARDWARE, name="mine", attack_ceiling=18), HARDWARE))
    assert int(mine.ceiling) == 18 != int(theirs.ceiling)
