"""Voices as arrays of VCED bytes: columns of parameters, the structure of a voice, and two edits."""

import numpy as np
from jaxtyping import Int, UInt8

from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX
from ddx7.voice.spec import N_OPERATORS, OPERATOR_PARAMETERS

OPERATOR_SIZE = sum(row.count for row in OPERATOR_PARAMETERS)
"""Bytes of one operator."""
_OPERATOR_NAMES = {row.name for row in OPERATOR_PARAMETERS}
_DETUNE_CENTS = 1.2  # a step of detune at middle C


def columns(name: str) -> Int[np.ndarray, "..."]:
    """VCED bytes of a parameter: [6, count] for an operator parameter, OP1 first, else [count]."""
    return VCED_COLUMNS[name].reshape((N_OPERATORS, -1) if name in _OPERATOR_NAMES else -1)


def structure(voices: UInt8[np.ndarray, "voice 155"]) -> list[bytes]:
    """Identify the algorithm and frequencies of each voice; equal for voices that share both."""
    places = np.concatenate([columns(name).ravel() for name in ("algorithm", "coarse", "fixed")])
    return [row.tobytes() for row in voices[:, places]]


def apply_detune(vced: UInt8[np.ndarray, "*voice 155"], cents: float | int) -> UInt8[np.ndarray, "*voice 155"]:
    """Shift the detune of every operator by some cents, as far as its range allows."""
    detuned, places = vced.copy(), columns("detune")
    steps = int(np.round(cents / _DETUNE_CENTS))
    detuned[..., places] = np.clip(vced[..., places].astype(int) + steps, 0, VCED_MAX[places])
    return detuned


def force_release(vced: UInt8[np.ndarray, "*voice 155"]) -> UInt8[np.ndarray, "*voice 155"]:
    """Set L4 of every operator to 0, so that every note ends."""
    released = vced.copy()
    released[..., columns("levels")[:, 3]] = 0
    return released
