import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stepping import EXPONENTIAL, VELOCITY, loudness

from ddx7.engine.levels import level_scaling, output_level, rate_scaling, velocity_scaling
from ddx7.engine.profile import DEXED

TABLES = DEXED.levels

panel = st.integers(0, 99)


def scaled(note: int, break_point: int, depths: tuple[int, int], curves: tuple[int, int]) -> int:
    """One note's level scaling, step by step: groups of three notes on either side of a flat zone."""
    offset = note - break_point - 17
    right = offset >= 0
    group = (offset + 1) // 3 if right else (1 - offset) // 3
    depth, curve = depths[right], curves[right]
    sizes = {"linear": group * depth * 329 // 4096, "curved": EXPONENTIAL[min(group, 32)] * depth * 329 // 32768}
    size = sizes["linear" if curve in (0, 3) else "curved"]
    return size if curve >= 2 else -size


@given(st.integers(-24, 151), panel, st.tuples(panel, panel), st.tuples(*[st.integers(0, 3)] * 2))
def test_keyboard_level_scaling(note: int, break_point: int, depths: tuple, curves: tuple) -> None:
    assert level_scaling(TABLES, note, break_point, *depths, *curves) == scaled(note, break_point, depths, curves)


def test_the_flat_zone_of_three_notes() -> None:
    notes = np.arange(36, 84)
    found = level_scaling(TABLES, notes, 39, 99, 99, 3, 3)  # break point C3, note 56
    assert notes[found == 0].tolist() == [55, 56, 57]
    assert np.all(found >= 0)


@given(st.integers(0, 7), st.integers(0, 127))
def test_velocity(sensitivity: int, velocity: int) -> None:
    expected = (sensitivity * (VELOCITY[velocity // 2] - 239) + 7) // 8 * 16
    assert velocity_scaling(TABLES, sensitivity, velocity) == expected


@pytest.mark.parametrize(("velocity", "db"), [(1, -78.6), (100, 0.376), (127, 5.27)])
def test_velocity_in_decibels(velocity: int, db: float) -> None:
    assert velocity_scaling(TABLES, 7, velocity) / 256 * 20 * np.log10(2) == pytest.approx(db, abs=0.05)


@given(st.integers(0, 7), st.integers(-24, 151))
def test_rate_scaling(sensitivity: int, note: int) -> None:
    assert rate_scaling(TABLES, sensitivity, note) == sensitivity * min(max(note // 3 - 7, 0), 31) // 8


@given(panel, st.integers(-250, 250), st.integers(-900, 200))
def test_output_level(level: int, scaling: int, velocity: int) -> None:
    expected = max(0, min(127, loudness(level) + scaling) * 32 + velocity)
    assert output_level(TABLES, level, scaling, velocity) == expected
