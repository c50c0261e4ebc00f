"""Shards on a Dask cluster of real processes: what kills them costs no result, and nothing is done twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shard_work
from shard_work import N_SHARDS, SETTINGS, SIZE, VOICES, keys_slowly

from ddx7.library.shards import in_shards

distributed = pytest.importorskip("distributed", reason="the extra 'cluster' (distributed) is not installed")
DONE = [SIZE * (k + 1) for k in range(N_SHARDS)]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def wanted() -> dict[str, np.ndarray]:
    return in_shards(keys_slowly, VOICES, **SETTINGS)


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> bool:
    return found.keys() == wanted.keys() and all(np.array_equal(found[name], wanted[name]) for name in wanted)


def kept(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}


def test_a_worker_that_is_killed_costs_nothing(client: Any, wanted: dict[str, np.ndarray], tmp_path: Path) -> None:
    before = set(client.run(os.getpid).values())
    told: list[int] = []

    def kill_one(done: int, _: int) -> None:
        told.append(done)
        if len(told) == 3:
            os.kill(min(before), signal.SIGKILL)

    found = in_shards(keys_slowly, VOICES, folder=tmp_path, client=client, progress=kill_one, **SETTINGS)
    assert same(found, wanted)
    assert told == DONE
    assert len(kept(tmp_path)) == N_SHARDS
    assert min(before) not in client.run(os.getpid).values()


def test_a_run_that_is_interrupted_leaves_the_cluster_free(
    client: Any, wanted: dict[str, np.ndarray], tmp_path: Path
) -> None:
    def interrupt(done: int, _: int) -> None:
        if done >= 3 * SIZE:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_shards(keys_slowly, VOICES, folder=tmp_path, client=client, progress=interrupt, **SETTINGS)
    early = kept(tmp_path)
    assert len(early) == 3
    start = time.monotonic()
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        assert time.monotonic() - start < 60
        time.sleep(0.05)
    told: list[int] = []
    found = in_shards(
        keys_slowly, VOICES, folder=tmp_path, client=client, progress=lambda n, _: told.append(n), **SETTINGS
    )
    assert same(found, wanted)
    assert told == DONE[2:]
    assert early.items() <= kept(tmp_path).items()


def test_a_run_that_is_killed_with_all_its_workers_is_gone_on_with(
    client: Any, wanted: dict[str, np.ndarray], tmp_path: Path
) -> None:
    run = subprocess.Popen(
        [sys.executable, shard_work.__file__, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    try:
        start = time.monotonic()
        while len(kept(tmp_path)) < 4:
            assert run.poll() is None
            assert time.monotonic() - start < 120
            time.sleep(0.02)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    early = kept(tmp_path)
    assert 4 <= len(early) < N_SHARDS
    told: list[int] = []
    found = in_shards(
        keys_slowly, VOICES, folder=tmp_path, client=client, progress=lambda n, _: told.append(n), **SETTINGS
    )
    assert same(found, wanted)
    assert told == DONE[len(early) - 1 :]
    assert early.items() <= kept(tmp_path).items()
