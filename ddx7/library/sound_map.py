"""A map of timbre: voices in a plane, with similar sounds beside each other."""

import numpy as np
from jaxtyping import Float

from ddx7.library.measures import FLOOR_DB

_RANGE_DB = 40.0  # below the loudest moment of a voice
_COMPONENTS = 24
_NEIGHBOURS = 12
_EPOCHS = 240
_STRANGERS = 12  # random voices that each voice moves away from, in each epoch
_SHAPE = 1.6  # of the similarity 1 / (1 + shape * distance^2) in the plane, as in UMAP
_LARGEST_STEP = 4.0
_SPACING = 0.35  # of voices at the start, in the unit of the similarity
_EVENED = 0.6  # share of the rank in a coordinate, against the coordinate itself: empty space shrinks, order stays


def timbre_features(coarse_log_mel: Float[np.ndarray, "voice time band"]) -> Float[np.ndarray, "voice feature"]:
    """Levels in dB below the loudest moment of each voice; the mean absolute difference of two is their distance.

    Args:
      coarse_log_mel: levels in dB (`NoteMeasures.coarse_log_mel`).
    """
    levels = np.asarray(coarse_log_mel, np.float32)
    return np.maximum(levels - levels.max((1, 2), keepdims=True), -_RANGE_DB).reshape(len(levels), -1)


def timbre_distances(
    own: Float[np.ndarray, "time band"], others: Float[np.ndarray, "voice time band"]
) -> Float[np.ndarray, " voice"]:
    """Mean absolute difference in dB of a voice's levels from those of others, all relative to their loudest moments.

    What lies below the floor of the measures in one of two voices does not count: a soft voice is like a loud one of
    the same timbre.

    Args:
      own: levels in dB (`NoteMeasures.coarse_log_mel`).
      others: the same of other voices.
    """
    levels = np.concatenate([own[None], others]).astype(np.float32)
    loudest = levels.max((1, 2), keepdims=True)
    floor = np.maximum(-_RANGE_DB, np.minimum(FLOOR_DB - loudest, 0))
    relative, floor = levels - loudest, np.maximum(floor[:1], floor[1:])
    return np.abs(np.maximum(relative[1:], floor) - np.maximum(relative[:1], floor)).mean((1, 2))


def timbre_map(
    coarse_log_mel: Float[np.ndarray, "voice time band"],
    centre_hz: Float[np.ndarray, " voice"],
    *,
    seed: int = 0,
) -> Float[np.ndarray, "voice 2"]:
    """Place voices so that neighbours in sound are neighbours in the plane.

    A graph joins each voice with its nearest ones by sound. Joined voices attract each other, random pairs repel each
    other, as in UMAP (McInnes, Healy and Melville, 2018). The map is turned so that brightness grows to the right.

    Args:
      coarse_log_mel: levels in dB (`NoteMeasures.coarse_log_mel`).
      centre_hz: frequency that halves the power of each voice.
      seed: of the random pairs.

    Returns:
      x and y of each voice, from 0 to 1, float32.
    """
    n = len(coarse_log_mel)
    if n < 3:
        return np.linspace([0.25, 0.5], [0.75, 0.5], n).astype(np.float32)
    rng = np.random.default_rng(seed)
    points = _components(timbre_features(coarse_log_mel))
    source, target, weight = _graph(points, min(_NEIGHBOURS, n - 1))
    place = (_ranks(points[:, :2]) - 0.5) * _SPACING * n**0.5 + rng.normal(0, 1e-3, (n, 2))
    degree = np.bincount(source, weight, n)
    strength = degree / _STRANGERS
    for epoch in range(_EPOCHS):
        rate = 0.6 * (1 - epoch / _EPOCHS)
        away = place[source] - place[target]
        square = np.square(away).sum(1)
        pull = (-2 * _SHAPE * weight / (1 + _SHAPE * square))[:, None] * away
        strangers = rng.integers(n, size=(n, _STRANGERS))
        apart = place[:, None] - place[strangers]
        square = np.square(apart).sum(-1)
        push = (2 / ((0.05 + square) * (1 + _SHAPE * square)) * strength[:, None])[..., None] * apart
        step = np.stack([np.bincount(source, pull[:, k], n) for k in (0, 1)], 1) + push.sum(1)
        # A voice with many neighbours moves no further than one with a few.
        place = place + rate * np.clip(step / np.maximum(degree, 1e-6)[:, None], -_LARGEST_STEP, _LARGEST_STEP)
    return _framed(place, np.log2(np.maximum(centre_hz, 20.0)))


def _components(features: Float[np.ndarray, "voice feature"]) -> Float[np.ndarray, "voice component"]:
    """Principal components, largest first, with a sign that does not depend on the machine."""
    centred = features.astype(np.float64) - features.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    directions = directions[:, ::-1][:, :_COMPONENTS]
    largest = np.abs(directions).argmax(0)[None]
    return centred @ (directions * np.sign(np.take_along_axis(directions, largest, 0)))


def _graph(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directed edges both ways between near voices, with weights from 0 to 1."""
    from scipy.sparse import coo_array
    from scipy.spatial import KDTree

    found = KDTree(points).query(points, k + 1)
    distances, neighbours = (np.asarray(column)[:, 1:] for column in found)
    scale = np.maximum((distances - distances[:, :1]).mean(1, keepdims=True), 1e-3)
    near = np.exp(-(distances - distances[:, :1]) / scale)
    n = len(points)
    one_way = coo_array((near.ravel(), (np.repeat(np.arange(n), k), neighbours.ravel())), shape=(n, n)).tocsr()
    both = coo_array(one_way + one_way.T - one_way.multiply(one_way.T))
    return both.row, both.col, both.data


def _framed(place: np.ndarray, octaves: np.ndarray) -> Float[np.ndarray, "voice 2"]:
    """The places turned towards brightness and scaled into the unit square."""
    centred = place - place.mean(0)
    direction = centred.T @ (octaves - octaves.mean())
    angle = np.arctan2(direction[1], direction[0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = centred @ turn
    low, high = turned.min(0), turned.max(0)
    linear = (turned - low) / np.maximum(high - low, 1e-6)
    return (_EVENED * _ranks(turned) + (1 - _EVENED) * linear).astype(np.float32)


def _ranks(columns: np.ndarray) -> np.ndarray:
    """Place of each value in its column, from 0 to 1."""
    return columns.argsort(0, kind="stable").argsort(0, kind="stable") / (len(columns) - 1)
