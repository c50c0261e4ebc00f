"""Near-duplicate clusters: voices that differ in a few bytes, and voices that sound the same."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int32, UInt8

from ddx7.errors import Ddx7Error
from ddx7.library.canonical import sound_key
from ddx7.voice.spec import N_OPERATORS

NEAR_BYTES = 5
"""Near-duplicates differ in at most so many audible bytes."""
SAME_SOUND_DB = 3.0
"""Mean difference of two coarse log-mels, in dB, up to which voices count as sounding the same."""

_PAIRS_AT_ONCE = 4_000_000  # compared together
_COMPONENTS = 48  # principal ones, in which candidates of a cluster by sound are searched


def byte_clusters(vced: UInt8[np.ndarray, "voice 155"], near: int = NEAR_BYTES) -> Int32[np.ndarray, " voice"]:
    """Cluster near-duplicates by their bytes; near-duplicates of near-duplicates share a cluster.

    Voices that differ in at most five bytes agree in at least two of seven blocks (six operators and the rest). Only
    voices that agree in two blocks are compared, so the search is exact and needs far fewer comparisons than pairs.

    Args:
      vced: legal bytes.
      near: number of bytes in which near-duplicates may differ, at most 5.

    Returns:
      cluster numbers, from 0 in the order of first appearance.
    """
    keys = sound_key(vced)
    columns = [*np.array_split(np.arange(126), N_OPERATORS), np.arange(126, keys.shape[1])]
    labels = np.stack([_numbered(keys[:, block]) for block in columns], 1)
    pairs = [_near_pairs(keys, labels[:, list(two)], near) for two in combinations(range(len(columns)), 2)]
    return _connected(len(vced), np.concatenate(pairs))


def sound_clusters(
    coarse_log_mel: Float[np.ndarray, "voice time band"], within_db: float = SAME_SOUND_DB
) -> Int32[np.ndarray, " voice"]:
    """Cluster voices that sound the same as the first voice of a cluster.

    Clusters do not chain: each voice is within the distance of the first one of its cluster. The first one is the
    earliest voice in the given order.

    Args:
      coarse_log_mel: levels in dB (`NoteMeasures.coarse_log_mel`).
      within_db: mean absolute difference up to which two voices sound the same.

    Returns:
      cluster numbers, from 0 in the order of first appearance.
    """
    flat = np.asarray(coarse_log_mel, np.float32).reshape(len(coarse_log_mel), -1)
    components = _principal_components(flat)
    square = np.square(components).sum(1)
    # A large distance in a few components is one in all, and the RMS of a difference is near its mean.
    reach = within_db**2 * flat.shape[1] * _MAX_SQUARED_RATIO
    cluster = np.full(len(flat), -1, np.int32)
    n_clusters = 0
    while len(rest := np.flatnonzero(cluster < 0)):
        firsts = rest[:_FIRSTS_AT_ONCE]
        near = square[rest] + square[firsts, None] - 2 * (components[firsts] @ components[rest].T) <= reach
        for k, candidates in zip(firsts, near, strict=True):
            if cluster[k] >= 0:
                continue
            others = rest[candidates & (cluster[rest] < 0)]
            cluster[others[np.abs(flat[others] - flat[k]).mean(1) <= within_db]] = n_clusters
            cluster[k] = n_clusters
            n_clusters += 1
    return cluster


_FIRSTS_AT_ONCE = 256
_MAX_SQUARED_RATIO = 5.0  # of RMS to mean absolute difference, that the search of candidates covers


def _principal_components(flat: Float[np.ndarray, "voice feature"]) -> Float[np.ndarray, "voice component"]:
    """The rows projected on their directions of largest variance."""
    centred = flat - flat.mean(0)
    some = centred[:: max(1, len(centred) // 20_000)]
    _, directions = np.linalg.eigh(some.T @ some)
    return centred @ directions[:, -_COMPONENTS:]


def _numbered(rows: np.ndarray) -> np.ndarray:
    """Equal rows get equal numbers."""
    rows = np.ascontiguousarray(rows)
    return np.unique(rows.view([("", rows.dtype)] * rows.shape[1]).ravel(), return_inverse=True)[1]


def _near_pairs(keys: np.ndarray, labels: np.ndarray, near: int) -> np.ndarray:
    """Pairs [pair, 2] of rows with equal labels that differ in at most `near` bytes."""
    label = labels[:, 0].astype(np.int64) * len(keys) + labels[:, 1]
    order = np.argsort(label, kind="stable")
    ordered = label[order]
    ends = np.searchsorted(ordered, ordered, side="right")
    pairs = [np.empty((0, 2), np.int64)]
    for left, right in _index_pairs(ends):
        a, b = order[left], order[right]
        close = np.count_nonzero(keys[a] != keys[b], axis=1) <= near
        pairs.append(np.stack([a[close], b[close]], 1))
    return np.concatenate(pairs)


def _index_pairs(ends: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs i < j < ends[i], a few million at a time."""
    counts = ends - np.arange(len(ends)) - 1
    total = np.concatenate([[0], np.cumsum(counts)])
    first = 0
    while first < len(ends):
        last = max(int(np.searchsorted(total, total[first] + _PAIRS_AT_ONCE, side="right")) - 1, first + 1)
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


def split_by_cluster(
    vced: UInt8[np.ndarray, "voice 155"], held_out_share: float, seed: int
) -> tuple[UInt8[np.ndarray, "train 155"], UInt8[np.ndarray, "held_out 155"]]:
    """Split voices into a training set and a held-out set that share no near-duplicate cluster.

    Args:
      vced: legal bytes.
      held_out_share: of the voices that are held out, between 0 and 1; at most so many, but at least one cluster.
      seed: of the choice of clusters.

    Returns:
      training voices and held-out voices, in their order.

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
