"""Variation of voices for the search: crossing of two parents, and mutation."""

import numpy as np
from jaxtyping import UInt8

from ddx7.matching.prior import Prior
from ddx7.matching.touch import vary_touch
from ddx7.matching.vced import OPERATOR_SIZE
from ddx7.voice.packing import VCED_MAX, VCED_MIN
from ddx7.voice.spec import FIELDS, N_OPERATORS

# Neighbouring values of these are no more alike than distant ones: a mutation redraws them and takes no steps.
_REDRAWN = np.array([f.parameter.categorical or f.parameter.name == "coarse" for f in FIELDS])
_RARE = np.array([f.parameter.name.startswith(("lfo", "pitch", "amp_mod", "fixed")) for f in FIELDS])
_TOUCH_SHARE = 0.25  # of the children that only answer otherwise to velocity or to the keyboard
_RARE_RATE = 0.3  # against the rate of the other parameters


def cross(
    rng: np.random.Generator, mothers: UInt8[np.ndarray, "voice 155"], fathers: UInt8[np.ndarray, "voice 155"]
) -> UInt8[np.ndarray, "voice 155"]:
    """Cross pairs of parents: the mother's algorithm and LFO, and each operator whole from either parent."""
    children = mothers.copy()
    for operator in range(N_OPERATORS):
        block = slice(operator * OPERATOR_SIZE, (operator + 1) * OPERATOR_SIZE)
        from_father = rng.random(len(children)) < 0.5
        children[from_father, block] = fathers[from_father, block]
    return children


def mutate(
    rng: np.random.Generator, voices: UInt8[np.ndarray, "voice 155"], prior: Prior, reach: float | int = 1.0
) -> UInt8[np.ndarray, "voice 155"]:
    """Step or redraw a few bytes of each voice.

    Args:
      rng: random generator.
      voices: the parents.
      prior: draws the new values; its fixed bytes and its held parts stay.
      reach: 1 to explore; near 0 to polish, with smaller steps and without redrawing.

    Returns:
      legal voices; nearly all of them differ from their parents.
    """
    n, free = len(voices), prior.free
    rate = np.exp(rng.uniform(np.log(1.5), np.log(12 * reach + 3), (n, 1))) / free.sum()
    mutated = free & (rng.random(voices.shape) < rate * np.where(_RARE, _RARE_RATE, 1.0))
    gradual = free & ~_REDRAWN
    mutated[np.arange(n), rng.choice(np.flatnonzero(gradual if gradual.any() else free), n)] = True
    size = np.exp(rng.uniform(np.log(0.01), np.log(0.01 + 0.25 * reach), (n, 1)))
    step = rng.normal(0, 1, voices.shape) * size * VCED_MAX
    step = np.where(np.abs(step) < 1, np.sign(step), np.round(step))
    beyond = (voices + step < VCED_MIN) | (voices + step > VCED_MAX)
    step = np.where(beyond, -step, step)  # a value at the end of its range turns back
    stepped = np.clip(voices + step, VCED_MIN, VCED_MAX).astype(np.uint8)
    fresh = prior.draw_parts(rng, n)
    drawn = rng.random(voices.shape) < 0.1 * reach
    redrawn = rng.random(voices.shape) < reach
    changed = np.where(_REDRAWN, np.where(redrawn, fresh, voices), np.where(drawn, fresh, stepped))
    children = np.where(mutated, changed, voices)

    # In some children two operators trade places, or one whole operator is redrawn.
    for child in np.flatnonzero(rng.random(n) < 0.15 * reach):
        a, b = rng.choice(N_OPERATORS, 2, replace=False) * OPERATOR_SIZE
        block_a, block_b = slice(a, a + OPERATOR_SIZE), slice(b, b + OPERATOR_SIZE)
        if rng.random() < 0.5:
            children[child, block_a], children[child, block_b] = voices[child, block_b], voices[child, block_a]
        else:
            children[child, block_a] = fresh[child, block_a]
    if prior.touch is not None:
        touched = np.flatnonzero(rng.random(n) < _TOUCH_SHARE)
        children[touched] = vary_touch(rng, voices[touched], prior.touch)
    return prior.held.hold(children)
