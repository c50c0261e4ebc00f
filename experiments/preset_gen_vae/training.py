"""Training the published model: every voice is played when it is needed; exact to resume, safe to kill.

What a step does hangs on the seed and the step's number alone, and a checkpoint holds all that changes.
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
from jaxtyping import Array, Bool, Float, Int

from ddx7.errors import Ddx7Error
from ddx7.runs import CHECKPOINT, METRICS, begin, first_key, keep, last_metrics, same_run, steps
from preset_gen_vae.loss import LossParts, loss_parts
from preset_gen_vae.model import HeadName, PresetGenVae, VaeSize, published_size
from preset_gen_vae.representation import FormName, VectorForm, vector_form
from preset_gen_vae.spectrogram import ONE_NOTE, SIX_NOTES, Notes, coarse, play_notes, spectrograms

PARTS = LossParts._fields


@dataclass(frozen=True)
class VaeConfig:
    """Of one run; the defaults are those published, but for the number of steps and what is measured.

    Attributes:
      form: of the vectors.
      transpose: whether it is learned; without it every voice is played untransposed.
      head: what makes the vectors.
      several_notes: whether to look at six notes instead of one.
      small: whether the convolutions are small and see coarse spectrograms, for a laptop.
      steps: in all.
      batch: voices a step.
      learning_rate: of Adam; falls to a fifth whenever the loss has not fallen for `patience` epochs.
      patience: epochs.
      weight_decay: of Adam, in the gradient.
      beta_start: weight of the latent loss at first.
      beta: from `beta_epochs` on.
      beta_epochs: over which it rises.
      measured_every: steps from one look at held-out voices to the next, and from one checkpoint to the next.
      measured: held-out voices to look at.
      seed: of everything random.
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
    measured_every: int = 500
    measured: int = 320
    seed: int = 0

    @property
    def notes(self) -> Notes:
        """Keys and velocities that are looked at."""
        return SIX_NOTES if self.several_notes else ONE_NOTE

    def vector_form(self) -> VectorForm:
        """Where each parameter lies in the vectors."""
        return vector_form(self.form, transpose=self.transpose)

    def size(self) -> VaeSize:
        """The published size."""
        return published_size(self.vector_form().width, self.head, len(self.notes), small=self.small)


class VaeBatch(NamedTuple):
    """Examples.

    Attributes:
      seen: spectrograms, [voice, note, frame, band].
      wanted: vectors, [voice, width].
      counted: which of their parameters can be heard, [voice, parameter].
    """

    seen: Float[Array, "voice note frame band"]
    wanted: Float[Array, "voice width"]
    counted: Bool[Array, "voice parameter"]


class VaeState(NamedTuple):
    """All that changes while training."""

    step: Int[Array, ""]
    weights: Any
    statistics: Any
    optimiser: Any


RenderSpectrograms = Callable[[np.ndarray], Array]
"""Voices, uint8 [voice, 155], to spectrograms, [voice, note, frame, band]."""


def spectrogram_renderer(notes: Notes, *, small: bool = False) -> RenderSpectrograms:
    """Play notes on voices and look at them; coarsely, for a small model."""

    def look(vced: np.ndarray) -> Array:
        seen = spectrograms(play_notes(vced, notes))
        return coarse(seen) if small else seen

    return look


