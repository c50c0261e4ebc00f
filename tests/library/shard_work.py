"""Work that workers of a cluster can import, and a run of it that is there to be killed."""

import sys
import time
from pathlib import Path

import numpy as np

from ddx7.library.canonical import sound_key
from ddx7.library.shards import in_shards
from ddx7.voice.health import clamp

VOICES = clamp(np.random.default_rng(3).integers(0, 128, (240, 155), np.uint8))
SIZE = 20
N_SHARDS = 12
SETTINGS = {"version": "1", "size": SIZE}


def keys_slowly(vced: np.ndarray) -> dict[str, np.ndarray]:
    time.sleep(0.1)
    return {"key": sound_key(vced), "name": vced[:, -10:]}


def run_until_killed(folder: str) -> None:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        in_shards(keys_slowly, VOICES, folder=Path(folder), client=client, **SETTINGS)


if __name__ == "__main__":
    import shard_work  # under the name by which workers find it

    shard_work.run_until_killed(sys.argv[1])
