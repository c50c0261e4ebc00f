"""The state of a training that follows one loss, and one step of it."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

P = TypeVar("P")


class TrainState(NamedTuple):
    """All that changes while a model learns by one loss.

    Attributes:
      params: as the optimiser left them.
      ema_params: their exponential moving average, which is evaluated and used.
      opt_state: of the optimiser.
    """

    params: Any
    ema_params: Any
    opt_state: Any

    @classmethod
    def create(cls, params: Any, optimiser: optax.GradientTransformation) -> "TrainState":
        """The state before the first step."""
        # The average has buffers of its own, because a step donates those of the state.
        return cls(params, jax.tree.map(jnp.copy, params), optimiser.init(params))


def init_key(seed: int) -> Array:
    """A random key for initial parameters, of the generator that compiles four times as fast as JAX's default.

    Initialisation compiles the generator anew for each of some hundred arrays.
    """
    return jax.random.key(seed, impl="rbg")


def update_ema(ema_params: P, params: P, decay: float, step: Int[Array, ""] | int) -> P:
    """The next exponential moving average of parameters.

    Args:
      ema_params: the average so far.
      params: the parameters after the step.
      decay: share of the old average that stays, 0 to 1; smaller during the first steps, which forgets the
        initialisation.
      step: number of steps before this one.
    """
    decay_now = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    return jax.tree.map(lambda mean, x: decay_now * mean + (1 - decay_now) * x, ema_params, params)


def apply_gradients(
    state: TrainState,
    loss_fn: Callable[[Any], Float[Array, ""]],
    optimiser: optax.GradientTransformation,
    *,
    ema_decay: float,
    step: Int[Array, ""] | int,
) -> tuple[TrainState, Float[Array, ""]]:
    """One step of gradient descent; pure, to be jitted by the caller.

    Args:
      state: before the step.
      loss_fn: from parameters to the loss of one batch.
      optimiser: of `state.opt_state`.
      ema_decay: of `update_ema`; 0 keeps the parameters as they are.
      step: number of steps before this one.

    Returns:
      the state after the step, and the loss before it. The loss is NaN where a parameter is no longer finite, so that
      a broken model is noticed even where its output hides it.
    """
    loss, grads = jax.value_and_grad(loss_fn)(state.params)
    updates, opt_state = optimiser.update(grads, state.opt_state, state.params)
    params: Any = optax.apply_updates(state.params, updates)
    loss = jnp.where(jnp.isfinite(optax.tree.norm(params)), loss, jnp.nan)
    return TrainState(params, update_ema(state.ema_params, params, ema_decay, step), opt_state), loss