def train(
    voices: np.ndarray,
    held_out: np.ndarray,
    folder: Path,
    settings: VaeConfig,
    *,
    size: VaeSize | None = None,
    look: RenderSpectrograms | None = None,
    progress: Callable[[dict[str, float]], None] | None = None,
    until: int | None = None,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Train, or go on with a run of the folder.

    Args:
      voices: to learn from, uint8 [voice, 155], legal bytes.
      held_out: to measure on, likewise, never learned from.
      folder: of the run: a checkpoint, and metrics as lines of JSON.
      settings: must be those that the run was begun with.
      size: of the model; the published one if not given.
      look: what the model sees of voices; the published spectrograms if not given.
      progress: told the metrics.
      until: step to stop after, of a run that is to go on later.

    Returns:
      what `PresetGenVae.apply` takes as variables, and the last metrics.

    Raises:
      Ddx7Error: the loss is no number, or the folder holds another run.
    """
    size, look = size or settings.size(), look or spectrogram_renderer(settings.notes, small=settings.small)
    folder.mkdir(parents=True, exist_ok=True)
    same_run(folder / "settings.json", {"settings": asdict(settings), "size": _plain(size), "voices": len(voices)})
    epoch_steps = max(len(voices) // settings.batch, 1)
    state = begin(folder, partial(_begin, PresetGenVae(size), _optimiser(settings, epoch_steps), settings.seed))
    update, judge = _compiled(size, settings, epoch_steps)
    begun, first = time.monotonic(), int(state.step)
    metrics: dict[str, float] = last_metrics(folder / METRICS)
    losses: list[LossParts] = []
    last = min(settings.steps, until or settings.steps)

    def current() -> VaeState:
        return state

    for step in steps(first, last, folder, current):
        state, found = update(state, draw_batch(voices, settings, step, look))
        losses.append(found)
        if (step + 1) % settings.measured_every == 0 or step + 1 in (settings.steps, until):
            learned, kept = _means(losses), measure(judge, state, held_out[: settings.measured], settings, look)
            if not np.isfinite(list(learned.values())).all():
                raise Ddx7Error(f"{folder}: the loss is {learned} at step {step + 1}; the checkpoint before is kept")
            metrics = {
                "step": step + 1,
                **learned,
                **{f"held_out_{name}": value for name, value in kept.items()},
                "steps_per_s": (step + 1 - first) / (time.monotonic() - begun),
            }
            losses = []
            keep(folder, state, metrics)
            if progress:
                progress(metrics)
    return _variables(state), metrics


def load_trained(folder: Path, settings: VaeConfig, size: VaeSize | None = None) -> dict[str, Any]:
    """What `PresetGenVae.apply` takes as variables, from a run's checkpoint.

    Raises:
      Ddx7Error: there is none.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        raise Ddx7Error(f"{path}: found no checkpoint of a trained model")
    model, optimiser = PresetGenVae(size or settings.size()), _optimiser(settings, 1)
    return _variables(begin(folder, partial(_begin, model, optimiser, 0)))


def answers(
    variables: dict[str, Any], size: VaeSize, vector_form: VectorForm, seen: Float[Array, "voice note frame band"]
) -> np.ndarray:
    """Voices for spectrograms, uint8 [voice, 155]."""
    return vector_form.to_vced(np.asarray(_answering(size)(variables, seen)))


def draw_batch(voices: np.ndarray, settings: VaeConfig, step: int, look: RenderSpectrograms) -> VaeBatch:
    """What is learned from at a step: each voice once an epoch, in an order of its own."""
    epoch, place = divmod(step, max(len(voices) // settings.batch, 1))
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(voices))
    return make_batch(voices[order[place * settings.batch : (place + 1) * settings.batch]], settings, look)


def make_batch(voices: np.ndarray, settings: VaeConfig, look: RenderSpectrograms) -> VaeBatch:
    """Voices as the form can say them, looked at."""
    vector_form = settings.vector_form()
    said = vector_form.says(voices)
    wanted, counted = jnp.asarray(vector_form.to_vectors(said)), jnp.asarray(vector_form.counted(said))
    return VaeBatch(look(said), wanted, counted)


def measure(
    judge: Callable[[VaeState, VaeBatch], LossParts],
    state: VaeState,
    held_out: np.ndarray,
    settings: VaeConfig,
    look: RenderSpectrograms,
) -> dict[str, float]:
    """Parts of the loss on held-out voices, with nothing drawn and nothing dropped."""
    n = min(settings.batch, len(held_out))
    starts = range(0, len(held_out) - n + 1, n)
    return _means([judge(state, make_batch(held_out[first : first + n], settings, look)) for first in starts])


def count(weights: Any) -> dict[str, int]:
    """Numbers that are learned in each part of a model, and in all."""
    parts_of = {name: sum(np.size(leaf) for leaf in jax.tree.leaves(part)) for name, part in weights.items()}
    return {**parts_of, "all": sum(parts_of.values())}


@cache
def _answering(size: VaeSize) -> Any:
    return jax.jit(partial(PresetGenVae(size).apply, method=PresetGenVae.voices))


def _means(found: Sequence[LossParts]) -> dict[str, float]:
    return {name: float(np.mean([getattr(each, name) for each in found])) for name in PARTS}


def _plain(size: VaeSize) -> dict[str, Any]:
    return {**size._asdict(), "layers": size.layers._asdict()}


def _variables(state: VaeState) -> dict[str, Any]:
    return {"params": state.weights, "batch_stats": state.statistics}


def _optimiser(settings: VaeConfig, epoch_steps: int) -> optax.GradientTransformationExtraArgs:
    """Adam with decay in the gradient; the rate falls on plateaus of the loss, averaged over epochs."""
    return optax.with_extra_args_support(
        optax.chain(
            optax.add_decayed_weights(settings.weight_decay),
            optax.adam(settings.learning_rate),
            optax.contrib.reduce_on_plateau(
                factor=0.2, patience=settings.patience, cooldown=settings.patience, accumulation_size=epoch_steps
            ),
        )
    )


def _begin(model: PresetGenVae, optimiser: optax.GradientTransformation, seed: int) -> VaeState:
    blank = jnp.zeros((2, model.size.n_notes, *model.size.layers.picture))
    variables: Any = model.init(first_key(seed), blank)
    weights = variables["params"]
    return VaeState(jnp.zeros((), jnp.int32), weights, variables["batch_stats"], optimiser.init(weights))


@cache
def _compiled(
    size: VaeSize, settings: VaeConfig, epoch_steps: int
) -> tuple[Callable[[VaeState, VaeBatch], tuple[VaeState, LossParts]], Callable[[VaeState, VaeBatch], LossParts]]:
    model, optimiser = PresetGenVae(size), _optimiser(settings, epoch_steps)
    vector_form = settings.vector_form()

    @partial(jax.jit, donate_argnums=0)
    def update(state: VaeState, batch: VaeBatch) -> tuple[VaeState, LossParts]:
        key = jax.random.fold_in(jax.random.key(settings.seed), state.step)
        latent, dropout = jax.random.split(key)
        rngs = {"latent": latent, "dropout": dropout}
        risen = jnp.minimum(state.step / (settings.beta_epochs * epoch_steps), 1.0)
        beta = settings.beta_start + risen * (settings.beta - settings.beta_start)

        def loss_of(weights: Any) -> tuple[Array, tuple[LossParts, Any]]:
            variables = {"params": weights, "batch_stats": state.statistics}
            found: Any = model.apply(variables, batch.seen, train=True, mutable=["batch_stats"], rngs=rngs)
            each = loss_parts(vector_form, found[0], *batch)
            return each.total(beta), (each, found[1]["batch_stats"])

        slope, (each, statistics) = jax.grad(loss_of, has_aux=True)(state.weights)
        plateau = each.spectrograms + each.parameters
        change, inner = optimiser.update(slope, state.optimiser, state.weights, value=plateau)
        weights = optax.apply_updates(state.weights, change)
        return VaeState(state.step + 1, weights, statistics, inner), each

    @jax.jit
    def judge(state: VaeState, batch: VaeBatch) -> LossParts:
        found: Any = model.apply(_variables(state), batch.seen)
        return loss_parts(vector_form, found, *batch)

    return update, judge
