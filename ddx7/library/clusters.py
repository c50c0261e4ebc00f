"""Families: voices that are copies of each other but for a few bytes, and voices that sound the same."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.library.canonical import sound_key
from ddx7.voice.spec import N_OPERATORS

NEAR_BYTES = 5
"""Voices that differ in no more of the bytes that reach the sound are near-copies."""
SAME_SOUND_DB = 3.0
"""Mean difference of two sketches, in dB, up to which voices sound the same to a hurried listener."""

_AT_ONCE = 4_000_000  # pairs that are compared together
_COMPONENTS = 48  # in which voices that sound the same are looked for


def byte_clusters(vced: np.ndarray, near: int = NEAR_BYTES) -> np.ndarray:
    """Number voices so that near-copies, and near-copies of those, share a number.

    Voices that differ in at most five bytes agree in at least two of seven blocks (six operators and the rest), so only
    voices that do are compared: every such pair is found, in far less than the square of their number.

    Args:
      vced: uint8 [voice, 155], legal.
      near: how many bytes near-copies may differ in, at most 5.

    Returns:
      int32 [voice], from 0 in the order of first appearance.
    """
    keys = sound_key(vced)
    columns = [*np.array_split(np.arange(126), N_OPERATORS), np.arange(126, keys.shape[1])]
    labels = np.stack([_numbered(keys[:, block]) for block in columns], 1)
    pairs = [_near_pairs(keys, labels[:, list(two)], near) for two in combinations(range(len(columns)), 2)]
    return _connected(len(vced), np.concatenate(pairs))


def sound_clusters(sketch: np.ndarray, within_db: float = SAME_SOUND_DB) -> np.ndarray:
    """Number voices so that those that sound the same as the first of a family share its number.

    Families do not chain: each voice is within the distance of its family's first. Voices are taken in their order, so
    the first of a family is the one that was found first.

    Args:
      sketch: float [voice, ...], levels in dB (`ddx7.library.Measures.sketch`).
      within_db: mean absolute difference up to which two sound the same.

    Returns:
      int32 [voice], from 0 in the order of first appearance.
    """
    flat = np.asarray(sketch, np.float32).reshape(len(sketch), -1)
    found = _principal(flat)
    square = np.square(found).sum(1)
    # Far in a few components is far in all; and the root mean square of a difference is near its mean.
    reach = within_db**2 * flat.shape[1] * _SPREAD
    family = np.full(len(flat), -1, np.int32)
    n_families = 0
    while len(rest := np.flatnonzero(family < 0)):
        firsts = rest[:_FIRSTS]
        near = square[rest] + square[firsts, None] - 2 * (found[firsts] @ found[rest].T) <= reach
        for k, candidates in zip(firsts, near, strict=True):
            if family[k] >= 0:
                continue
            others = rest[candidates & (family[rest] < 0)]
            family[others[np.abs(flat[others] - flat[k]).mean(1) <= within_db]] = n_families
            family[k] = n_families
            n_families += 1
    return family


_FIRSTS = 256
# Square of the highest ratio of root mean square to mean that is looked at.
_SPREAD = 5.0


def _principal(flat: np.ndarray) -> np.ndarray:
    """The rows in the directions in which they differ most."""
    centred = flat - flat.mean(0)
    some = centred[:: max(1, len(centred) // 20_000)]
    _, directions = np.linalg.eigh(some.T @ some)
    return centred @ directions[:, -_COMPONENTS:]


def _numbered(rows: np.ndarray) -> np.ndarray:
    """Equal rows get equal numbers."""
    rows = np.ascontiguousarray(rows)
    return np.unique(rows.view([("", rows.dtype)] * rows.shape[1]).ravel(), return_inverse=True)[1]


def _near_pairs(keys: np.ndarray, labels: np.ndarray, near: int) -> np.ndarray:
    """Pairs [pair, 2] of rows that share a label and differ in few bytes."""
    label = labels[:, 0].astype(np.int64) * len(keys) + labels[:, 1]
    order = np.argsort(label, kind="stable")
    ordered = label[order]
    ends = np.searchsorted(ordered, ordered, side="right")
    found = [np.empty((0, 2), np.int64)]
    for left, right in _index_pairs(ends):
        a, b = order[left], order[right]
        close = np.count_nonzero(keys[a] != keys[b], axis=1) <= near
        found.append(np.stack([a[close], b[close]], 1))
    return np.concatenate(found)


def _index_pairs(ends: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs i < j < ends[i], some millions at a time."""
    counts = ends - np.arange(len(ends)) - 1
    total = np.concatenate([[0], np.cumsum(counts)])
    first = 0
    while first < len(ends):
        last = max(int(np.searchsorted(total, total[first] + _AT_ONCE, side="right")) - 1, first + 1)
        left = np.repeat(np.arange(first, last), counts[first:last])
        within = np.arange(len(left)) - np.repeat(total[first:last] - total[first], counts[first:last])
        yield left, left + 1 + within
        first = last


def _connected(n: int, pairs: np.ndarray) -> np.ndarray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    first = np.unique(labels, return_index=True)[1]
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[labels]


def split_by_cluster(vced: np.ndarray, held_out_share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split voices into a training set and a held-out set that share no near-duplicate cluster.

    Args:
      vced: uint8 [voice, 155], legal.
      held_out_share: of the voices that are held out, between 0 and 1; at most so many, but at least one cluster.
      seed: of the choice of clusters.

    Returns:
      training voices and held-out voices, uint8 [voice, 155] each, in their order.

    Raises:
      Ddx7Error: all voices are near-duplicates of each other.
    """
    cluster = byte_clusters(vced)
    sizes = np.bincount(cluster)
    if len(sizes) < 2:
        raise Ddx7Error(f"found {len(vced)} voices, all near-duplicates; wanted at least 2 near-duplicate clusters")
    n_held_out = round(held_out_share * len(vced))
    chosen, total = [], 0
    for index in np.random.default_rng(seed).permutation(len(sizes)):
        if total + sizes[index] <= n_held_out:
            chosen.append(index)
            total += sizes[index]
    held_out = np.isin(cluster, chosen or [int(np.argmin(sizes))])
    return vced[~held_out], vced[held_out]
