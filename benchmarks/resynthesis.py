"""Speed and latency of learned instruments, block by block, on one core.

Time over the sound's length: below 1 a model keeps up. *From audio* is with the causal measurement of pitch and
loudness. The paper of DDX7 gives 0.079 at 256 ms and 1.31 at 16 ms, and for the baseline 0.231 and 3.71 (PyTorch,
i7-6700HQ). The latency of `play_audio` is measured with short bursts of a tone through every shipped instrument: the
lag at which the envelopes of input and answer correlate best.

    taskset -c 0 python benchmarks/resynthesis.py --json resynthesis.json
"""

import argparse
import time
from pathlib import Path

import jax
import numpy as np
from timing import machine, write_json

from ddx7.audio.features import HOP
from ddx7.resynthesis import PlaybackControls
from ddx7.resynthesis.configs import get_config
from ddx7.resynthesis.instrument import LATENCY_S, Instrument, load, shipped
from ddx7.resynthesis.model import n_params

FRAME_MS, RATE = 4, 16_000
BLOCKS_MS = (256, 128, 64, 32, 16, 8, 4)
MODELS = {"fm-tcn": "fm-tcn", "DDX7, paper's network and operators": "ddx7-2", "harmonics plus noise": "hpn"}


def seconds_a_block(
    instrument: Instrument, frames: int, seconds: float, *, from_audio: bool = False, cpu: bool = False
) -> float:
    """Median time of a block, after the first ones."""
    clock = time.process_time if cpu else time.perf_counter
    stream, times = instrument.stream(), []
    f0_hz, loudness_db = np.full(frames, 440.0), np.full(frames, -20.0)
    sound = tone(seconds + 1)
    n = max(int(seconds / (frames * FRAME_MS / 1000)), 5)
    for k in range(n + 3):
        block = np.resize(sound[k * frames * HOP :], frames * HOP)
        start = clock()
        # Both return NumPy arrays, so they wait for the result.
        stream.play_audio(block) if from_audio else stream.play(f0_hz, loudness_db)
        times.append(clock() - start)
    return float(np.median(times[3:]))


def tone(seconds: float) -> np.ndarray:
    """A tone of eight harmonics at 440 Hz."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    return sum(0.1 / k * np.sin(2 * np.pi * 440 * k * time_s) for k in range(1, 9)).astype(np.float32)


def latency_ms(instrument: Instrument) -> float:
    """Lag of the answer to bursts of a tone, at irregular times."""
    rng, sound = np.random.default_rng(0), tone(8.0)
    gate, start = np.zeros(len(sound)), RATE // 2
    while start < len(sound) - RATE // 2:
        gate[start : start + RATE // 10] = 1
        start += int(RATE * rng.uniform(0.3, 0.6))
    answer = instrument.stream(PlaybackControls(reverb=0.0)).play_audio(sound * gate)
    smooth = np.hanning(RATE // 200)
    before, after = (np.sqrt(np.convolve(x**2, smooth, "same")) for x in (sound * gate, answer))
    lags = range(RATE // 10)
    return 1000 / RATE * int(np.argmax([before[: len(before) - lag] @ after[lag:] for lag in lags]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0, help="of sound for each figure")
    parser.add_argument("--cpu", action="store_true", help="time of the processor instead of the clock")
    options = parser.parse_args()
    rows = {}
    for title, name in MODELS.items():
        model = get_config(name, "violin").model
        params = model.init(jax.random.key(0))
        instrument = Instrument(model, params, {})
        factors = {
            ms: seconds_a_block(instrument, ms // FRAME_MS, options.seconds, cpu=options.cpu) / (ms / 1000)
            for ms in BLOCKS_MS
        }
        rows[title] = {"weights": n_params(params), "real_time_factor": factors}
        if name == "fm-tcn":
            heard = {
                ms: seconds_a_block(instrument, ms // FRAME_MS, options.seconds, from_audio=True, cpu=options.cpu)
                / (ms / 1000)
                for ms in BLOCKS_MS
            }
            rows[f"{title}, from audio"] = {"weights": n_params(params), "real_time_factor": heard}
    width = max(map(len, rows))
    print(f"{machine()}\n")
    print(f"{'':{width}}  weights    " + "".join(f"{ms:>7} ms" for ms in BLOCKS_MS))
    for title, row in rows.items():
        factors = "".join(f"{row['real_time_factor'][ms]:>10.3f}" for ms in BLOCKS_MS)
        print(f"{title:{width}}  {row['weights']:>9,}  {factors}")
    latencies_ms = {name: latency_ms(load(name)) for name in shipped()}
    print(f"\nlatency, ms: stated {1000 * LATENCY_S:.1f}, measured {latencies_ms}")
    write_json(options.json, [{"model": title, **row} for title, row in rows.items()] + [{"latency_ms": latencies_ms}])


if __name__ == "__main__":
    main()
