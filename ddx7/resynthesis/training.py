"""Learning an instrument: one loop, exact to resume, safe to kill, the same on one core and on many devices.

What a step does hangs on the seed and the step's number alone, and a checkpoint holds all that changes, so a run that
was stopped and resumed is the run that was not. Batches are spread over all devices that JAX sees.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int

from ddx7.audio.spectral_loss import PUBLISHED, mel_distance, multi_scale_distance
from ddx7.errors import Ddx7Error
from ddx7.resynthesis.dataset import Segment, SegmentBatch, crop, draw_batch
from ddx7.resynthesis.model import ResynthesisModel, scaled, to_dict
from ddx7.runs import METRICS, begin, keep, last_metrics, same_run, steps

_HELD_OUT_CROPS = 32


@dataclass(frozen=True)
class ResynthesisTraining:
    """Of one run; by default as published with DDX7 but for the number of steps.

    Attributes:
      steps: in all.
      batch: crops a step.
      frames: that are played of each crop, 250 a second at 16 kHz.
      lead: frames before them, which the network hears; played only where there is a room to hang on in.
      learning_rate: Adam's; 0.98 times less every `decay_every` steps.
      decay_every: steps.
      clip: largest norm of a gradient.
      windows: of the multi-scale spectral distance.
      mel: weight of the distance in mel bands beside it.
      average: decay of the running mean of the weights, which is what is measured and used; 0 uses them as they are.
      held_out_every: steps from one look at held-out recordings, and checkpoint, to the next.
      seed: of everything random.
    """

    steps: int = 120_000
    batch: int = 16
    frames: int = 1000
    lead: int = 0
    learning_rate: float = 3e-4
    decay_every: int = 10_000
    clip: float = 2.0
    windows: tuple[int, ...] = PUBLISHED
    mel: float = 0.0
    average: float = 0.0
    held_out_every: int = 250
    seed: int = 1234


class ResynthesisState(NamedTuple):
    """All that changes while training.

    Attributes:
      step: how many were made.
      weights: as they stand.
      mean: their running mean.
      optimiser: its memory.
      best: the mean when held-out recordings were met best, which is what is used in the end, as published.
      least: the distance there.
    """

    step: Int[Array, ""]
    weights: Any
    mean: Any
    optimiser: Any
    best: Any
    least: Float[Array, ""]


def train(
    model: ResynthesisModel,
    pieces: list[Segment],
    held_out: list[Segment],
    folder: Path,
    settings: ResynthesisTraining,
    progress: Callable[[dict[str, float]], None] | None = None,
    until: int | None = None,
) -> tuple[Any, dict[str, float]]:
    """Train, or go on with a run of the folder.

    Args:
      model: what is learned.
      pieces: to learn from.
      held_out: to measure on, never learned from.
      folder: of the run: a checkpoint, and metrics as lines of JSON.
      settings: must be those that the run was begun with, but for `steps`, which may grow.
      progress: told the metrics.
      until: step to stop after, of a run that is to go on later.

    Returns:
      the weights to use, and the last metrics.

    Raises:
      Ddx7Error: the loss is no number, or the folder holds another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # No rate hangs on how long a run is to be, so a finished one may go on.
    fixed = {name: value for name, value in asdict(settings).items() if name != "steps"}
    same_run(folder / "settings.json", {"settings": fixed, "model": to_dict(model)})
    start, update = stepper(model, settings)
    state = begin(folder, start)
    metrics = last_metrics(folder / METRICS)
    first, last = int(state.step), min(settings.steps, until or settings.steps)
    if first >= last:
        return state.best, metrics

    judge = _judge(model, settings)
    test = _test_crops(held_out, settings)
    state = jax.device_put(state, NamedSharding(_mesh(), PartitionSpec()))
    begun, losses = time.monotonic(), []

    def current() -> ResynthesisState:
        return state

    for step in steps(first, last, folder, current):
        batch = draw_batch(
            pieces, settings.batch, settings.frames, settings.lead, np.random.default_rng([settings.seed, step])
        )
        state, loss = update(state, batch)
        losses.append(loss)
        if (step + 1) % settings.held_out_every == 0 or step + 1 == last:
            found = np.array(losses, np.float64)
            if not np.isfinite(found).all():
                bad = step + 2 - len(found) + int(np.flatnonzero(~np.isfinite(found))[0])
                what = f"the loss is {found[~np.isfinite(found)][0]} at step {bad}"
                raise Ddx7Error(f"{folder}: {what}; the checkpoint before is kept")
            distance = float(np.mean([judge(state.mean, b) for b in test]))
            if distance < float(state.least):
                # A copy, since the buffers of a state are given away.
                state = state._replace(best=jax.tree.map(jnp.copy, state.mean), least=jnp.float32(distance))
            metrics = {
                "step": step + 1,
                "loss": float(found.mean()),
                "held_out": distance,
                "best": float(state.least),
                "steps_per_s": (step + 1 - first) / (time.monotonic() - begun),
            }
            losses = []
            if jax.process_index() == 0:  # of several machines one writes
                keep(folder, jax.device_get(state), metrics)
                if progress:
                    progress(metrics)
    return jax.device_get(state.best), metrics


