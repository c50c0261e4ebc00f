"""What all trainings keep in the same way: a run's settings, checkpoints and metrics, and weights with a card."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write

if TYPE_CHECKING:
    from jax import Array

CHECKPOINT, METRICS = "checkpoint.msgpack", "metrics.jsonl"
S = TypeVar("S")


def same_run(path: Path, settings: dict[str, Any]) -> None:
    """Keep a run's settings in a file, or check that they are those kept there.

    Raises:
      Ddx7Error: the file holds others.
    """
    wanted = json.dumps(settings, indent=2)
    if path.exists() and json.loads(path.read_text()) != json.loads(wanted):
        raise Ddx7Error(f"{path.parent}: holds a run with other settings; name another folder, or use those")
    atomic_write(path, wanted.encode(), force=True)


def begin(folder: Path, start: Callable[[], S]) -> S:
    """Where a training stands: what the folder's checkpoint holds, or the state that `start` makes.

    Compiled as one, since a network that is made layer by layer takes several times as long.
    """
    import jax
    from flax import serialization

    path = folder / CHECKPOINT
    if not path.exists():
        return jax.jit(start)()
    found: Any = serialization.from_bytes(jax.eval_shape(start), path.read_bytes())
    return found


def first_key(seed: int) -> "Array":
    """The key of the first weights, of the generator that compiles four times as fast as JAX's usual one.

    It is compiled anew for each of some hundred arrays.
    """
    import jax

    return jax.random.key(seed, impl="rbg")


def steps(first: int, last: int, folder: Path, current: Callable[[], Any]) -> Iterator[int]:
    """Count the steps of a training. Ctrl-C lets the step at hand end, keeps it, and only then interrupts.

    In the middle of a step there is nothing to keep: the state before it was given away, and the next is not there.

    Args:
      first: step to begin with.
      last: step to end before.
      folder: of the run, for a checkpoint. It keeps the last one if the state holds what is no number, or if a second
        Ctrl-C ends the step at once.
      current: tells the state.
    """
    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    listens = threading.current_thread() is threading.main_thread()  # nowhere else does Python allow it
    before = signal.signal(signal.SIGINT, ask) if listens else None
    try:
        for step in range(first, last):
            yield step
            if asked.is_set():
                _save_if_sound(folder, current())
                raise KeyboardInterrupt
    finally:
        if listens:
            signal.signal(signal.SIGINT, before)


def _save_if_sound(folder: Path, state: Any) -> None:
    import jax

    state = jax.device_get(state)
    numbers = (leaf for leaf in jax.tree.leaves(state) if np.issubdtype(np.asarray(leaf).dtype, np.floating))
    if jax.process_index() == 0 and not any(np.isnan(leaf).any() for leaf in numbers):  # of several machines one writes
        _save(folder, state)


def _save(folder: Path, state: Any) -> None:
    from flax import serialization

    atomic_write(folder / CHECKPOINT, serialization.to_bytes(state), force=True)


def keep(folder: Path, state: Any, metrics: dict[str, float]) -> None:
    """Write a checkpoint over the last one, and the metrics as one more line."""
    _save(folder, state)
    with (folder / METRICS).open("a") as file:
        file.write(json.dumps(metrics) + "\n")


def last_metrics(path: Path) -> dict[str, float]:
    """The metrics written last; none of a new run."""
    return (_metrics(path) or [{}])[-1]


def best_metrics(path: Path) -> dict[str, float]:
    """The first metrics with the highest "score"; none of a new run."""
    return max(_metrics(path) or [{}], key=lambda line: line.get("score", -np.inf))


def _metrics(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
