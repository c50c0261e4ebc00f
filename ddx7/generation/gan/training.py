"""Training of the generator and its critic, in four phases of one run (`ddx7.training.fit`).

1. Warm-up: generator and encoder learn as a variational autoencoder. That costs a tenth of what it takes to learn as
   much from a critic.
2. Head start: the critic learns alone.
3. Adversarial: critic and generator learn from pairs of a real and a generated voice under the same condition.
4. From `surrogate_start_step` on the drawn voices are rendered and an audio surrogate learns from them; from
   `surrogate_weight_start_step` on its gradient reaches the generator.

Every evaluation compares voices of the averaged generator with held-out ones. The run returns the best average.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, UInt8

from ddx7.generation.gan import audio_surrogate
from ddx7.generation.gan.conditions import N_ROUTING, ConditionPrior, VoiceConditions
from ddx7.generation.gan.config import GanConfig
from ddx7.generation.gan.losses import (
    GanBatch,
    GanModels,
    autoencoder_loss,
    critic_loss,
    generator_loss,
    surrogate_fit_loss,
)
from ddx7.generation.gan.network import VALUES, ArrayLike, draw, generate, one_hot
from ddx7.generation.gan.representation import OPERATOR_FIELDS, VOICE_FIELDS, Fields, FieldSpec, to_vced
from ddx7.generation.gan.sampling import VoiceDraw, canonical_draw
from ddx7.generation.gan.size import GanSize, Params
from ddx7.runtime import ONE_THREAD
from ddx7.training import Evaluation, FitSchedule, fingerprint, fit, init_key, update_ema
from ddx7.voice.spec import N_OPERATORS

_EVALUATION = 2**31 - 1  # in the place of a step's number: every evaluation uses the same noise
_MAX_GRADIENT_NORM = 30.0
_SURROGATE_LEARNING_RATE, _SURROGATE_WEIGHT_DECAY = 5e-4, 0.3
Evaluator = Callable[[UInt8[np.ndarray, "voice 155"], Bool[np.ndarray, "voice category"]], Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class GanExamples:
    """Real voices to learn from.

    Attributes:
      fields: of the voices.
      conditions: that the voices meet.
    """

    fields: Fields
    conditions: VoiceConditions


class OptStates(NamedTuple):
    """States of the optimisers."""

    generator: optax.OptState
    critic: optax.OptState
    autoencoder: optax.OptState
    surrogate: optax.OptState


class GanState(NamedTuple):
    """All that changes while the networks learn: parameters, the generator's average, and the replay buffer."""

    generator: Params
    critic: Params
    encoder: Params
    surrogate: Params
    ema_generator: Params
    opt_states: OptStates
    replay_buffer: audio_surrogate.ReplayBuffer


class GanResult(NamedTuple):
    """A trained generator.

    Attributes:
      generator: the best average of its parameters.
      critic: parameters after the last step.
      metrics: of the best evaluation.
    """

    generator: Params
    critic: Params
    metrics: dict[str, float]


def train(
    examples: GanExamples,
    folder: Path,
    config: GanConfig,
    size: GanSize,
    evaluator: Evaluator,
    *,
    progress: Callable[[dict[str, float]], None] | None = None,
    stop_after: int | None = None,
) -> GanResult:
    """Train, or resume the run of a folder.

    Args:
      examples: real voices.
      folder: of the run; gets its configuration, checkpoints, and metrics as lines of JSON.
      config: of the run.
      size: of the networks.
      evaluator: from generated voices and their specified categories to metrics; the best has the highest "score".
      progress: called with the metrics of each evaluation.
      stop_after: the step to stop after, of a run that is to be resumed later.

    Raises:
      Ddx7Error: a loss is not finite, or the folder holds another run or a run on other voices.
    """
    models, prior = GanModels.create(size), ConditionPrior.from_conditions(examples.conditions)

    def evaluate(state: GanState, _: float) -> Evaluation:
        conditions = prior.sample(np.random.default_rng([config.seed, _EVALUATION]), config.n_evaluated)
        drawn = _draw_voices(
            models, state.ema_generator, conditions.vectors(), conditions.algorithm, config, _EVALUATION
        )
        metrics = evaluator(to_vced(conditions.algorithm, drawn.canonical), conditions.categories)
        return Evaluation(state.ema_generator, -metrics["score"], metrics)

    result = fit(
        partial(init_state, models, examples, config),
        partial(_update, models, examples, config),
        evaluate,
        lambda state: state.ema_generator,
        folder,
        FitSchedule(config.steps, config.evaluate_every, stop_after, progress),
        run={
            "config": asdict(config),
            "size": size._asdict(),
            "data": fingerprint({**examples.fields._asdict(), **vars(examples.conditions)}),
        },
    )
    return GanResult(result.best_params, result.state.critic, result.best_metrics)


