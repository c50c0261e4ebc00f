"""Training generator and critic: one loop, exact to resume, safe to kill.

What a step does hangs on the seed and the step's number alone, and a checkpoint holds all that changes. At first the
generator learns to give back voices that an encoder saw (a variational autoencoder), which costs a tenth of what it
would to learn as much from a critic. From then on the critic marks
pairs of a human voice and a made one that were asked the same (relativistic pairing), and the square of its slope is
kept small on both (R1 and R2; Huang et al., The GAN is dead, long live the GAN, 2024). Later what is drawn is played,
too, a listener learns to guess what was heard (`listener.py`), and in the end the generator heeds it: no faults, and
the kinds that were asked. Now and then the running mean of the generator makes voices that are compared with held-out
ones; the best such mean is what is used in the end.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from ddx7.errors import Ddx7Error
from ddx7.generation.gan import audio_surrogate
from ddx7.generation.gan.conditions import N_FLAGS, ROUTING, ConditionPrior, VoiceConditions
from ddx7.generation.gan.network import (
    VALUES,
    AudioSurrogate,
    Critic,
    GanSize,
    GeneratorNetwork,
    OneHot,
    VoiceEncoder,
    distributions,
    draw,
    one_hot,
)
from ddx7.generation.gan.representation import (
    OPERATOR_PLACES,
    VOICE_PLACES,
    Fields,
    to_vced,
)
from ddx7.generation.gan.sampling import VoiceDraw, canonical_draw, straight_through
from ddx7.runs import METRICS, begin, best_metrics, first_key, keep, same_run, steps
from ddx7.runtime import ONE_THREAD
from ddx7.voice.spec import N_OPERATORS

SLOPES = 4
"""The slope is taken at one of so many examples: it costs several times what the marks do."""
_MEASURED = 2**31 - 1  # a step that never comes: the same noise for every comparison
_STEEPEST = 30.0  # length of a gradient beyond which it is shortened
Measure = Callable[[np.ndarray, np.ndarray], dict[str, float]]


@dataclass(frozen=True)
class GanConfig:
    """Of one run.

    Attributes:
      steps: in all.
      warm_up: those at first in which the generator learns from an encoder.
      head_start: those after that in which only the critic learns.
      listens: step from which what is drawn is played, and a listener learns from it.
      heeds: step from which the generator heeds the listener.
      batch: voices a step.
      divergence: weight of the encoder's distance from pure noise, while there is one.
      learning_rates: of Adam at first: with the encoder, then of the generator and of the critic; a half cosine takes
        each to a tenth.
      slope: weight of R1 and R2.
      heard: weights of faults and of kinds that were asked, as the listener hears them, in the generator's loss.
      kinds: weight of the critic's guess at kinds of sound in its own loss, and in the generator's.
      unsaid: share of conditions that are left unsaid.
      average: decay of the running mean of the generator's weights.
      measured_every: steps from one comparison to the next, and from one checkpoint to the next.
      measured: voices made for a comparison.
      seed: of everything random.
    """

    steps: int = 5400
    warm_up: int = 1600
    head_start: int = 200
    listens: int = 3200
    heeds: int = 4000
    batch: int = 64
    divergence: float = 0.5
    learning_rates: tuple[float, float, float] = (1e-3, 4e-4, 4e-4)
    slope: float = 0.05
    heard: tuple[float, float] = (1.0, 0.1)
    kinds: tuple[float, float] = (1.0, 0.05)
    unsaid: float = 0.25
    average: float = 0.998
    measured_every: int = 400
    measured: int = 512
    seed: int = 0

    @classmethod
    def of(cls, steps: int, **others: Any) -> "GanConfig":
        """The usual plan in another number of steps."""
        usual = cls()
        parts = (usual.warm_up, usual.listens, usual.heeds)
        warm_up, listens, heeds = (part * steps // usual.steps for part in parts)
        return cls(steps=steps, warm_up=warm_up, listens=listens, heeds=heeds, **others)


class GanState(NamedTuple):
    """All that changes while training."""

    step: Int[Array, ""]
    generator: Any
    critic: Any
    encoder: Any
    listener: Any
    lessons: audio_surrogate.ReplayBuffer
    mean: Any
    optimisers: tuple[Any, Any, Any, Any]
    best: Any
    best_score: Float[Array, ""]


@dataclass(frozen=True, eq=False)
class GanExamples:
    """Human voices to learn from.

    Attributes:
      fields: of the voices.
      conditions: what is true of them.
    """

    fields: Fields
    conditions: VoiceConditions


def train(
    examples: GanExamples,
    folder: Path,
    settings: GanConfig,
    size: GanSize,
    measure: Measure,
    progress: Callable[[dict[str, float]], None] | None = None,
    until: int | None = None,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Train, or go on with a run of the folder.

    Args:
      examples: to learn from.
      folder: of the run: a checkpoint, and metrics as lines of JSON.
      settings: must be those that the run was begun with.
      size: of the networks.
      measure: from made voices, uint8 [voice, 155], and what they were asked to be, bool [voice, category], to metrics;
        "score" among them says how good they are.
      progress: told the metrics.
      until: step to stop after, of a run that is to go on later.

    Returns:
      weights of generator (the best running mean) and critic, and the metrics of that generator.

    Raises:
      Ddx7Error: a loss is no number, or the folder holds another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    same_run(folder / "settings.json", {"settings": asdict(settings), "size": size._asdict()})
    habits = ConditionPrior.of(examples.conditions)
    n_kinds = examples.conditions.categories.shape[1]
    state = begin(folder, partial(_begin, _models(size, n_kinds), examples, settings))
    make, encode, hear, update = _compiled(size, n_kinds, settings)
    begun, first, chance = time.monotonic(), int(state.step), jax.random.key(settings.seed)
    found: list[dict[str, jax.Array]] = []
    last = min(settings.steps, until or settings.steps)

    def current() -> GanState:
        return state

    for step in steps(first, last, folder, current):
        batch = draw_batch(examples, settings, step)
        if step == settings.warm_up:
            state = state._replace(critic=_with_trunk(state.critic, state.encoder))
        if step < settings.warm_up:
            state, said = encode(state, batch)
        else:
            drawn = make(state.generator, batch[2], batch[3], jax.random.fold_in(chance, step))
            if step == settings.listens:
                state = state._replace(listener=_with_trunk(state.listener, state.critic))
            if step >= settings.listens:
                vced = to_vced(batch[3], drawn.canonical)
                state = hear(state, audio_surrogate.measure_draw(vced, drawn.canonical, batch[3]))
            state, said = update(state, batch, drawn)
        found.append(said)
        if (step + 1) % settings.measured_every == 0 or step + 1 in (settings.steps, until):
            losses = {name: float(np.mean([one[name] for one in found if name in one])) for name in found[-1]}
            if not np.isfinite(list(losses.values())).all():
                raise Ddx7Error(f"{folder}: the losses are {losses} at step {step + 1}; the checkpoint before is kept")
            rng = np.random.default_rng([settings.seed, _MEASURED])
            asked = habits.draw(rng, settings.measured)
            made = make(state.mean, asked.vectors(), asked.algorithm, jax.random.fold_in(chance, _MEASURED))
            scores = measure(to_vced(asked.algorithm, made.canonical), asked.categories)
            better = scores["score"] > float(state.best_score)
            if better:
                state = state._replace(best=jax.tree.map(jnp.copy, state.mean), best_score=jnp.float32(scores["score"]))
            metrics = {
                "step": step + 1,
                **losses,
                **scores,
                "steps_per_s": (step + 1 - first) / (time.monotonic() - begun),
            }
            found = []
            keep(folder, state, metrics)
            if progress:
                progress(metrics)
    return {"generator": state.best, "critic": state.critic}, best_metrics(folder / METRICS)


def draw_batch(examples: GanExamples, settings: GanConfig, step: int) -> tuple[np.ndarray, ...]:
    """What is learned from at a step: fields of voice and operators, conditions as told, algorithms, kinds."""
    n, epoch_steps = len(examples.conditions), max(len(examples.conditions) // settings.batch, 1)
    epoch, place = divmod(step, epoch_steps)
    order = np.random.default_rng([settings.seed, epoch]).permutation(n)
    rows = order[place * settings.batch : (place + 1) * settings.batch]
    rng = np.random.default_rng([settings.seed, step, 1])
    conditions = examples.conditions[rows]
    asked = conditions.dropped(rng, settings.unsaid).vectors()
    voice, operators = examples.fields
    return voice[rows], operators[rows], asked, conditions.algorithm, conditions.categories.astype(np.float32)


def _with_trunk(weights: Any, other: Any) -> Any:
    """A network that begins with the eyes of another."""
    trunk = jax.tree.map(jnp.copy, other["params"]["trunk"])
    return {"params": {**weights["params"], "trunk": trunk}}


def _optimisers(settings: GanConfig) -> tuple[optax.GradientTransformation, ...]:
    """Of the generator and of the critic against each other, and of generator and encoder together."""
    alone, made, judge = settings.learning_rates
    after = settings.steps - settings.warm_up
    plans = ((made, after, 0.0), (judge, after, 0.0), (alone, settings.warm_up, 0.9))

    def one(rate: float, steps: int, momentum: float) -> optax.GradientTransformation:
        schedule = optax.cosine_decay_schedule(rate, max(steps, 1), 0.1)
        return optax.chain(optax.clip_by_global_norm(_STEEPEST), optax.adam(schedule, b1=momentum, b2=0.99))

    return tuple(one(*plan) for plan in plans)


def _begin(
    models: tuple[GeneratorNetwork, Critic, VoiceEncoder, AudioSurrogate], examples: GanExamples, settings: GanConfig
) -> GanState:
    generator, critic, encoder, listener = models
    of_made, of_judge, of_pair = _optimisers(settings)
    asked = examples.conditions[np.arange(1)].vectors()
    noise = np.zeros((1, generator.size.noise), np.float32)
    first, second, third, fourth = jax.random.split(first_key(settings.seed), 4)
    made: Any = generator.init(first, noise, asked)
    # It begins with how often each value occurs.
    made["params"]["voice_bias"] = _log_shares(examples.fields.voice, VOICE_PLACES)
    made["params"]["operator_bias"] = jnp.stack(
        [_log_shares(examples.fields.operators[:, k], OPERATOR_PLACES) for k in range(N_OPERATORS)]
    )
    seen = one_hot(*(part[:1] for part in examples.fields))
    judge: Any = critic.init(second, seen, asked)
    eye: Any = encoder.init(third, seen, asked)
    ear: Any = listener.init(fourth, seen, asked[:, : ROUTING.shape[1]], learning=False)
    mean, best = (jax.tree.map(jnp.copy, made) for _ in range(2))  # buffers of a state are given away
    return GanState(
        jnp.zeros((), jnp.int32),
        made,
        judge,
        eye,
        ear,
        audio_surrogate.empty_buffer(),
        mean,
        (of_made.init(made), of_judge.init(judge), of_pair.init((made, eye)), audio_surrogate.optimiser().init(ear)),
        best,
        jnp.float32(-jnp.inf),
    )


def _log_shares(values: np.ndarray, places: tuple) -> jax.Array:
    counts = np.full((len(places), VALUES), 0.1)
    for k, row in enumerate(counts):
        row += np.bincount(values[values[:, k] >= 0, k], minlength=VALUES)
    return jnp.asarray(np.log(counts / counts.sum(axis=1, keepdims=True)).ravel(), jnp.float32)


def _models(size: GanSize, n_kinds: int) -> tuple[GeneratorNetwork, Critic, VoiceEncoder, AudioSurrogate]:
    return GeneratorNetwork(size), Critic(size, n_kinds), VoiceEncoder(size), audio_surrogate.model(size)


@cache
def _compiled(size: GanSize, n_kinds: int, settings: GanConfig) -> tuple[Callable, Callable, Callable, Callable]:
    generator, critic, encoder, listener = _models(size, n_kinds)
    of_made, of_judge, of_pair = _optimisers(settings)
    of_critic, of_generator = settings.kinds

    def mark(weights: Any, seen: OneHot, asked: Array) -> tuple[Array, Array]:
        found: Any = critic.apply(weights, seen, asked)
        return found

    def steep(weights: Any, seen: OneHot, asked: Array) -> Array:
        """Mean square slope of the marks."""
        slope = jax.grad(lambda x: mark(weights, x, asked)[0].sum())(seen)
        return sum((jnp.square(s).sum() for s in slope), jnp.float32(0)) / len(asked)

    def critic_loss(weights: Any, real: OneHot, made: OneHot, asked: Array, kinds: Array) -> tuple[Array, dict]:
        real_marks, guessed = mark(weights, real, asked)
        made_marks, _ = mark(weights, made, asked)
        some = len(asked) // SLOPES
        r1, r2 = (
            steep(weights, OneHot(seen.voice[:some], seen.operators[:some]), asked[:some]) for seen in (real, made)
        )
        pairing = jax.nn.softplus(made_marks - real_marks).mean()
        known = kinds.any(axis=1, keepdims=True)
        guess = (optax.sigmoid_binary_cross_entropy(guessed, kinds) * known).sum() / jnp.maximum(known.sum(), 1)
        loss = pairing + settings.slope / 2 * (r1 + r2) + of_critic * guess
        return loss, {"critic": pairing, "slope": r1 + r2, "kinds": guess}

    def generator_loss(
        weights: Any, judge: Any, ear: Any, heeds: Array, real: OneHot, batch: tuple, drawn: VoiceDraw
    ) -> tuple[Array, dict]:
        asked = batch[2]
        made = straight_through(distributions(generator.apply(weights, drawn.noise, asked)), drawn)  # pyright: ignore[reportArgumentType]
        made_marks, guessed = mark(judge, made, asked)
        real_marks, _ = mark(judge, real, asked)
        told = asked[:, -(guessed.shape[1] + N_FLAGS) : -N_FLAGS]
        said = told.any(axis=1, keepdims=True)
        guess = (optax.sigmoid_binary_cross_entropy(guessed, told) * said).sum() / jnp.maximum(said.sum(), 1)
        pairing = jax.nn.softplus(real_marks - made_marks).mean()
        faults, other = audio_surrogate.surrogate_losses(listener, ear, made, asked)
        against = settings.heard[0] * faults + settings.heard[1] * other
        loss = pairing + of_generator * guess + heeds * against
        return loss, {"generator": pairing, "made_kinds": guess, "faults": faults, "other_kinds": other}

    @partial(jax.jit, donate_argnums=0, compiler_options=ONE_THREAD)
    def update(state: GanState, batch: tuple[Array, ...], drawn: VoiceDraw) -> tuple[GanState, dict]:
        voice, operators, asked, _, kinds = batch
        real, made = one_hot(voice, operators), one_hot(*drawn.canonical)
        slope, said = jax.grad(critic_loss, has_aux=True)(state.critic, real, made, asked, kinds)
        change, inner_judge = of_judge.update(slope, state.optimisers[1])
        judge = optax.apply_updates(state.critic, change)
        heeds = state.step >= settings.heeds
        slope, also = jax.grad(generator_loss, has_aux=True)(
            state.generator, judge, state.listener, heeds, real, batch, drawn
        )
        change, inner = of_made.update(slope, state.optimisers[0])
        begun = state.step >= settings.warm_up + settings.head_start
        weights = optax.apply_updates(state.generator, jax.tree.map(lambda c: begun * c, change))
        optimisers = inner, inner_judge, *state.optimisers[2:]
        state = state._replace(step=state.step + 1, generator=weights, critic=judge, optimisers=optimisers)
        return state._replace(mean=averaged(state)), said | also

    def averaged(state: GanState) -> Any:
        decay = jnp.minimum(settings.average, state.step / (9.0 + state.step))
        return jax.tree.map(lambda m, w: decay * m + (1 - decay) * w, state.mean, state.generator)

    def autoencoder_loss(weights: Any, real: OneHot, asked: Array, key: Array) -> tuple[Array, dict]:
        made, eye = weights
        seen_as: Any = encoder.apply(eye, real, asked)
        mean, log_variance = seen_as
        noise = mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)
        chances: Any = distributions(generator.apply(made, noise, asked))  # pyright: ignore[reportArgumentType]
        missed = -sum((seen * jnp.log(p + 1e-9)).sum() for seen, p in zip(real, chances, strict=True)) / len(asked)
        divergence = (jnp.square(mean) + jnp.exp(log_variance) - 1 - log_variance).sum(axis=1).mean() / 2
        return missed + settings.divergence * divergence, {"missed": missed, "divergence": divergence}

    @partial(jax.jit, donate_argnums=0, compiler_options=ONE_THREAD)
    def encode(state: GanState, batch: tuple[Array, ...]) -> tuple[GanState, dict]:
        key = jax.random.fold_in(jax.random.key(settings.seed), state.step)
        pair = state.generator, state.encoder
        slope, said = jax.grad(autoencoder_loss, has_aux=True)(pair, one_hot(*batch[:2]), batch[2], key)
        change, inner = of_pair.update(slope, state.optimisers[2])
        weights, eye = optax.apply_updates(pair, change)  # pyright: ignore[reportGeneralTypeIssues]
        optimisers = *state.optimisers[:2], inner, state.optimisers[3]
        state = state._replace(step=state.step + 1, generator=weights, encoder=eye, optimisers=optimisers)
        return state._replace(mean=averaged(state)), said

    @partial(jax.jit, donate_argnums=0, compiler_options=ONE_THREAD)
    def hear(state: GanState, played: audio_surrogate.ReplayBuffer) -> GanState:
        """Learn from what was just played, and from what is remembered, and remember it."""
        of_rows, dropped = jax.random.split(jax.random.fold_in(jax.random.key(settings.seed), state.step))
        lessons, some = audio_surrogate.update_buffer(state.lessons, played, state.step - settings.listens, of_rows)
        slope = jax.grad(partial(audio_surrogate.surrogate_fit_loss, listener))(state.listener, some, dropped)
        change, inner = audio_surrogate.optimiser().update(slope, state.optimisers[3], state.listener)
        ear = optax.apply_updates(state.listener, change)
        return state._replace(listener=ear, lessons=lessons, optimisers=(*state.optimisers[:3], inner))

    @partial(jax.jit, compiler_options=ONE_THREAD)
    def fields_of(weights: Any, asked: Array, key: Array) -> tuple[Array, Array, Array]:
        of_noise, of_draw = jax.random.split(key)
        noise = jax.random.normal(of_noise, (len(asked), generator.size.noise))
        return noise, *draw(of_draw, distributions(generator.apply(weights, noise, asked)))  # pyright: ignore[reportArgumentType]

    def make(weights: Any, asked: np.ndarray, algorithm: np.ndarray, key: Array) -> VoiceDraw:
        return canonical_draw(algorithm, *fields_of(weights, asked, key))

    return make, encode, hear, update
