"""Training the ear: one loop, exact to resume, safe to kill.

What a step does hangs on the seed and the step's number alone, and a checkpoint holds all that changes, so a run that
was stopped and resumed is the run that was not.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Num

from ddx7.encoder.examples import NOTES, ExampleShard
from ddx7.encoder.network import EncoderSize, PresetModel
from ddx7.encoder.spectrogram import BANDS, FRAMES, KEY_BANDS, RANGE_DB, STEP_DB
from ddx7.encoder.tokens import N_TOKENS
from ddx7.errors import Ddx7Error
from ddx7.runs import METRICS, begin, first_key, keep, last_metrics, same_run, steps


@dataclass(frozen=True)
class EncoderConfig:
    """Of one run.

    Attributes:
      steps: in all.
      batch: examples a step.
      learning_rate: Adam's highest, reached after `warm_up` steps, then a half cosine down to 1 %.
      warm_up: steps; half of all steps where that is less.
      weight_decay: of AdamW.
      average: decay of the running mean of the weights, which is what is used in the end.
      single: share of steps that show one note of each voice; the others show both.
      held_out_every: steps from one look at held-out voices to the next, and from one checkpoint to the next.
      seed: of everything random.
    """

    steps: int = 5400
    batch: int = 64
    learning_rate: float = 1.5e-3
    warm_up: int = 300
    weight_decay: float = 0.02
    average: float = 0.999
    single: float = 0.75
    held_out_every: int = 250
    seed: int = 0


class EncoderState(NamedTuple):
    """All that changes while training."""

    step: Int[Array, ""]
    weights: Any
    mean: Any
    optimiser: Any


def load_shards(paths: Sequence[Path]) -> ExampleShard:
    """Shards as one, in memory: about 15 kB an example."""
    parts = [np.load(path) for path in paths]
    return ExampleShard(
        **{name: np.concatenate([part[name] for part in parts]) for name in ("tokens", "pictures", "hands")}
    )


def train(
    examples: ExampleShard,
    held_out: ExampleShard,
    folder: Path,
    settings: EncoderConfig,
    size: EncoderSize,
    progress: Callable[[dict[str, float]], None] | None = None,
    until: int | None = None,
    start: Any = None,
) -> tuple[Any, dict[str, float]]:
    """Train, or go on with a run of the folder.

    Args:
      examples: to learn from.
      held_out: to measure on, never learned from.
      folder: of the run: a checkpoint, and metrics as lines of JSON.
      settings: must be those that the run was begun with.
      size: of the model.
      progress: told the metrics.
      until: step to stop after, of a run that is to go on later.
      start: weights to begin a new run with, such as `Proposer.weights`; random ones if not given.

    Returns:
      the averaged weights, and the last metrics.

    Raises:
      Ddx7Error: the loss is no number, or the folder holds another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    same_run(folder / "settings.json", {"settings": asdict(settings), "size": size._asdict()})
    state = begin(folder, partial(_begin, PresetModel(size), _optimiser(settings), settings.seed, start))
    update, judge = _compiled(size, settings)
    begun, first = time.monotonic(), int(state.step)
    metrics: dict[str, float] = last_metrics(folder / METRICS)
    losses: list[jax.Array] = []
    last = min(settings.steps, until or settings.steps)

    def current() -> EncoderState:
        return state

    for step in steps(first, last, folder, current):
        batch = draw_batch(examples, settings, step)
        state, loss = update(state, batch)
        losses.append(loss)
        if (step + 1) % settings.held_out_every == 0 or step + 1 in (settings.steps, until):
            found = float(np.mean(losses))
            if not np.isfinite(found):
                raise Ddx7Error(f"{folder}: the loss is {found} at step {step + 1}; the checkpoint before is kept")
            metrics = {
                "step": step + 1,
                "loss": found,
                "held_out": measure(judge, state.mean, held_out, settings.batch),
                "steps_per_s": (step + 1 - first) / (time.monotonic() - begun),
            }
            losses = []
            keep(folder, state, metrics)
            if progress:
                progress(metrics)
    return state.mean, metrics


