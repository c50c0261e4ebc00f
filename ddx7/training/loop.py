"""The training loop: every model of ddx7 is taught by `fit`, from a pure update and an evaluation.

A step depends on the state and the step's number alone, and a checkpoint holds all that changes. A run that is stopped
and resumed therefore equals the run that was not stopped.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jaxtyping import Array, Float, Int

from ddx7.errors import Ddx7Error
from ddx7.runtime import configure
from ddx7.training.checkpoint import append_metrics, bind_run, read_metrics, restore, save_checkpoint

S = TypeVar("S")


class Evaluation(NamedTuple):
    """How a model does on data that it does not learn from.

    Attributes:
      params: what to keep if this is the best evaluation so far.
      loss: decides that; the lower the better.
      metrics: to be logged.
    """

    params: Any
    loss: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class FitResult(Generic[S]):
    """A run after its last step.

    Attributes:
      state: of the model and its optimisers.
      best_params: of the evaluation with the lowest loss, on the host.
      metrics: of the last evaluation.
      best_metrics: of the evaluation with the lowest loss.
    """

    state: S
    best_params: Any
    metrics: dict[str, float]
    best_metrics: dict[str, float]


@dataclass(frozen=True)
class FitSchedule:
    """How long a run lasts and when it is evaluated.

    Attributes:
      n_steps: in all, at least 1.
      evaluate_every: steps from one evaluation and checkpoint to the next; the last step is always evaluated.
      stop_after: the step to stop after, of a run that is to be resumed later.
      progress: called with the metrics of each evaluation.
      stop: asked after each step whether to evaluate, save and return now, as when time is up.
    """

    n_steps: int
    evaluate_every: int
    stop_after: int | None = None
    progress: Callable[[dict[str, float]], None] | None = None
    stop: Callable[[], bool] = lambda: False


class _Progress(NamedTuple):
    """What a checkpoint holds."""

    step: Int[Array, ""]
    state: Any
    best_params: Any
    best_loss: Float[Array, ""]
    best_step: Int[Array, ""]


def fit(
    init: Callable[[], S],
    update: Callable[[S, int], tuple[S, Mapping[str, Array]]],
    evaluate: Callable[[S, float], Evaluation],
    keep: Callable[[S], Any],
    folder: Path,
    schedule: FitSchedule,
    *,
    run: Mapping[str, Any],
    place: Callable[[S], S] = lambda state: state,
) -> FitResult[S]:
    """Train, or resume the run of a folder.

    Ctrl-C lets the current step end, writes a checkpoint and raises `KeyboardInterrupt`; a second one ends at once and
    leaves the checkpoint before. Of several processes (`jax.distributed`) the first writes.

    Args:
      init: makes the first state; pure, so that it can be compiled.
      update: from a state, whose buffers it may donate, and the step's number to the next state and scalar losses. May
        return other names at other steps.
      evaluate: on held-out data; takes the lowest loss so far, too, which is infinite at first.
      keep: from a state to what `Evaluation.params` holds of it.
      folder: of the run; made if missing. Gets ``settings.json``, ``checkpoint.msgpack`` and ``metrics.jsonl``.
      schedule: how long to train and when to evaluate.
      run: what the run is: configuration, model and the fingerprint of its data. A folder holds one run.
      place: puts a state on the devices that train it.

    Returns:
      the state after the last step, the best parameters and the metrics. Metrics are the means of the losses since the
      last evaluation, what `evaluate` measured, ``step`` and ``steps_per_s``.

    Raises:
      Ddx7Error: a loss is not finite (the checkpoint before is kept), or the folder holds another run.
    """
    configure()
    folder.mkdir(parents=True, exist_ok=True)
    writes = jax.process_index() == 0
    if writes:
        bind_run(folder, run)
    at = restore(folder, partial(_first, init, keep))
    if jax.process_count() > 1:  # the others may not see the folder of the first
        at = multihost_utils.broadcast_one_to_all(at)
    first, last = int(at.step), min(schedule.n_steps, schedule.stop_after or schedule.n_steps)
    at = at._replace(state=place(at.state))
    began_s = time.monotonic()
    window: list[Mapping[str, Array]] = []

    def save() -> None:
        # A parameter that is not finite would spoil the run for good.
        on_host = jax.device_get(at)
        if writes and _is_finite(on_host.state):
            save_checkpoint(folder, on_host)

    for step in _until_interrupted(first, last, save):
        state, losses = update(at.state, step)
        at = at._replace(state=state, step=np.int32(step + 1))
        window.append(losses)
        stopped = schedule.stop()
        if (step + 1) % schedule.evaluate_every and step + 1 != last and not stopped:
            continue
        means = _means(window, folder, step + 1)
        window = []
        evaluation = evaluate(at.state, float(at.best_loss))
        if evaluation.loss < float(at.best_loss):
            best = jax.tree.map(jnp.copy, evaluation.params)  # a copy, because the next step donates the state
            at = at._replace(best_params=best, best_loss=np.float32(evaluation.loss), best_step=np.int32(step + 1))
        metrics = {
            "step": step + 1,
            **means,
            **evaluation.metrics,
            "steps_per_s": (step + 1 - first) / (time.monotonic() - began_s),
        }
        if writes:
            save_checkpoint(folder, jax.device_get(at))
            append_metrics(folder, metrics)
            if schedule.progress:
                schedule.progress(metrics)
        if stopped:
            break
    logged = {line["step"]: line for line in read_metrics(folder)}
    return FitResult(
        at.state,
        jax.device_get(at.best_params),
        logged.get(int(at.step), {}),
        logged.get(int(at.best_step), {}),
    )


def _first(init: Callable[[], Any], keep: Callable[[Any], Any]) -> _Progress:
    state = init()
    best = jax.tree.map(jnp.copy, keep(state))
    zero = jnp.zeros((), jnp.int32)
    return _Progress(zero, state, best, jnp.float32(jnp.inf), zero)


def _means(window: list[Mapping[str, Array]], folder: Path, last: int) -> dict[str, float]:
    """Mean of each loss over the steps that have it.

    Raises:
      Ddx7Error: one is not finite.
    """
    losses = [{name: float(value) for name, value in each.items()} for each in jax.device_get(window)]
    for step, each in enumerate(losses, last - len(losses) + 1):
        for name, value in each.items():
            if not np.isfinite(value):
                raise Ddx7Error(f"{folder}: {name} is {value} at step {step}; the checkpoint before is kept")
    return {name: float(np.mean([each[name] for each in losses if name in each])) for name in losses[-1]}


def _is_finite(state: Any) -> bool:
    floats = (leaf for leaf in jax.tree.leaves(state) if np.issubdtype(np.asarray(leaf).dtype, np.floating))
    return not any(np.isnan(leaf).any() for leaf in floats)


def _until_interrupted(first: int, last: int, save: Callable[[], None]) -> Iterator[int]:
    """Count steps; on Ctrl-C let the current one end, save, and only then raise `KeyboardInterrupt`.

    In the middle of a step there is nothing to save: it donated the state before it, and the next is not there yet.
    """
    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    handles = threading.current_thread() is threading.main_thread()  # Python allows it nowhere else
    before = signal.signal(signal.SIGINT, ask) if handles else None
    try:
        for step in range(first, last):
            yield step
            if asked.is_set():
                save()
                raise KeyboardInterrupt
    finally:
        if handles:
            signal.signal(signal.SIGINT, before)
