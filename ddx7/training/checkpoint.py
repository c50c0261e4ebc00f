"""A run's folder: what the run is, its checkpoint, and its metrics, each safe against a kill at any moment."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write
from ddx7.training.fingerprint import is_fingerprint

RUN, CHECKPOINT, METRICS = "settings.json", "checkpoint.msgpack", "metrics.jsonl"
S = TypeVar("S")


def bind_run(folder: Path, run: Mapping[str, Any]) -> None:
    """Write what a run is into its folder, or check that the folder holds this very run.

    Args:
      folder: of the run; made if missing.
      run: configuration, model and fingerprint of the data, JSON-ready.

    Raises:
      Ddx7Error: the folder holds another run; the message names the first difference.
    """
    path = folder / RUN
    this = json.loads(json.dumps(run))
    if path.exists():
        try:
            there = json.loads(path.read_text())
        except ValueError as error:
            raise Ddx7Error(f"{path}: found no JSON ({error}), wanted what the run in this folder is") from None
        if difference := _first_difference(there, this):
            raise Ddx7Error(f"{folder}: holds another run ({difference}); name another folder, or repeat that run")
    else:
        atomic_write(path, json.dumps(this, indent=2).encode())


def _first_difference(there: Any, this: Any, name: str = "") -> str:
    if isinstance(there, dict) and isinstance(this, dict):
        for key in dict.fromkeys([*there, *this]):
            inner = f"{name}.{key}" if name else key
            if difference := _first_difference(there.get(key), this.get(key), inner):
                return difference
        return ""
    if there == this:
        return ""
    if is_fingerprint(there) and is_fingerprint(this):
        return f"{name}: found other data"  # the digits tell a reader nothing
    return f"{name}: found {there!r}, wanted {this!r}"


def restore(folder: Path, init: Callable[[], S]) -> S:
    """The state in the folder's checkpoint, or the one that `init` makes.

    `init` is compiled as a whole: a network that is initialised layer by layer takes several times as long.

    Raises:
      Ddx7Error: the checkpoint cannot be read.
    """
    import jax
    from flax import serialization

    path = folder / CHECKPOINT
    if not path.exists():
        return jax.jit(init)()
    try:
        state: Any = serialization.from_bytes(jax.eval_shape(init), path.read_bytes())
    except (ValueError, KeyError) as error:
        raise Ddx7Error(f"{path}: found no checkpoint of this model ({error}); remove it to begin anew") from None
    return state


def save_checkpoint(folder: Path, state: Any) -> None:
    """Replace the folder's checkpoint, whole or not at all."""
    from flax import serialization

    atomic_write(folder / CHECKPOINT, serialization.to_bytes(state), force=True)


def append_metrics(folder: Path, metrics: Mapping[str, float]) -> None:
    """Add a line to the metrics, and repair a line that a kill tore."""
    path = folder / METRICS
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
        file.write((json.dumps(metrics) + "\n").encode())


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """All metrics of a run, oldest first, without lines that a kill tore; none of a new run.

    A run that was killed between checkpoint and metrics repeats steps: of two lines for one step the later counts.
    """
    path = folder / METRICS
    lines: dict[float, dict[str, float]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            metrics = json.loads(line)
            lines[metrics["step"]] = metrics
        except (ValueError, KeyError, TypeError):
            continue
    return [lines[step] for step in sorted(lines)]
