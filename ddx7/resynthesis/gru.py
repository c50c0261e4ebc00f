"""A gated recurrent unit (GRU) that trains with products of whole sequences wherever possible.

`flax.linen.GRUCell` in a scan multiplies inputs by their kernel frame by frame and, backwards, adds to the gradient of
every kernel in every frame; both read all parameters from memory each time. This unit multiplies the inputs once for
the whole sequence, and the gradient of the recurrent kernel is one product at the end: a step takes less than half the
time.

Source of the unit: K. Cho et al. (2014), in the form of cuDNN and PyTorch.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Gru(nn.Module):
    """One layer.

    Attributes:
      hidden: units.
    """

    hidden: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch frame n"], before: Float[Array, "batch hidden"]
    ) -> tuple[Float[Array, "batch frame hidden"], Float[Array, "batch hidden"]]:
        """Frames after a state; (the state at each frame, the last one)."""
        bound = self.hidden**-0.5

        def uniform(key: Array, shape: tuple[int, ...]) -> Array:
            return jax.random.uniform(key, shape, minval=-bound, maxval=bound)

        input_kernel = self.param("input_kernel", uniform, (x.shape[-1], 3 * self.hidden))
        input_bias = self.param("input_bias", uniform, (3 * self.hidden,))
        recurrent_kernel = self.param("recurrent_kernel", uniform, (self.hidden, 3 * self.hidden))
        recurrent_bias = self.param("recurrent_bias", uniform, (3 * self.hidden,))
        states = unroll(jnp.moveaxis(x @ input_kernel + input_bias, 1, 0), before, recurrent_kernel, recurrent_bias)
        return jnp.moveaxis(states, 0, 1), states[-1]


@jax.custom_vjp
def unroll(projected: Array, before: Array, recurrent_kernel: Array, bias: Array) -> Array:
    """States [frame, batch, hidden] from products of inputs [frame, batch, 3 hidden]: reset, update, new."""

    def one(state: Array, inputs: Array) -> tuple[Array, Array]:
        after, _ = _step(state, inputs, recurrent_kernel, bias)
        return after, after

    return jax.lax.scan(one, before, projected)[1]


def _step(state: Array, inputs: Array, recurrent_kernel: Array, bias: Array) -> tuple[Array, tuple[Array, ...]]:
    projected, recurrent = jnp.split(inputs, 3, axis=-1), jnp.split(state @ recurrent_kernel + bias, 3, axis=-1)
    reset, update = nn.sigmoid(projected[0] + recurrent[0]), nn.sigmoid(projected[1] + recurrent[1])
    new = nn.tanh(projected[2] + reset * recurrent[2])
    return new + update * (state - new), (reset, update, new, recurrent[2])


def _forward(projected: Array, before: Array, recurrent_kernel: Array, bias: Array) -> tuple[Array, tuple[Array, ...]]:
    states = unroll(projected, before, recurrent_kernel, bias)
    return states, (projected, before, recurrent_kernel, bias, states)


def _backward(kept: tuple[Array, ...], cotangent: Array) -> tuple[Array, Array, Array, Array]:
    projected, before, recurrent_kernel, bias, states = kept
    earlier = jnp.concatenate([before[None], states[:-1]])
    _, (reset, update, new, recurrent) = _step(earlier, projected, recurrent_kernel, bias)  # all frames at once

    def one(later: Array, x: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        own, state, r, u, n, s = x
        total = own + later
        to_new = total * (1 - u) * (1 - n * n)
        to_update = total * (state - n) * u * (1 - u)
        to_reset = to_new * s * r * (1 - r)
        to_recurrent = jnp.concatenate([to_reset, to_update, to_new * r], axis=-1)
        return total * u + to_recurrent @ recurrent_kernel.T, (to_recurrent, to_new)

    xs = cotangent, earlier, reset, update, new, recurrent
    to_before, (to_recurrent, to_new) = jax.lax.scan(one, jnp.zeros_like(before), xs, reverse=True)
    to_projected = to_recurrent.at[..., -new.shape[-1] :].set(to_new)
    return to_projected, to_before, jnp.einsum("tbh,tbg->hg", earlier, to_recurrent), to_recurrent.sum((0, 1))


unroll.defvjp(_forward, _backward)
