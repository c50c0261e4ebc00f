"""The training of an instrument: a pure loss, one update, one evaluation; `ddx7.training.fit` is the loop.

Batches are spread over all devices of all processes (`jax.distributed`). An update depends on the state, the seed and
the number of the step alone.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, Key, UInt32

from ddx7.audio.features import HOP
from ddx7.audio.spectral_loss import PUBLISHED, harmonic_distance, mel_distance, multi_scale_distance
from ddx7.errors import Ddx7Error
from ddx7.resynthesis.dataset import Segment, SegmentBatch, crop, draw_batch
from ddx7.resynthesis.model import ResynthesisModel, pitch_hz, scale_inputs
from ddx7.resynthesis.protocols import Params
from ddx7.runtime import configure
from ddx7.training import Evaluation, FitResult, FitSchedule, TrainState, apply_gradients, fingerprint, fit

_HELD_OUT_CROPS = 16
_DECAY_EVERY = 10_000
_WARM_UP, _LEAST_SHARE = 100, 0.01
_TIMED_STEPS = 15
_RESERVE_S, _SHARE_FOR_STEPS = 15.0, 0.95  # for compiling and for evaluations


@dataclass(frozen=True)
class ResynthesisTraining:
    """Settings of a training; the defaults are those published with DDX7 but for the number of steps.

    Attributes:
      steps: in all.
      batch: crops for each step.
      frames: of each crop, 250 a second at 16 kHz.
      context_frames: earlier frames that only the decoder takes in; with a reverb the synthesizer plays them, too.
      learning_rate: Adam's highest.
      schedule: "staircase" multiplies it by 0.98 every 10,000 steps, as published; "cosine" raises it over the first
        100 steps, of short runs over a fifth, and lowers it along a cosine to a hundredth at the last step.
      clip: largest norm of the gradient.
      windows: of the multi-scale spectral distance.
      mel_weight: weight of the distance in mel bands beside it.
      harmonic_weight: weight of the distance of harmonics beside it.
      ema_decay: of the running mean of the parameters, 0 to 1, which is evaluated and used; 0 takes them as they are.
      evaluate_every: steps from one evaluation and checkpoint to the next.
      seed: of everything random.
    """

    steps: int = 120_000
    batch: int = 16
    frames: int = 1000
    context_frames: int = 0
    learning_rate: float = 3e-4
    schedule: str = "staircase"
    clip: float = 2.0
    windows: tuple[int, ...] = PUBLISHED
    mel_weight: float = 0.0
    harmonic_weight: float = 0.0
    ema_decay: float = 0.0
    evaluate_every: int = 250
    seed: int = 1234


def learning_rate(training: ResynthesisTraining, step: int) -> float:
    """The learning rate of a step, from 0.

    Raises:
      Ddx7Error: the schedule has no such name.
    """
    if training.schedule == "staircase":
        return training.learning_rate * 0.98 ** (step // _DECAY_EVERY)
    if training.schedule != "cosine":
        raise Ddx7Error(f"schedule: found {training.schedule!r}, wanted staircase or cosine")
    share = 0.5 * (1 + np.cos(np.pi * min(step / training.steps, 1.0)))
    warm_up = min(_WARM_UP, max(training.steps // 5, 1))
    return training.learning_rate * min((step + 1) / warm_up, 1.0) * (_LEAST_SHARE + (1 - _LEAST_SHARE) * share)


class DeviceBatch(NamedTuple):
    """A batch as the loss takes it, spread over all devices.

    Attributes:
      inputs: of the decoder [crop, context + frame, 2].
      increments: of the frames that the synthesizer plays.
      audio: the target [crop, time].
    """

    inputs: Float[Array, "crop context 2"]
    increments: UInt32[Array, "crop frame ..."]
    audio: Float[Array, "crop time"]


def loss_fn(
    params: Params,
    batch: DeviceBatch,
    key: Key[Array, ""] | None,
    *,
    model: ResynthesisModel,
    training: ResynthesisTraining,
) -> Float[Array, ""]:
    """Distance of a model's sound from the recordings.

    Args:
      params: of the model.
      batch: from `to_devices`.
      key: of dropout and noise; without one there is no dropout.
      model: without parameters.
      training: gives the windows and the weight of the mel bands.
    """
    estimate = model.forward(params, batch.inputs, batch.increments, key)[:, -batch.audio.shape[1] :]
    distance = multi_scale_distance(estimate, batch.audio, training.windows)
    if training.mel_weight:
        distance = distance + training.mel_weight * mel_distance(estimate, batch.audio, model.sample_rate)
    if training.harmonic_weight:
        n_frames = batch.audio.shape[1] // HOP
        cycles = pitch_hz(batch.inputs[:, -n_frames:]) / model.sample_rate
        distance = distance + training.harmonic_weight * harmonic_distance(estimate, batch.audio, cycles, HOP)
    return distance


def make_update(
    model: ResynthesisModel, training: ResynthesisTraining, start: Params | None = None
) -> tuple[
    Callable[[], TrainState],
    Callable[[TrainState, SegmentBatch, int], tuple[TrainState, Array]],
]:
    """(a function that makes the first state, one step from a state, a batch and its number to the next and the loss).

    A step donates the buffers of its state.

    Args:
      model: to train.
      training: settings.
      start: parameters to begin with; by default random ones.
    """
    step_fn = _compiled_step(model, replace(training, steps=0))

    def init() -> TrainState:
        params = model.init(jax.random.key(training.seed)) if start is None else jax.tree.map(jnp.asarray, start)
        return TrainState.create(params, _optimiser(training, 0.0))

    def update(state: TrainState, batch: SegmentBatch, step: int) -> tuple[TrainState, Array]:
        rate = np.float32(learning_rate(training, step))
        return step_fn(state, to_devices(model, training, batch), np.int32(step), rate)

    return init, update


@lru_cache(maxsize=2)
def _compiled_step(model: ResynthesisModel, training: ResynthesisTraining) -> Any:
    """One step, compiled. The learning rate is an argument, so that one program serves runs of any length."""

    @partial(jax.jit, donate_argnums=0)
    def step_fn(
        state: TrainState, batch: DeviceBatch, step: Int[Array, ""], rate: Float[Array, ""]
    ) -> tuple[TrainState, Array]:
        # On a CPU this generator takes a quarter of the time of the default one; a step of DDX7 drops two million
        # values.
        key = jax.random.fold_in(jax.random.key(training.seed, impl="rbg"), step)
        loss = partial(loss_fn, batch=batch, key=key, model=model, training=training)
        return apply_gradients(state, loss, _optimiser(training, rate), ema_decay=training.ema_decay, step=step)

    return step_fn


def _optimiser(training: ResynthesisTraining, rate: Array | float) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(training.clip), optax.scale_by_adam(), optax.scale(-rate))


def steps_in(seconds: float, model: ResynthesisModel, training: ResynthesisTraining, segments: list[Segment]) -> int:
    """Number of steps that fit into a time on this machine, from some steps that are timed and thrown away.

    Args:
      seconds: from now on; evaluations and their compilation come out of them, too.
      model: to train.
      training: settings; the number of steps does not matter.
      segments: to learn from.
    """
    configure()
    began_s = time.monotonic()
    init, update = make_update(model, training)
    state, took_s = init(), []
    for step in range(_TIMED_STEPS + 1):
        before_s = time.monotonic()
        state, loss = update(state, _draw(segments, training, step), step)
        jax.block_until_ready((state, loss))
        took_s.append(time.monotonic() - before_s)
    left_s = seconds - (time.monotonic() - began_s) - _RESERVE_S
    return max(int(_SHARE_FOR_STEPS * left_s / float(np.median(took_s[1:]))), 1)


def _draw(segments: list[Segment], training: ResynthesisTraining, step: int) -> SegmentBatch:
    rng = np.random.default_rng([training.seed, step])
    return draw_batch(segments, training.batch, training.frames, training.context_frames, rng)


def train(
    model: ResynthesisModel,
    segments: list[Segment],
    held_out: list[Segment],
    folder: Path,
    training: ResynthesisTraining,
    *,
    data: Mapping[str, Any] | None = None,
    progress: Callable[[dict[str, float]], None] | None = None,
    stop_after: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    start: Params | None = None,
) -> FitResult[TrainState]:
    """Train, or resume the run of a folder.

    Args:
      model: to train.
      segments: to learn from.
      held_out: to evaluate on.
      folder: of the run: its settings, a checkpoint, and metrics as lines of JSON.
      training: settings; those of the run in the folder, but for `steps`, which may grow.
      data: names of the data, such as the instrument. Together with a fingerprint of all segments they bind the run.
      progress: called with the metrics of each evaluation.
      stop_after: the step to stop after, of a run that is to be resumed later.
      stop: asked after each step whether to end now, as when time is up.
      start: parameters to begin with; by default random ones. `data` should name their origin.

    Returns:
      the state after the last step, the parameters of the best evaluation, and metrics. ``held_out`` is the loss on
      held-out segments, ``best`` the lowest so far.

    Raises:
      Ddx7Error: a loss is not finite, the folder holds another run, or the devices cannot share a batch evenly.
    """
    n_devices = jax.device_count()
    if training.batch % n_devices:
        raise Ddx7Error(f"batch: found {training.batch}, wanted a multiple of the {n_devices} devices")
    # A finished run can continue: a cosine then begins again from where the longer one would be.
    fixed = {name: value for name, value in asdict(training).items() if name != "steps"}
    everything = [[part.name, part.samples, asdict(part.features)] for part in [*segments, *held_out]]
    run = {
        "data": {**(data or {}), "fingerprint": fingerprint([len(segments), everything])},
        "config": fixed,
        "model": model.to_dict(),
    }
    init, step_fn = make_update(model, training, start)
    compiled_loss = jax.jit(partial(loss_fn, key=None, model=model, training=training))
    test_batches = _held_out_batches(held_out, training)

    def update(state: TrainState, step: int) -> tuple[TrainState, dict[str, Array]]:
        state, loss = step_fn(state, _draw(segments, training, step), step)
        return state, {"loss": loss}

    def evaluate(state: TrainState, best_loss: float) -> Evaluation:
        losses = [compiled_loss(state.ema_params, to_devices(model, training, batch)) for batch in test_batches]
        loss = float(np.mean(losses))
        return Evaluation(state.ema_params, loss, {"held_out": loss, "best": min(loss, best_loss)})

    return fit(
        init,
        update,
        evaluate,
        lambda state: state.ema_params,
        folder,
        FitSchedule(training.steps, training.evaluate_every, stop_after, progress, stop),
        run=run,
        place=_replicate,
    )


def to_devices(model: ResynthesisModel, training: ResynthesisTraining, batch: SegmentBatch) -> DeviceBatch:
    """A batch over all devices: each process, which holds the whole batch, hands over its share."""
    inputs = scale_inputs(batch.f0_hz, batch.loudness_db)
    # A reverb still sounds of the frames before the crop.
    played_hz = batch.f0_hz if model.reverb_s else batch.f0_hz[:, training.context_frames :]
    sharding = NamedSharding(_mesh(), PartitionSpec("batch"))
    arrays = inputs, model.increments(played_hz), batch.audio
    return DeviceBatch(*(_distribute(sharding, x) for x in arrays))


def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()), ("batch",))


def _replicate(state: TrainState) -> TrainState:
    sharding = NamedSharding(_mesh(), PartitionSpec())
    return jax.tree.map(partial(_distribute, sharding), state)


def _distribute(sharding: NamedSharding, x: Any) -> Array:
    """An array on all devices of a sharding, of which this process may hold only some."""
    if jax.process_count() == 1:
        return jax.device_put(x, sharding)
    whole = np.asarray(x)
    return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])


def _held_out_batches(held_out: list[Segment], training: ResynthesisTraining) -> list[SegmentBatch]:
    """Crops at equal distances over all held-out sound, in batches of the training's size."""
    ends = np.cumsum([segment.n_frames for segment in held_out])
    n_crops = -(-_HELD_OUT_CROPS // training.batch) * training.batch
    crops = []
    for position in np.linspace(0, ends[-1], n_crops, endpoint=False):
        k = int(np.searchsorted(ends, position, side="right"))
        start = int(position - (ends[k] - held_out[k].n_frames))
        start = min(start, max(held_out[k].n_frames - training.frames, 0))
        crops.append(crop(held_out[k], start, training.frames, training.context_frames))
    groups = [crops[k : k + training.batch] for k in range(0, n_crops, training.batch)]
    return [SegmentBatch(*(np.stack(x) for x in zip(*group, strict=True))) for group in groups]
