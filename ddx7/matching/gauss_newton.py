"""Refinement of voices on the integers: Gauss-Newton steps by finite differences, for the sum of absolute errors.

Every byte that may matter is moved by some steps and the voice is rendered again: the differences in all bands,
partials and levels are the Jacobian. Iteratively reweighted least squares then finds how all bytes have to move
together, at several damping factors. What is nearest of these after rounding, or of a few single moves together,
becomes the new voice. The engine's own gradient is not needed: nothing is compiled but the distance, and what is
measured are real voices.

References: K. Levenberg, "A method for the solution of certain non-linear problems in least squares", Quarterly of
Applied Mathematics 2, 1944 (damping); P. W. Holland and R. E. Welsch, "Robust regression using iteratively reweighted
least-squares", Communications in Statistics A6, 1977.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt8

from ddx7.matching.objective import Objective
from ddx7.matching.vced import columns
from ddx7.runtime import ONE_THREAD, n_cores
from ddx7.voice.packing import VCED_MAX, VCED_MIN
from ddx7.voice.spec import FIELDS

STEPS = {
    "rates": 4,
    "levels": 4,
    "output_level": 3,
    "feedback": 1,
    "fine": 1,
    "detune": 1,
    "velocity_sensitivity": 1,
    "left_depth": 5,
    "right_depth": 5,
    "rate_scaling": 1,
    "amp_mod_sensitivity": 1,
    "pitch_mod_sensitivity": 1,
    "lfo_speed": 2,
    "lfo_delay": 4,
    "lfo_pitch_depth": 3,
    "lfo_amp_depth": 5,
    "pitch_rates": 5,
    "pitch_levels": 2,
}
"""Steps of a byte for a finite difference: small against its range, large enough to be heard."""
DAMPING = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Damping factors of Levenberg's method, relative to the diagonal of the normal equations."""
SHARES = (1.0, 0.5)
"""Shares of a solution that are tried."""
SINGLE_MOVES = (1, 2, 4, 8)
"""How many of the best single moves are tried together."""
SOLUTIONS = 3
"""Solutions with one Jacobian: the second and third begin where the one before ended."""
FARTHEST = 8.0
"""A byte moves by at most this many of its steps."""
LEAST_GAIN = 1e-4
_PADDED = 32

_STEP = np.array([STEPS.get(field.parameter.name, 0) for field in FIELDS])
_NAME = np.array([field.parameter.name for field in FIELDS])
_OPERATOR = np.array([field.operator for field in FIELDS])
_FLAT_PITCH = 50  # pitch levels in the middle


class RefinedVoice(NamedTuple):
    """A voice after a step.

    Attributes:
      voice: the new voice, or the old one where nothing came nearer.
      distance: of it.
      renders: voices that were rendered.
    """

    voice: UInt8[np.ndarray, " 155"]
    distance: float
    renders: int


def refine(
    objective: Objective,
    vced: UInt8[np.ndarray, "voice 155"],
    rng: np.random.Generator,
    keep_going: Callable[[], bool] = lambda: True,
    *,
    free: Bool[np.ndarray, " 155"],
) -> list[RefinedVoice]:
    """Take one step with each voice, on all cores.

    Args:
      objective: the distance to reduce.
      vced: the voices.
      rng: chooses the directions of the finite differences.
      keep_going: called before every voice; False ends the work.
      free: bytes of the edit form that may move.

    Returns:
      the voices in order, without those that were not begun.
    """
    rngs = rng.spawn(len(vced))

    def one(k: int) -> RefinedVoice | None:
        return _step(objective, vced[k], rngs[k], free) if keep_going() else None

    with ThreadPoolExecutor(n_cores()) as pool:
        return [refined for refined in pool.map(one, range(len(vced))) if refined is not None]


