"""Training the published model; the engine renders each voice when a batch needs it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import traverse_util
from jaxtyping import Array, Bool, Float, Int

from ddx7.training import Evaluation, FitResult, FitSchedule, fingerprint, fit, init_key, read_weights, write_weights
from preset_gen_vae.loss import LossParts, loss_parts
from preset_gen_vae.model import HeadName, PresetGenVae, VaeSize, published_size
from preset_gen_vae.spectrogram import ONE_NOTE, SIX_NOTES, Notes, average_pool, mel_spectrograms, render_notes
from preset_gen_vae.vector_form import FormName, VectorForm, vector_form

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class VaeConfig:
    """Configuration of a run; the defaults are the published ones, except for the number of steps and the evaluation.

    Attributes:
      form: of the vectors.
      transpose: whether transposition is learned; without it every voice is rendered untransposed.
      head: type of the network that predicts the vectors.
      several_notes: whether the input is six notes instead of one.
      small: whether the convolutions are small and take average-pooled spectrograms, for a laptop.
      steps: number of steps.
      batch: voices per step.
      learning_rate: of Adam; falls to a fifth whenever the loss has not fallen for `patience` epochs.
      patience: epochs.
      weight_decay: of Adam, in the gradient.
      beta_start: weight of the latent loss at the first step.
      beta: weight of the latent loss from `beta_epochs` on.
      beta_epochs: over which the weight rises.
      evaluate_every: steps from one evaluation and checkpoint to the next.
      evaluated: number of held-out voices of an evaluation.
      seed: of all random numbers.
    """

    form: FormName = "NumCat++"
    transpose: bool = False
    head: HeadName = "flow"
    several_notes: bool = False
    small: bool = False
    steps: int = 50_000
    batch: int = 160
    learning_rate: float = 2e-4
    patience: int = 15
    weight_decay: float = 1e-4
    beta_start: float = 0.1
    beta: float = 0.2
    beta_epochs: int = 25
    evaluate_every: int = 500
    evaluated: int = 320
    seed: int = 0

    @property
    def notes(self) -> Notes:
        """MIDI notes and velocities of the input."""
        return SIX_NOTES if self.several_notes else ONE_NOTE

    def vector_form(self) -> VectorForm:
        """Layout of the vectors."""
        return vector_form(self.form, transpose=self.transpose)

    def size(self) -> VaeSize:
        """The published size."""
        return published_size(self.vector_form().width, self.head, len(self.notes), small=self.small)


class VaeBatch(NamedTuple):
    """Inputs and targets of a step.

    Attributes:
      spectrograms: [voice, note, frame, band].
      target: vectors, [voice, width].
      mask: which parameters are audible, [voice, parameter].
    """

    spectrograms: Float[Array, "voice note frame band"]
    target: Float[Array, "voice width"]
    mask: Bool[Array, "voice parameter"]


class VaeState(NamedTuple):
    """All that changes during training."""

    params: Any
    batch_stats: Any
    opt_state: Any

    @property
    def variables(self) -> dict[str, Any]:
        """What `PresetGenVae.apply` takes."""
        return {"params": self.params, "batch_stats": self.batch_stats}


SpectrogramFn = Callable[[np.ndarray], Array]
"""From voices, uint8 [voice, 155], to spectrograms, [voice, note, frame, band]."""


def spectrogram_fn(notes: Notes, *, small: bool = False) -> SpectrogramFn:
    """A function that renders notes of voices and computes their spectrograms, average-pooled for a small model."""

    def compute(vced: np.ndarray) -> Array:
        spectrograms = mel_spectrograms(render_notes(vced, notes))
        return average_pool(spectrograms) if small else spectrograms

    return compute


def train(
    voices: np.ndarray,
    held_out: np.ndarray,
    folder: Path,
    config: VaeConfig,
    *,
    size: VaeSize | None = None,
    compute_spectrograms: SpectrogramFn | None = None,
    progress: Callable[[dict[str, float]], None] | None = None,
    stop_after: int | None = None,
) -> FitResult[VaeState]:
    """Train a model, or resume the run of a folder, and write the weights of its last step.

    Args:
      voices: training voices, uint8 [voice, 155], legal bytes.
      held_out: voices for evaluation, likewise.
      folder: of the run; gets its settings, a checkpoint, metrics as lines of JSON, and weights with a card.
      config: of the run.
      size: of the model; the published one if not given.
      compute_spectrograms: of voices; the published spectrograms if not given.
      progress: called with the metrics of each evaluation.
      stop_after: the step to stop after, of a run that is to be resumed later.

    Returns:
      the run; `state.variables` is what `PresetGenVae.apply` takes.

    Raises:
      Ddx7Error: the loss is not finite, or the folder holds another run or one with other voices.
    """
    size = size or config.size()
    compute = compute_spectrograms or spectrogram_fn(config.notes, small=config.small)
    epoch_steps = max(len(voices) // config.batch, 1)
    update, loss_fn = _compiled(size, config, epoch_steps)

    def step_update(state: VaeState, step: int) -> tuple[VaeState, dict[str, Array]]:
        state, losses = update(state, sample_batch(voices, config, step, compute), np.int32(step))
        return state, losses._asdict()

    def evaluate(state: VaeState, _: float) -> Evaluation:
        losses = evaluate_losses(loss_fn, state.variables, held_out[: config.evaluated], config, compute)
        metrics = {f"held_out_{name}": float(value) for name, value in losses._asdict().items()}
        return Evaluation(state.variables, float(losses.total(config.beta)), metrics)

    run = {
        "config": asdict(config),
        "size": {**size._asdict(), "conv": size.conv._asdict()},
        "voices": fingerprint(voices),
        "held_out": fingerprint(held_out),
    }
    fitted = fit(
        partial(_init, size, config, epoch_steps),
        step_update,
        evaluate,
        lambda state: state.variables,
        folder,
        FitSchedule(config.steps, config.evaluate_every, stop_after, progress),
        run=run,
    )
    variables = jax.device_get(fitted.state.variables)
    names = traverse_util.flatten_dict(variables, sep="/")
    write_weights(folder / WEIGHTS, variables, {"config": asdict(config), **fitted.metrics}, exact=names)
    return fitted


def load_trained(folder: Path) -> tuple[dict[str, Any], VaeConfig]:
    """The variables that `PresetGenVae.apply` takes, and the configuration, of a trained run.

    Raises:
      Ddx7Error: the folder holds no weights.
    """
    variables, card = read_weights(folder / WEIGHTS)
    return variables, VaeConfig(**card["config"])


def predict_voices(
    variables: dict[str, Any],
    size: VaeSize,
    form: VectorForm,
    spectrograms: Float[Array, "voice note frame band"],
) -> np.ndarray:
    """The model's voices for spectrograms, uint8 [voice, 155]."""
    return form.to_vced(np.asarray(_compiled_prediction(size)(variables, spectrograms)))


