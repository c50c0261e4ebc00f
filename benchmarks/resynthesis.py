"""Speed of learned instruments, block by block, on one core.

Time over the sound's length: below 1 a model keeps up, and a block's length is the latency. The paper of DDX7 gives
0.079 at 256 ms and 1.31 at 16 ms, and for the baseline 0.231 and 3.71 (PyTorch, i7-6700HQ).

    taskset -c 0 python benchmarks/resynthesis.py --json resynthesis.json
"""

import argparse
import time
from pathlib import Path

import jax
import numpy as np
from timing import machine, write_json

from ddx7.resynthesis.configs import get_config
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.model import n_params

FRAME_MS = 4
BLOCKS_MS = (256, 128, 64, 32, 16, 8, 4)
MODELS = {"fm-tcn": "fm-tcn", "DDX7, paper's network and operators": "ddx7-2", "harmonics plus noise": "hpn"}


def seconds_a_block(instrument: Instrument, frames: int, seconds: float) -> float:
    """Median time of a block, after the first ones."""
    stream, times = instrument.stream(), []
    f0_hz, loudness_db = np.full(frames, 440.0), np.full(frames, -20.0)
    for _ in range(3):
        stream.play(f0_hz, loudness_db)
    n = max(int(seconds / (frames * FRAME_MS / 1000)), 5)
    for _ in range(n):
        start = time.perf_counter()
        stream.play(f0_hz, loudness_db)  # returns NumPy arrays, so it waits for the result
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0, help="of sound for each figure")
    options = parser.parse_args()
    rows = {}
    for title, name in MODELS.items():
        model = get_config(name, "violin").model
        params = model.init(jax.random.key(0))
        instrument = Instrument(model, params, {})
        factors = {ms: seconds_a_block(instrument, ms // FRAME_MS, options.seconds) / (ms / 1000) for ms in BLOCKS_MS}
        rows[title] = {"weights": n_params(params), "real_time_factor": factors}
    width = max(map(len, rows))
    print(f"{machine()}\n")
    print(f"{'':{width}}  weights    " + "".join(f"{ms:>7} ms" for ms in BLOCKS_MS))
    for title, row in rows.items():
        factors = "".join(f"{row['real_time_factor'][ms]:>10.3f}" for ms in BLOCKS_MS)
        print(f"{title:{width}}  {row['weights']:>9,}  {factors}")
    write_json(options.json, [{"model": title, **row} for title, row in rows.items()])


if __name__ == "__main__":
    main()