def _step(
    objective: Objective, voice: UInt8[np.ndarray, " 155"], rng: np.random.Generator, free: Bool[np.ndarray, " 155"]
) -> RefinedVoice:
    places = moving_bytes(voice, free)
    steps = _STEP[places] * rng.choice(np.array([-1, 1]), len(places))
    beyond = (voice[places] + steps < VCED_MIN[places]) | (voice[places] + steps > VCED_MAX[places])
    steps = np.where(beyond, -steps, steps)
    n_probes = -(-(len(places) + 1) // _PADDED) * _PADDED  # one compiled program for a few numbers of bytes
    probes = np.tile(voice, (n_probes, 1))
    rows = np.arange(len(places))
    probes[rows, places] = _moved(voice[places], steps, places)
    errors = objective.errors(probes)
    own = errors[-1]
    jacobian = jnp.asarray(errors - own)
    distances = np.abs(errors[: len(places)]).sum(axis=1)
    distance, renders = float(np.abs(own).sum()), n_probes

    better = np.argsort(distances, kind="stable")[: (distances < distance).sum()]
    moves = np.zeros((len(SINGLE_MOVES), len(places)))
    for row, n in zip(moves, SINGLE_MOVES, strict=True):
        row[better[:n]] = 1.0
    for _ in range(SOLUTIONS):
        solved = _solve(jacobian, own)[:, : len(places)]
        moves = np.concatenate([moves, *(share * solved for share in SHARES)])
        candidates = np.tile(voice, (len(moves), 1))
        candidates[:, places] = _moved(voice[places], np.round(moves * steps), places)
        found = objective.errors(candidates)
        renders += len(candidates)
        distances = np.abs(found).sum(axis=1)
        best = int(distances.argmin())
        if distances[best] > distance - LEAST_GAIN:
            break
        voice, own, distance = candidates[best], found[best], float(distances[best])
        moves = moves[:0]
    return RefinedVoice(voice, distance, renders)


def moving_bytes(voice: UInt8[np.ndarray, " 155"], free: Bool[np.ndarray, " 155"]) -> Int[np.ndarray, " place"]:
    """Free bytes whose small changes may be audible.

    Of a silent operator that is its level alone. An LFO needs a depth and a sensitivity, a pitch envelope a level off
    the middle.

    Args:
      voice: in edit form.
      free: bytes that may move.
    """
    moving = free & (_STEP > 0)
    silent = 1 + np.flatnonzero(voice[columns("output_level")[:, 0]] == 0)
    moving[np.isin(_OPERATOR, silent) & (_NAME != "output_level")] = False
    pitch_depth, amp_depth = (bool(voice[columns(name)].any()) for name in ("lfo_pitch_depth", "lfo_amp_depth"))
    pitch_answer, amp_answer = (
        bool(voice[columns(name)].any()) for name in ("pitch_mod_sensitivity", "amp_mod_sensitivity")
    )
    still = {
        "lfo_pitch_depth": not pitch_answer,
        "pitch_mod_sensitivity": not pitch_depth,
        "lfo_amp_depth": not amp_answer,
        "amp_mod_sensitivity": not amp_depth,
        "pitch_rates": bool((voice[columns("pitch_levels")] == _FLAT_PITCH).all()),
    }
    for name in ("lfo_speed", "lfo_delay"):
        still[name] = not (pitch_depth and pitch_answer) and not (amp_depth and amp_answer)
    for name, stands in still.items():
        moving[columns(name)] &= not stands
    return np.flatnonzero(moving)


def _moved(
    values: UInt8[np.ndarray, " place"], by: Shaped[np.ndarray, "*move place"], places: Int[np.ndarray, " place"]
) -> UInt8[np.ndarray, "*move place"]:
    """Values of some bytes after moves, within their ranges."""
    return np.clip(values + by, VCED_MIN[places], VCED_MAX[places]).astype(np.uint8)


def _solve(
    jacobian: Float[Array, "probe error"], errors: Float[np.ndarray, " error"]
) -> Float[np.ndarray, "damping probe"]:
    """Moves, in steps of the finite differences, that would reduce the sum of absolute errors most."""
    normal, slope = (np.asarray(x, np.float64) for x in _normal_equations(jacobian, errors))
    diagonal = np.diag(normal)
    scale = 1 / np.sqrt(diagonal + 1e-3 * diagonal.mean() + 1e-12)
    values, vectors = np.linalg.eigh(normal * scale[:, None] * scale)
    turned = -(slope * scale) @ vectors
    damped = turned / (np.maximum(values, 0) + np.array(DAMPING)[:, None])
    return np.clip(damped @ vectors.T * scale, -FARTHEST, FARTHEST)


@partial(jax.jit, compiler_options=ONE_THREAD)
def _normal_equations(
    jacobian: Float[Array, "probe error"], errors: Float[Array, " error"]
) -> tuple[Float[Array, "probe probe"], Float[Array, " probe"]]:
    """Normal equations of reweighted least squares: an error counts inversely to its size, down to their mean."""
    sizes = jnp.abs(errors)
    weighted = jacobian / jnp.maximum(sizes, sizes.mean() + 1e-12)
    return weighted @ jacobian.T, weighted @ errors
