"""Speed and memory on a GPU, in one command of at most nine minutes; it runs on a CPU as well.

    python experiments/gpu.py runs/gpu [--parts render gradient train sample] [--seconds 540] [--toy]

- `render`: notes of 1 s at 44.1 kHz, planned on the host, rendered on the device; feedback 0, and feedback 0 to 7.
- `gradient`: the same with the gradient in every continuous parameter.
- `train`: steps of an instrument at the published batch of 16 crops of 4 s, `ddx7-2` and `fm-tcn`.
- `sample`: voices that the preset model samples for one recording.

Each figure is the median of several calls after a first one, with `block_until_ready`; the first call, compilation
included, stands apart. Memory is the peak of the process on the device, which only grows from row to row. Rows are
written to RUN/gpu.json one by one, so a run that is stopped goes on where it was; a batch that does not fit the memory
is written as such, and larger ones are left out. `--toy` takes tiny sizes, to try the script.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from gradient import RATE, gradient
from timing import lively_voices, machine, measure, random_notes

from ddx7.encoder.sampler import load_default
from ddx7.engine import Patch, plan, plan_nearest, play_differentiable, relax
from ddx7.engine.control import Plan
from ddx7.engine.tables import BLOCK
from ddx7.files import atomic_write
from ddx7.resynthesis.configs import get_config
from ddx7.resynthesis.dataset import SegmentBatch
from ddx7.resynthesis.training import make_update

N_BLOCKS, TOY_BLOCKS = round(RATE / BLOCK), 8
RENDERED, GRADIENTS, SAMPLED = (1024, 4096, 16_384), (32, 256, 1024), (256, 4096)
TOY = (2,)
Row = dict[str, Any]
Part = Callable[[bool], Iterator[tuple[str, Callable[[], Row]]]]


def voices_of(n: int, feedback: bool) -> tuple[Patch, tuple[np.ndarray, np.ndarray]]:
    """Lively voices of all algorithms, and their notes and velocities."""
    rng = np.random.default_rng(0)
    patch, notes = lively_voices(rng, n), random_notes(rng, n)
    patch.feedback[:] = rng.integers(0, 8, n) if feedback else 0
    return patch, notes


def timed(run: Callable[[], Any], amount: float, unit: str) -> Row:
    """Time a call that does an amount of work."""
    first_s, median_s = measure(run)
    stats = jax.devices()[0].memory_stats() or {}
    return {"first_s": first_s, "median_s": median_s, unit: amount / median_s, "memory": stats.get("peak_bytes_in_use")}


@partial(jax.jit, static_argnames="n_blocks")
def _render(plans: Plan, n_blocks: int) -> jax.Array:
    return play_differentiable(plans, n_blocks)


def render_rows(toy: bool) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Rendering."""
    n_blocks = TOY_BLOCKS if toy else N_BLOCKS

    def row(n: int, feedback: bool) -> Row:
        patch, (notes, velocities) = voices_of(n, feedback)
        gates = np.full(n, n_blocks * 3 // 4)
        plans = jax.device_put(plan(relax(patch), notes, velocities, gates, RATE))
        return timed(partial(_render, plans, n_blocks), n * n_blocks * BLOCK / RATE, "audio_s_per_s")

    for feedback in (False, True):
        for n in TOY if toy else RENDERED:
            yield f"{n} voices, feedback {'0 to 7' if feedback else '0'}", partial(row, n, feedback)


_gradient = jax.jit(gradient, static_argnames="n_blocks")


def gradient_rows(toy: bool) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Rendering with the gradient."""
    n_blocks = TOY_BLOCKS if toy else N_BLOCKS

    def row(n: int) -> Row:
        patch, notes = voices_of(n, feedback=True)
        target = jax.random.normal(jax.random.key(0), (n, n_blocks * BLOCK))
        inputs = (*notes, np.full(n, n_blocks * 3 // 4))
        relaxed = relax(patch)
        nearest = plan_nearest(relaxed, *inputs, RATE)
        run = partial(_gradient, relaxed, nearest, target, inputs, n_blocks)
        return timed(run, n * n_blocks * BLOCK / RATE, "audio_s_per_s")

    for n in TOY if toy else GRADIENTS:
        yield f"{n} voices, feedback 0 to 7", partial(row, n)


def train_rows(toy: bool) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Steps of training an instrument."""
    n, frames, context = (1, 50, 25) if toy else (16, 1000, 0)

    def row(name: str) -> Row:
        config, rng = get_config(name, "violin"), np.random.default_rng(0)
        f0_hz = rng.uniform(200, 600, (n, context + frames)).astype(np.float32)
        level_db = rng.uniform(-60, -10, f0_hz.shape).astype(np.float32)
        audio = rng.uniform(-0.5, 0.5, (n, frames * 64)).astype(np.float32)
        training = replace(config.training, batch=n, frames=frames, context_frames=context)
        init, update = make_update(config.model, training)
        state, batch, step = init(), SegmentBatch(f0_hz, level_db, audio), 0

        def one_step() -> Any:
            nonlocal state, step
            state, loss = update(state, batch, step)
            step += 1
            return loss

        return timed(one_step, 1, "steps_per_s")

    for name in ("ddx7-2", "fm-tcn"):
        yield f"{name}, {n} crops of {frames * 64 / 16_000:g} s", partial(row, name)


def sample_rows(toy: bool) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Sampling the preset model."""

    def row(n: int) -> Row:
        sampler = load_default()
        embedding = np.zeros((n, sampler.size.embedding_width), np.float32)
        return timed(lambda: sampler.decode(embedding), n, "voices_per_s")

    for n in TOY if toy else SAMPLED:
        yield f"{n} voices", partial(row, n)


PARTS: dict[str, Part] = {"render": render_rows, "gradient": gradient_rows, "train": train_rows, "sample": sample_rows}


def measured(run: Callable[[], Row]) -> Row:
    """A row, or that it does not fit the memory."""
    try:
        return run()
    except (jax.errors.JaxRuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            return {"fits": False}
        raise


def main(argv: list[str] | None = None) -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=540, help="no row begins after that time")
    parser.add_argument("--toy", action="store_true")
    arguments = parser.parse_args(argv)
    end = time.monotonic() + arguments.seconds
    path = arguments.run / "gpu.json"
    device = jax.devices()[0].device_kind
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {(row["device"], row["part"], row["what"]) for row in rows}
    for part in arguments.parts:
        full = False
        for what, run in PARTS[part](arguments.toy):
            if (device, part, what) in done:
                continue
            if full or time.monotonic() > end:
                print(f"{part}: {what}: left out ({'no memory' if full else 'no time'})", flush=True)
                continue
            row = {"device": device, "part": part, "what": what, **measured(run)}
            full = row.get("fits") is False
            rows.append(row)
            print(json.dumps(row), flush=True)
            atomic_write(path, json.dumps({"machine": machine(), "rows": rows}, indent=2).encode(), force=True)


if __name__ == "__main__":
    main()