def _update(
    models: GanModels, examples: GanExamples, config: GanConfig, state: GanState, step: int
) -> tuple[GanState, Mapping[str, Array]]:
    """One step of the phase that the step's number belongs to."""
    batch, count = draw_batch(examples, config, step), np.int32(step)
    if step < config.warm_up_steps:
        return autoencoder_step(state, batch, count, models=models, config=config)
    if step == config.warm_up_steps:
        state = state._replace(critic=_with_trunk(state.critic, state.encoder))
    algorithm = np.asarray(batch.algorithm)
    drawn = _draw_voices(models, state.generator, batch.condition, algorithm, config, step)
    if step == config.surrogate_start_step:
        state = state._replace(surrogate=_with_trunk(state.surrogate, state.critic))
    if step >= config.surrogate_start_step:
        vced = to_vced(algorithm, drawn.canonical)
        measured = audio_surrogate.measure_draw(vced, drawn.canonical, algorithm)
        state = surrogate_step(state, measured, count, models=models, config=config)
    return adversarial_step(state, batch, drawn, count, models=models, config=config)


def draw_batch(examples: GanExamples, config: GanConfig, step: int) -> GanBatch:
    """The batch of a step; every voice comes once an epoch."""
    n, epoch_steps = len(examples.conditions), max(len(examples.conditions) // config.batch, 1)
    epoch, place = divmod(step, epoch_steps)
    order = np.random.default_rng([config.seed, epoch]).permutation(n)
    rows = order[place * config.batch : (place + 1) * config.batch]
    rng = np.random.default_rng([config.seed, step, 1])
    conditions = examples.conditions[rows]
    return GanBatch(
        examples.fields.voice[rows],
        examples.fields.operators[rows],
        conditions.drop(rng, config.condition_dropout).vectors(),
        conditions.algorithm,
        conditions.categories.astype(np.float32),
    )


def _draw_voices(
    models: GanModels,
    params: Params,
    condition: ArrayLike,
    algorithm: Int[np.ndarray, " voice"],
    config: GanConfig,
    step: int,
) -> VoiceDraw:
    key = jax.random.fold_in(jax.random.key(config.seed), step)
    return canonical_draw(algorithm, *_draw_fields(params, condition, key, models=models))


@partial(jax.jit, static_argnames="models", compiler_options=ONE_THREAD)
def _draw_fields(params: Params, condition: Array, key: Array, *, models: GanModels) -> tuple[Array, Array, Array]:
    noise_key, draw_key = jax.random.split(key)
    noise = jax.random.normal(noise_key, (len(condition), models.generator.size.noise))
    return noise, *draw(draw_key, generate(models.generator, params, noise, condition))


_jit_step = partial(jax.jit, static_argnames=("models", "config"), donate_argnums=0, compiler_options=ONE_THREAD)


@_jit_step
def autoencoder_step(
    state: GanState, batch: GanBatch, step: Int[Array, ""], *, models: GanModels, config: GanConfig
) -> tuple[GanState, dict[str, Array]]:
    """One step of generator and encoder as an autoencoder; the state's buffers are donated."""
    key = jax.random.fold_in(jax.random.key(config.seed), step)
    params = state.generator, state.encoder
    grads, losses = jax.grad(autoencoder_loss, has_aux=True)(params, batch, key, models, config)
    optimiser = _optimisers(config).autoencoder
    updates, opt_state = optimiser.update(grads, state.opt_states.autoencoder)
    generator, encoder = _apply_updates(params, updates)
    opt_states = state.opt_states._replace(autoencoder=opt_state)
    state = state._replace(generator=generator, encoder=encoder, opt_states=opt_states)
    return _with_average(state, config, step), losses


@_jit_step
def adversarial_step(
    state: GanState,
    batch: GanBatch,
    drawn: VoiceDraw,
    step: Int[Array, ""],
    *,
    models: GanModels,
    config: GanConfig,
) -> tuple[GanState, dict[str, Array]]:
    """One step of the critic, then, after its head start, one of the generator; the state's buffers are donated."""
    optimisers = _optimisers(config)
    generated = one_hot(*drawn.canonical)
    grads, critic_losses = jax.grad(critic_loss, has_aux=True)(state.critic, batch, generated, models, config)
    updates, critic_opt_state = optimisers.critic.update(grads, state.opt_states.critic)
    critic = _apply_updates(state.critic, updates)
    use_surrogate = step >= config.surrogate_weight_start_step
    grads, generator_losses = jax.grad(generator_loss, has_aux=True)(
        state.generator, critic, state.surrogate, use_surrogate, batch, drawn, models, config
    )
    updates, generator_opt_state = optimisers.generator.update(grads, state.opt_states.generator)
    learns = step >= config.warm_up_steps + config.head_start_steps
    generator = _apply_updates(state.generator, jax.tree.map(lambda u: learns * u, updates))
    opt_states = state.opt_states._replace(generator=generator_opt_state, critic=critic_opt_state)
    state = state._replace(generator=generator, critic=critic, opt_states=opt_states)
    return _with_average(state, config, step), critic_losses | generator_losses


@_jit_step
def surrogate_step(
    state: GanState,
    measured: audio_surrogate.ReplayBuffer,
    step: Int[Array, ""],
    *,
    models: GanModels,
    config: GanConfig,
) -> GanState:
    """Add measured voices to the replay buffer, and one step of the surrogate; the state's buffers are donated."""
    rows_key, dropout_key = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), step))
    replay_buffer, batch = audio_surrogate.update_buffer(
        state.replay_buffer, measured, step - config.surrogate_start_step, rows_key
    )
    grads = jax.grad(surrogate_fit_loss)(state.surrogate, batch, dropout_key, models.surrogate)
    optimiser = _optimisers(config).surrogate
    updates, opt_state = optimiser.update(grads, state.opt_states.surrogate, state.surrogate)
    return state._replace(
        surrogate=_apply_updates(state.surrogate, updates),
        replay_buffer=replay_buffer,
        opt_states=state.opt_states._replace(surrogate=opt_state),
    )


