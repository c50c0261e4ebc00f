"""The training of an instrument: a pure loss, one update, one evaluation; `ddx7.training.fit` is the loop.

Batches are spread over all devices of all processes (`jax.distributed`). An update depends on the state, the seed and
the number of the step alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, Key, UInt32

from ddx7.audio.spectral_loss import PUBLISHED, mel_distance, multi_scale_distance
from ddx7.errors import Ddx7Error
from ddx7.resynthesis.dataset import Segment, SegmentBatch, crop, draw_batch
from ddx7.resynthesis.model import ResynthesisModel, scale_inputs
from ddx7.resynthesis.protocols import Params
from ddx7.training import Evaluation, FitResult, FitSchedule, TrainState, apply_gradients, fingerprint, fit

_HELD_OUT_CROPS = 32


@dataclass(frozen=True)
class ResynthesisTraining:
    """Settings of a training; the defaults are those published with DDX7 but for the number of steps.

    Attributes:
      steps: in all.
      batch: crops for each step.
      frames: of each crop, 250 a second at 16 kHz.
      context_frames: earlier frames that only the decoder takes in; with a reverb the synthesizer plays them, too.
      learning_rate: Adam's; multiplied by 0.98 every `decay_every` steps.
      decay_every: steps.
      clip: largest norm of the gradient.
      windows: of the multi-scale spectral distance.
      mel_weight: weight of the distance in mel bands beside it.
      ema_decay: of the running mean of the parameters, 0 to 1, which is evaluated and used; 0 takes them as they are.
      evaluate_every: steps from one evaluation and checkpoint to the next.
      seed: of everything random.
    """

    steps: int = 120_000
    batch: int = 16
    frames: int = 1000
    context_frames: int = 0
    learning_rate: float = 3e-4
    decay_every: int = 10_000
    clip: float = 2.0
    windows: tuple[int, ...] = PUBLISHED
    mel_weight: float = 0.0
    ema_decay: float = 0.0
    evaluate_every: int = 250
    seed: int = 1234


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
    return distance


def make_update(
    model: ResynthesisModel, training: ResynthesisTraining
) -> tuple[
    Callable[[], TrainState],
    Callable[[TrainState, SegmentBatch, int], tuple[TrainState, Array]],
]:
    """(a function that makes the first state, one step from a state, a batch and its number to the next and the loss).

    A step donates the buffers of its state.
    """
    optimiser = _optimiser(training)

    def init() -> TrainState:
        return TrainState.create(model.init(jax.random.key(training.seed)), optimiser)

    @partial(jax.jit, donate_argnums=0)
    def step_fn(state: TrainState, batch: DeviceBatch, step: Int[Array, ""]) -> tuple[TrainState, Array]:
        # On a CPU this generator takes a quarter of the time of the default one; a step of DDX7 drops two million
        # values.
        key = jax.random.fold_in(jax.random.key(training.seed, impl="rbg"), step)
        loss = partial(loss_fn, batch=batch, key=key, model=model, training=training)
        return apply_gradients(state, loss, optimiser, ema_decay=training.ema_decay, step=step)

    def update(state: TrainState, batch: SegmentBatch, step: int) -> tuple[TrainState, Array]:
        return step_fn(state, to_devices(model, training, batch), np.int32(step))

    return init, update


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

    Returns:
      the state after the last step, the parameters of the best evaluation, and metrics. ``held_out`` is the loss on
      held-out segments, ``best`` the lowest so far.

    Raises:
      Ddx7Error: a loss is not finite, the folder holds another run, or the devices cannot share a batch evenly.
    """
    n_devices = jax.device_count()
    if training.batch % n_devices:
        raise Ddx7Error(f"batch: found {training.batch}, wanted a multiple of the {n_devices} devices")
    # No rate depends on the length of a run, so a finished one can continue.
    fixed = {name: value for name, value in asdict(training).items() if name != "steps"}
    everything = [[part.name, part.samples, asdict(part.features)] for part in [*segments, *held_out]]
    run = {
        "data": {**(data or {}), "fingerprint": fingerprint([len(segments), everything])},
        "config": fixed,
        "model": model.to_dict(),
    }
    init, step_fn = make_update(model, training)
    compiled_loss = jax.jit(partial(loss_fn, key=None, model=model, training=training))
    test_batches = _held_out_batches(held_out, training)

    def update(state: TrainState, step: int) -> tuple[TrainState, dict[str, Array]]:
        rng = np.random.default_rng([training.seed, step])
        batch = draw_batch(segments, training.batch, training.frames, training.context_frames, rng)
        state, loss = step_fn(state, batch, step)
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
        FitSchedule(training.steps, training.evaluate_every, stop_after, progress),
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


def _optimiser(training: ResynthesisTraining) -> optax.GradientTransformation:
    rate = optax.exponential_decay(training.learning_rate, training.decay_every, 0.98, staircase=True)
    return optax.chain(optax.clip_by_global_norm(training.clip), optax.adam(rate))


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