def sample_batch(voices: np.ndarray, config: VaeConfig, step: int, compute: SpectrogramFn) -> VaeBatch:
    """The batch of a step: each epoch shows each voice once, in an order of its own."""
    epoch, position = divmod(step, max(len(voices) // config.batch, 1))
    order = np.random.default_rng([config.seed, epoch]).permutation(len(voices))
    return make_batch(voices[order[position * config.batch : (position + 1) * config.batch]], config, compute)


def make_batch(voices: np.ndarray, config: VaeConfig, compute: SpectrogramFn) -> VaeBatch:
    """Inputs and targets from voices, restricted to what the form represents."""
    form = config.vector_form()
    restricted = form.restrict(voices)
    target, mask = jnp.asarray(form.to_vectors(restricted)), jnp.asarray(form.audible(restricted))
    return VaeBatch(compute(restricted), target, mask)


def evaluate_losses(
    loss_fn: Callable[[Any, VaeBatch], LossParts],
    variables: dict[str, Any],
    held_out: np.ndarray,
    config: VaeConfig,
    compute: SpectrogramFn,
) -> LossParts:
    """Mean losses over held-out voices, without sampling and without dropout."""
    n = min(config.batch, len(held_out))
    starts = range(0, len(held_out) - n + 1, n)
    return mean_losses([loss_fn(variables, make_batch(held_out[k : k + n], config, compute)) for k in starts])


def mean_losses(losses: Sequence[LossParts]) -> LossParts:
    """Means of each part."""
    return jax.tree.map(lambda *values: np.mean(values), *losses)


def count_parameters(params: Any) -> dict[str, int]:
    """Number of parameters in each part of a model, and in all."""
    by_part = {name: sum(np.size(leaf) for leaf in jax.tree.leaves(part)) for name, part in params.items()}
    return {**by_part, "all": sum(by_part.values())}


@cache
def _compiled_prediction(size: VaeSize) -> Any:
    return jax.jit(partial(PresetGenVae(size).apply, method="predict"))


def _optimiser(config: VaeConfig, epoch_steps: int) -> optax.GradientTransformationExtraArgs:
    """Adam with decay in the gradient; the rate falls on plateaus of the loss, averaged over epochs."""
    return optax.with_extra_args_support(
        optax.chain(
            optax.add_decayed_weights(config.weight_decay),
            optax.adam(config.learning_rate),
            optax.contrib.reduce_on_plateau(
                factor=0.2, patience=config.patience, cooldown=config.patience, accumulation_size=epoch_steps
            ),
        )
    )


def _init(size: VaeSize, config: VaeConfig, epoch_steps: int) -> VaeState:
    spectrograms = jnp.zeros((2, size.n_notes, *size.conv.shape))
    variables: Any = PresetGenVae(size).init(init_key(config.seed), spectrograms)
    params = variables["params"]
    return VaeState(params, variables["batch_stats"], _optimiser(config, epoch_steps).init(params))


@cache
def _compiled(size: VaeSize, config: VaeConfig, epoch_steps: int) -> tuple[Callable, Callable]:
    """The step and the losses of a model; cached, so that a second run compiles nothing."""
    model, optimiser, form = PresetGenVae(size), _optimiser(config, epoch_steps), config.vector_form()

    @partial(jax.jit, donate_argnums=0)
    def update(state: VaeState, batch: VaeBatch, step: Int[Array, ""]) -> tuple[VaeState, LossParts]:
        key = jax.random.fold_in(jax.random.key(config.seed), step)
        latent_key, dropout_key = jax.random.split(key)
        rngs = {"latent": latent_key, "dropout": dropout_key}
        progress = jnp.minimum(step / (config.beta_epochs * epoch_steps), 1.0)
        beta = config.beta_start + progress * (config.beta - config.beta_start)

        def loss_fn(params: Any) -> tuple[Array, tuple[LossParts, Any]]:
            variables = {"params": params, "batch_stats": state.batch_stats}
            output, changed = model.apply(variables, batch.spectrograms, train=True, mutable=["batch_stats"], rngs=rngs)
            losses = loss_parts(form, output, *batch)
            return losses.total(beta), (losses, changed["batch_stats"])

        grads, (losses, batch_stats) = jax.grad(loss_fn, has_aux=True)(state.params)
        plateau = losses.spectrograms + losses.parameters
        updates, opt_state = optimiser.update(grads, state.opt_state, state.params, value=plateau)
        return VaeState(optax.apply_updates(state.params, updates), batch_stats, opt_state), losses

    @jax.jit
    def loss_fn(variables: dict[str, Any], batch: VaeBatch) -> LossParts:
        output: Any = model.apply(variables, batch.spectrograms)
        return loss_parts(form, output, *batch)

    return update, loss_fn