def _begin(model: ResynthesisModel, optimiser: optax.GradientTransformation, seed: int) -> ResynthesisState:
    weights = model.init(jax.random.key(seed))
    # Each of its own, since the buffers of a state are given away.
    mean, best = (jax.tree.map(jnp.copy, weights) for _ in range(2))
    return ResynthesisState(jnp.zeros((), jnp.int32), weights, mean, optimiser.init(weights), best, jnp.float32(np.inf))


def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()), ("batch",))


def _optimiser(settings: ResynthesisTraining) -> optax.GradientTransformation:
    rate = optax.exponential_decay(settings.learning_rate, settings.decay_every, 0.98, staircase=True)
    return optax.chain(optax.clip_by_global_norm(settings.clip), optax.adam(rate))


def _test_crops(held_out: list[Segment], settings: ResynthesisTraining) -> list[SegmentBatch]:
    """Crops evenly over all held-out sound, in batches of the training's size."""
    ends = np.cumsum([piece.n_frames for piece in held_out])
    crops = []
    for at in np.linspace(0, ends[-1], -(-_HELD_OUT_CROPS // settings.batch) * settings.batch, endpoint=False):
        k = int(np.searchsorted(ends, at, side="right"))
        first = int(at - (ends[k] - held_out[k].n_frames))
        crops.append(
            crop(
                held_out[k], min(first, max(held_out[k].n_frames - settings.frames, 0)), settings.frames, settings.lead
            )
        )
    groups = [crops[k : k + settings.batch] for k in range(0, len(crops), settings.batch)]
    return [SegmentBatch(*(np.stack(x) for x in zip(*group, strict=True))) for group in groups]


def stepper(
    model: ResynthesisModel, settings: ResynthesisTraining
) -> tuple[Callable[[], ResynthesisState], Callable[[ResynthesisState, SegmentBatch], tuple[ResynthesisState, Array]]]:
    """What makes the first state, and one step: from a state and a batch to the next state and the loss.

    The buffers of a state are given away to the next.
    """
    optimiser = _optimiser(settings)

    @partial(jax.jit, donate_argnums=0)
    def update(state: ResynthesisState, arrays: tuple[Array, ...]) -> tuple[ResynthesisState, Array]:
        # On a CPU this kind of key is a quarter quicker than the usual one; a step of DDX7 drops two million values.
        key = jax.random.fold_in(jax.random.key(settings.seed, impl="rbg"), state.step)
        loss, slope = jax.value_and_grad(partial(_loss, model, settings))(state.weights, arrays, key)
        change, inner = optimiser.update(slope, state.optimiser, state.weights)
        weights = optax.apply_updates(state.weights, change)
        # Levels that are no numbers are silence to the engine, so a broken network might never show in the loss.
        loss = jnp.where(jnp.isfinite(optax.tree.norm(weights)), loss, jnp.nan)
        # Early on the mean must not remember how training began.
        decay = jnp.minimum(settings.average, (1.0 + state.step) / (10.0 + state.step))
        mean = jax.tree.map(lambda m, w: decay * m + (1 - decay) * w, state.mean, weights)
        return state._replace(step=state.step + 1, weights=weights, mean=mean, optimiser=inner), loss

    def step(state: ResynthesisState, batch: SegmentBatch) -> tuple[ResynthesisState, Array]:
        return update(state, _spread(model, settings, batch))

    return partial(_begin, model, optimiser, settings.seed), step


def _judge(model: ResynthesisModel, settings: ResynthesisTraining) -> Callable[[Any, SegmentBatch], Array]:
    compiled = jax.jit(lambda weights, arrays: _loss(model, settings, weights, arrays, None))
    return lambda weights, batch: compiled(weights, _spread(model, settings, batch))


def _loss(
    model: ResynthesisModel, settings: ResynthesisTraining, weights: Any, arrays: tuple[Array, ...], key: Array | None
) -> Array:
    inputs, increment, audio = arrays
    sound = model.learn(weights, inputs, increment, key)[:, -audio.shape[1] :]
    distance = multi_scale_distance(sound, audio, settings.windows)
    return distance + settings.mel * mel_distance(sound, audio, model.sample_rate) if settings.mel else distance


def _spread(model: ResynthesisModel, settings: ResynthesisTraining, batch: SegmentBatch) -> tuple[Array, ...]:
    """What a step takes in, over all devices."""
    inputs = scaled(batch.f0_hz, batch.loudness_db)
    # A room still sounds of what was played before.
    played = batch.f0_hz if model.room_s else batch.f0_hz[:, settings.lead :]
    arrays = inputs, model.increments(played), batch.audio
    return jax.device_put(arrays, NamedSharding(_mesh(), PartitionSpec("batch")))