def _apply_updates(params: Any, updates: Any) -> Any:
    return optax.apply_updates(params, updates)


def _with_average(state: GanState, config: GanConfig, step: Int[Array, ""]) -> GanState:
    return state._replace(ema_generator=update_ema(state.ema_generator, state.generator, config.ema_decay, step))


def _with_trunk(params: Params, other: Params) -> Params:
    """Parameters of a network, with the trunk of another."""
    return {"params": {**params["params"], "trunk": jax.tree.map(jnp.copy, other["params"]["trunk"])}}


class _Optimisers(NamedTuple):
    generator: optax.GradientTransformation
    critic: optax.GradientTransformation
    autoencoder: optax.GradientTransformation
    surrogate: optax.GradientTransformation


def _optimisers(config: GanConfig) -> _Optimisers:
    autoencoder_rate, generator_rate, critic_rate = config.learning_rates
    adversarial_steps = config.steps - config.warm_up_steps
    return _Optimisers(
        _adam(generator_rate, adversarial_steps, momentum=0.0),
        _adam(critic_rate, adversarial_steps, momentum=0.0),
        _adam(autoencoder_rate, config.warm_up_steps, momentum=0.9),
        optax.adamw(_SURROGATE_LEARNING_RATE, weight_decay=_SURROGATE_WEIGHT_DECAY),
    )


def _adam(rate: float, steps: int, *, momentum: float) -> optax.GradientTransformation:
    schedule = optax.cosine_decay_schedule(rate, max(steps, 1), 0.1)
    return optax.chain(optax.clip_by_global_norm(_MAX_GRADIENT_NORM), optax.adam(schedule, b1=momentum, b2=0.99))


def init_state(models: GanModels, examples: GanExamples, config: GanConfig) -> GanState:
    """The state before the first step; the generator's biases are the frequencies of the values in the examples."""
    condition = jnp.asarray(examples.conditions[np.arange(1)].vectors())
    noise = jnp.zeros((1, models.generator.size.noise))
    voice = one_hot(*(part[:1] for part in examples.fields))
    generator_key, critic_key, encoder_key, surrogate_key = jax.random.split(init_key(config.seed), 4)
    generator = _with_biases(models.generator.init(generator_key, noise, condition), examples.fields)
    critic = models.critic.init(critic_key, voice, condition)
    encoder = models.encoder.init(encoder_key, voice, condition)
    surrogate = models.surrogate.init(surrogate_key, voice, condition[:, :N_ROUTING], training=False)
    optimisers = _optimisers(config)
    return GanState(
        generator,
        critic,
        encoder,
        surrogate,
        jax.tree.map(jnp.copy, generator),  # buffers of its own, because a step donates those of the state
        OptStates(
            optimisers.generator.init(generator),
            optimisers.critic.init(critic),
            optimisers.autoencoder.init((generator, encoder)),
            optimisers.surrogate.init(surrogate),
        ),
        audio_surrogate.empty_buffer(),
    )


def _with_biases(params: Params, fields: Fields) -> Params:
    operators = [_log_frequencies(fields.operators[:, k], OPERATOR_FIELDS) for k in range(N_OPERATORS)]
    biases = {"voice_bias": _log_frequencies(fields.voice, VOICE_FIELDS), "operator_bias": jnp.stack(operators)}
    return {"params": {**params["params"], **biases}}


def _log_frequencies(
    values: Int[np.ndarray, "voice field"], fields: tuple[FieldSpec, ...]
) -> Float[Array, " field_value"]:
    counts = np.full((len(fields), VALUES), 0.1)
    for k, row in enumerate(counts):
        row += np.bincount(values[values[:, k] >= 0, k], minlength=VALUES)
    return jnp.asarray(np.log(counts / counts.sum(axis=1, keepdims=True)).ravel(), jnp.float32)
