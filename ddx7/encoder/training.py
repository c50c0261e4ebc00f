"""Training the preset model by maximum likelihood on rendered notes of voices, with augmented spectrograms."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Num

from ddx7.encoder.examples import NOTES_PER_VOICE, ExampleShard
from ddx7.encoder.network import PresetModel
from ddx7.encoder.size import EncoderSize
from ddx7.encoder.spectrogram import BANDS, FRAMES, RANGE_DB, RATIO_BANDS, STEP_DB
from ddx7.encoder.tokens import N_TOKENS
from ddx7.training import Evaluation, FitResult, FitSchedule, TrainState, apply_gradients, fingerprint, fit, init_key


@dataclass(frozen=True)
class EncoderConfig:
    """Configuration of a training run.

    Attributes:
      steps: number of steps.
      batch: examples per step.
      learning_rate: highest rate of AdamW, reached after the warm-up; a half cosine lowers it to 1 %.
      warmup_steps: half of all steps where that is less.
      weight_decay: of AdamW, on the kernels of dense layers.
      ema_decay: of the averaged parameters, which are evaluated and saved.
      single_note_share: share of steps with one note of each voice; the others have both.
      evaluate_every: steps from one evaluation and checkpoint to the next.
      seed: of all random numbers.
    """

    steps: int = 5400
    batch: int = 64
    learning_rate: float = 1.5e-3
    warmup_steps: int = 300
    weight_decay: float = 0.02
    ema_decay: float = 0.999
    single_note_share: float = 0.75
    evaluate_every: int = 250
    seed: int = 0


class EncoderBatch(NamedTuple):
    """Inputs and targets of a step.

    Attributes:
      spectrograms: of the notes.
      note_events: MIDI note, velocity and gate in seconds.
      present: 1 for notes that count, 0 for padding.
      tokens: of the voices.
    """

    spectrograms: Num[Array, "batch note frame band"] | Num[np.ndarray, "batch note frame band"]
    note_events: Float[Array, "batch note 3"] | Float[np.ndarray, "batch note 3"]
    present: Float[Array, "batch note"] | Float[np.ndarray, "batch note"]
    tokens: Int[Array, "batch token"] | Int[np.ndarray, "batch token"]


def train(
    examples: ExampleShard,
    held_out: ExampleShard,
    folder: Path,
    config: EncoderConfig,
    size: EncoderSize,
    *,
    stop_after: int | None = None,
    init_params: Any = None,
    progress: Callable[[dict[str, float]], None] | None = None,
) -> FitResult[TrainState]:
    """Train a preset model, or resume the run of a folder.

    Args:
      examples: training examples.
      held_out: examples for evaluation.
      folder: of the run; gets its settings, a checkpoint and metrics as lines of JSON.
      config: of the run.
      size: of the model.
      stop_after: the step to stop after, of a run that is to be resumed later.
      init_params: first parameters, such as `VoiceSampler.params`; random ones if not given.
      progress: called with the metrics of each evaluation.

    Returns:
      the run; `best_params` are the averaged parameters of the evaluation with the lowest ``held_out``, the negative
      log-likelihood of held-out voices in nats per voice.

    Raises:
      Ddx7Error: the loss is not finite, or the folder holds another run or one with other examples.
    """
    update, loss_fn = _compiled(size, config)

    def evaluate(state: TrainState, _: float) -> Evaluation:
        loss = evaluate_loss(loss_fn, state.ema_params, held_out, config.batch)
        return Evaluation(state.ema_params, loss, {"held_out": loss})

    def step_update(state: TrainState, step: int) -> tuple[TrainState, dict[str, Array]]:
        state, loss = update(state, sample_batch(examples, config, step), np.int32(step))
        return state, {"loss": loss}

    run = {
        "config": asdict(config),
        "size": size._asdict(),
        "examples": examples.fingerprint(),
        "held_out": held_out.fingerprint(),
        "init_params": init_params and fingerprint(jax.tree.map(np.asarray, init_params)),
    }
    return fit(
        partial(_init, size, config, init_params),
        step_update,
        evaluate,
        lambda state: state.ema_params,
        folder,
        FitSchedule(config.steps, config.evaluate_every, stop_after, progress),
        run=run,
    )


def sample_batch(examples: ExampleShard, config: EncoderConfig, step: int) -> EncoderBatch:
    """The batch of a step, which depends on the seed and the step alone: each epoch has an order of its own."""
    n, epoch_steps = len(examples), max(len(examples) // config.batch, 1)
    epoch, position = divmod(step, epoch_steps)
    order = np.random.default_rng([config.seed, epoch]).permutation(n)
    rows = order[position * config.batch : (position + 1) * config.batch]
    rng = np.random.default_rng([config.seed, step, 1])
    spectrograms, note_events = examples.spectrograms[rows], examples.note_events[rows]
    if rng.random() < config.single_note_share:
        chosen = np.arange(len(rows)), rng.integers(0, NOTES_PER_VOICE, len(rows))
        spectrograms, note_events = spectrograms[chosen][:, None], note_events[chosen][:, None]
    present = np.ones(note_events.shape[:2], np.float32)
    return EncoderBatch(spectrograms, note_events, present, examples.tokens[rows].astype(np.int32))


def negative_log_likelihood(model: PresetModel, params: Any, batch: EncoderBatch) -> Float[Array, ""]:
    """Mean negative log-likelihood of a batch's voices, in nats per voice."""
    logits: Any = model.apply(params, *batch)
    return optax.softmax_cross_entropy_with_integer_labels(logits, batch.tokens).sum(axis=-1).mean()


