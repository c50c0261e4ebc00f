from itertools import pairwise

import numpy as np
import pytest
from lookalikes import random_voices

from ddx7.errors import Ddx7Error
from ddx7.library.canonical import sound_key
from ddx7.library.clusters import byte_clusters, sound_clusters, split_by_cluster

RNG = np.random.default_rng(4)
NAME = slice(145, 155)


def voices(n: int, seed: int = 0) -> np.ndarray:
    return np.array([list(v) for v in random_voices(n, seed)], np.uint8)


def changed(row: np.ndarray, n_bytes: int) -> np.ndarray:
    """The same with some rates and levels of envelopes changed, all of them audible in these voices."""
    out = row.copy()
    columns = [21 * op + k for op in range(6) for k in range(4)]
    for column in RNG.choice(columns, n_bytes, replace=False):
        out[column] = (out[column] + 1 + RNG.integers(90)) % 100
    return out


def clusters_by_all_pairs(vced: np.ndarray, near: int) -> list[int]:
    """The same by comparing all with all."""
    keys = sound_key(vced)
    cluster = list(range(len(keys)))
    for _ in range(len(keys)):
        for a in range(len(keys)):
            for b in range(a):
                if np.count_nonzero(keys[a] != keys[b]) <= near:
                    cluster[a] = cluster[b] = min(cluster[a], cluster[b])
    return [sorted(set(cluster)).index(f) for f in cluster]


@pytest.mark.parametrize("near", [0, 2, 5])
def test_near_copies_are_found_as_by_comparing_all_with_all(near: int) -> None:
    originals = voices(12)
    copies = [changed(row, n) for row in originals[:9] for n in (1, 3, 5, 6, 8)]
    vced = RNG.permutation(np.concatenate([originals, copies]))
    assert byte_clusters(vced, near).tolist() == clusters_by_all_pairs(vced, near)


def test_copies_of_copies_share_a_cluster() -> None:
    chain = [voices(1)[0]]
    for _ in range(6):
        chain.append(changed(chain[-1], 5))
    assert all((a != b).sum() <= 5 for a, b in pairwise(chain))
    assert set(byte_clusters(np.array(chain))) == {0}


def test_names_do_not_separate_clusters() -> None:
    vced = np.repeat(voices(3), 2, axis=0)
    vced[1::2, NAME] = 65
    assert byte_clusters(vced).tolist() == [0, 0, 1, 1, 2, 2]


def test_voices_that_sound_the_same_share_a_number() -> None:
    sounds = RNG.normal(-40, 15, (7, 12, 24))
    which = RNG.integers(0, 7, 400)
    log_mel = sounds[which] + RNG.normal(0, 1.0, (400, 12, 24))  # 0.8 dB off on average
    found = sound_clusters(log_mel, 3.0)
    first = {k: list(which).index(k) for k in set(which)}
    order = sorted(first, key=lambda k: first[k])
    assert found.tolist() == [order.index(k) for k in which]


def test_clusters_by_sound_do_not_chain() -> None:
    """Steps of 2 dB each: neighbours sound the same, but each cluster ends 3 dB from its first."""
    log_mel = np.arange(9)[:, None, None] * np.full((1, 12, 24), 2.0)
    assert sound_clusters(log_mel, 3.0).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_one_voice_is_a_cluster() -> None:
    assert byte_clusters(voices(1)).tolist() == [0]
    assert sound_clusters(np.zeros((1, 12, 24))).tolist() == [0]


def test_a_split_keeps_clusters_whole_and_loses_no_voice() -> None:
    vced = RNG.permutation(np.repeat(voices(40, seed=3), RNG.integers(1, 6, 40), axis=0))
    vced = np.array([changed(row, 1) for row in vced])
    train, held_out = split_by_cluster(vced, 0.2, seed=1)
    assert sorted(map(bytes, np.concatenate([train, held_out]))) == sorted(map(bytes, vced))
    assert 0.1 < len(held_out) / len(vced) <= 0.2
    label_of = dict(zip(map(bytes, vced), byte_clusters(vced).tolist(), strict=True))
    sides = [{label_of[bytes(row)] for row in side} for side in (train, held_out)]
    assert not sides[0] & sides[1]


def test_a_split_depends_on_its_seed() -> None:
    vced = voices(50)
    first, again, other = (split_by_cluster(vced, 0.2, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert set(map(bytes, first)) != set(map(bytes, other))


def test_a_split_holds_out_at_least_one_cluster() -> None:
    vced = np.concatenate([np.repeat(voices(1), 5, axis=0), voices(1, seed=9)])
    train, held_out = split_by_cluster(vced, 0.01, seed=0)
    assert (len(train), len(held_out)) == (5, 1)
    with pytest.raises(Ddx7Error, match="near-duplicate"):
        split_by_cluster(vced[:5], 0.5, seed=0)