def draw_batch(examples: ExampleShard, settings: EncoderConfig, step: int) -> tuple[np.ndarray, ...]:
    """What is learned from at a step: pictures, hands, presence and tokens."""
    n, epoch_steps = len(examples.tokens), max(len(examples.tokens) // settings.batch, 1)
    epoch, place = divmod(step, epoch_steps)
    order = np.random.default_rng([settings.seed, epoch]).permutation(n)
    rows = order[place * settings.batch : (place + 1) * settings.batch]
    rng = np.random.default_rng([settings.seed, step, 1])
    pictures, hands = examples.pictures[rows], examples.hands[rows]
    if rng.random() < settings.single:
        note = rng.integers(0, NOTES, len(rows))
        pictures, hands = pictures[np.arange(len(rows)), note][:, None], hands[np.arange(len(rows)), note][:, None]
    return pictures, hands, np.ones(hands.shape[:2], np.float32), examples.tokens[rows].astype(np.int32)


def measure(judge: Callable[..., jax.Array], weights: Any, held_out: ExampleShard, batch: int) -> float:
    """Negative log likelihood of held-out voices in view of one of their notes, in nats a voice."""
    found = []
    for first in range(0, len(held_out.tokens) - batch + 1, batch):
        rows = slice(first, first + batch)
        present = np.ones((batch, 1), np.float32)
        tokens = held_out.tokens[rows].astype(np.int32)
        found.append(judge(weights, held_out.pictures[rows, :1], held_out.hands[rows, :1], present, tokens))
    return float(np.mean(found))


def augment(key: Array, pictures: Num[Array, "batch note frame band"]) -> Float[Array, "batch note frame band"]:
    """Pictures as a microphone and a room would have made them: other colour, some noise, other level of detail."""
    n = pictures.shape[0]
    slope, bend, noise, some = jax.random.split(key, 4)
    x = pictures.astype(jnp.float32)
    place = jnp.concatenate([jnp.linspace(-1, 1, KEY_BANDS), jnp.linspace(-1, 1, BANDS - KEY_BANDS)])
    tilt = 4.0 / STEP_DB * jax.random.normal(slope, (n, 1, 1, 1)) * place
    knots = 2.0 / STEP_DB * jax.random.normal(bend, (n, 1, 1, 12))
    colour = jax.image.resize(knots, (n, 1, 1, BANDS), "linear")
    applied = jax.random.bernoulli(some, 0.4, (n, 1, 1, 1))
    x = jnp.where(applied & (x > 0), x + tilt + colour, x)
    x = x + jnp.where(applied, RANGE_DB / STEP_DB - x.max(axis=(2, 3), keepdims=True), 0)
    floor_db = jax.random.uniform(noise, (n, 1, 1, 1), minval=-30.0, maxval=35.0)
    floor = jnp.where(applied, floor_db / STEP_DB, 0) + 3.0 * jax.random.normal(some, x.shape)
    return jnp.clip(jnp.where(applied, jnp.maximum(x, floor), x), 0, 255)


def _optimiser(settings: EncoderConfig) -> optax.GradientTransformation:
    steps = max(settings.steps, 2)
    rate = optax.warmup_cosine_decay_schedule(
        0.0, settings.learning_rate, min(settings.warm_up, steps // 2), steps, settings.learning_rate / 100
    )
    return optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(rate, b2=0.98, weight_decay=settings.weight_decay, mask=_matrices)
    )


def _matrices(weights: Any) -> Any:
    """What decays: layers' kernels, not tables and biases."""
    return jax.tree_util.tree_map_with_path(lambda path, _: "kernel" in str(path[-1]), weights)


def _begin(model: PresetModel, optimiser: optax.GradientTransformation, seed: int, start: Any) -> EncoderState:
    blank = np.zeros((1, 1, FRAMES, BANDS), np.uint8), np.ones((1, 1, 3), np.float32), np.ones((1, 1), np.float32)
    weights = start
    if start is None:
        weights = model.init(first_key(seed), *blank, np.zeros((1, N_TOKENS), np.int32))
    mean = jax.tree.map(jnp.copy, weights)  # of its own, since the buffers of a state are given away
    return EncoderState(jnp.zeros((), jnp.int32), weights, mean, optimiser.init(weights))


@cache
def _compiled(size: EncoderSize, settings: EncoderConfig) -> tuple[Callable, Callable]:
    model, optimiser = PresetModel(size), _optimiser(settings)

    def loss_of(weights: Any, pictures: Array, hands: Array, present: Array, tokens: Array) -> Array:
        logits: Any = model.apply(weights, pictures, hands, present, tokens)
        return optax.softmax_cross_entropy_with_integer_labels(logits, tokens).sum(axis=-1).mean()

    @partial(jax.jit, donate_argnums=0)
    def update(state: EncoderState, batch: tuple[Array, ...]) -> tuple[EncoderState, Array]:
        key = jax.random.fold_in(jax.random.key(settings.seed), state.step)
        pictures, *rest = batch
        loss, slope = jax.value_and_grad(loss_of)(state.weights, augment(key, pictures), *rest)
        change, inner = optimiser.update(slope, state.optimiser, state.weights)
        weights = optax.apply_updates(state.weights, change)
        # Early on the mean must not remember how training began.
        decay = jnp.minimum(settings.average, (1.0 + state.step) / (10.0 + state.step))
        mean = jax.tree.map(lambda m, w: decay * m + (1 - decay) * w, state.mean, weights)
        return EncoderState(state.step + 1, weights, mean, inner), loss

    return update, jax.jit(loss_of)