def evaluate_loss(
    loss_fn: Callable[[Any, EncoderBatch], Array], params: Any, held_out: ExampleShard, batch_size: int
) -> float:
    """Mean loss over held-out voices, each given its first note; examples beyond the last full batch are left out."""
    n = min(batch_size, len(held_out))
    losses = []
    for first in range(0, len(held_out) - n + 1, n):
        rows = slice(first, first + n)
        notes = held_out.spectrograms[rows, :1], held_out.note_events[rows, :1]
        batch = EncoderBatch(*notes, np.ones((n, 1), np.float32), held_out.tokens[rows].astype(np.int32))
        losses.append(loss_fn(params, batch))
    return float(np.mean(losses))


def augment(key: Array, spectrograms: Num[Array, "batch note frame band"]) -> Float[Array, "batch note frame band"]:
    """Vary 40 % of the examples as recordings vary: spectral tilt and colour, noise floor, and noise in the levels.

    Args:
      key: random key.
      spectrograms: in steps of `STEP_DB`.
    """
    n = spectrograms.shape[0]
    tilt_key, colour_key, floor_key, choice_key = jax.random.split(key, 4)
    x = spectrograms.astype(jnp.float32)
    position = jnp.concatenate([jnp.linspace(-1, 1, RATIO_BANDS), jnp.linspace(-1, 1, BANDS - RATIO_BANDS)])
    tilt = 4.0 / STEP_DB * jax.random.normal(tilt_key, (n, 1, 1, 1)) * position
    knots = 2.0 / STEP_DB * jax.random.normal(colour_key, (n, 1, 1, 12))
    colour = jax.image.resize(knots, (n, 1, 1, BANDS), "linear")
    applied = jax.random.bernoulli(choice_key, 0.4, (n, 1, 1, 1))
    x = jnp.where(applied & (x > 0), x + tilt + colour, x)
    x = x + jnp.where(applied, RANGE_DB / STEP_DB - x.max(axis=(2, 3), keepdims=True), 0)
    floor_db = jax.random.uniform(floor_key, (n, 1, 1, 1), minval=-30.0, maxval=35.0)
    floor = jnp.where(applied, floor_db / STEP_DB, 0) + 3.0 * jax.random.normal(choice_key, x.shape)
    return jnp.clip(jnp.where(applied, jnp.maximum(x, floor), x), 0, 255)


def _optimiser(config: EncoderConfig) -> optax.GradientTransformation:
    steps = max(config.steps, 2)
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, config.learning_rate, min(config.warmup_steps, steps // 2), steps, config.learning_rate / 100
    )
    return optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, b2=0.98, weight_decay=config.weight_decay, mask=_kernels)
    )


def _kernels(params: Any) -> Any:
    """True for the kernels of dense layers, which decay; embedding tables and biases do not."""
    return jax.tree_util.tree_map_with_path(lambda path, _: "kernel" in str(path[-1]), params)


def _init(size: EncoderSize, config: EncoderConfig, init_params: Any) -> TrainState:
    if init_params is None:
        spectrograms = jnp.zeros((1, 1, FRAMES, BANDS), jnp.uint8)
        tokens = jnp.zeros((1, N_TOKENS), jnp.int32)
        inputs = spectrograms, jnp.ones((1, 1, 3)), jnp.ones((1, 1)), tokens
        init_params = PresetModel(size).init(init_key(config.seed), *inputs)
    return TrainState.create(init_params, _optimiser(config))


@cache
def _compiled(size: EncoderSize, config: EncoderConfig) -> tuple[Callable, Callable]:
    """The step and the loss of a model; cached, so that a second run compiles nothing."""
    model, optimiser = PresetModel(size), _optimiser(config)

    @partial(jax.jit, donate_argnums=0)
    def update(state: TrainState, batch: EncoderBatch, step: Int[Array, ""]) -> tuple[TrainState, Array]:
        key = jax.random.fold_in(jax.random.key(config.seed), step)
        batch = batch._replace(spectrograms=augment(key, jnp.asarray(batch.spectrograms)))
        loss_fn = partial(negative_log_likelihood, model, batch=batch)
        return apply_gradients(state, loss_fn, optimiser, ema_decay=config.ema_decay, step=step)

    return update, jax.jit(partial(negative_log_likelihood, model))
