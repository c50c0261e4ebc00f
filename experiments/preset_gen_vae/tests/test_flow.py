"""RealNVP: invertible, with the determinant that automatic differentiation finds."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from preset_gen_vae.flow import RealNVP

KEYS = jax.random.split(jax.random.key(0, impl="rbg"), 4)  # compiles fast


def trained_variables(flow, width):
    """Variables as training leaves them: large weights, running statistics of some batches."""
    variables = jax.jit(flow.init)(KEYS[0], jnp.zeros((2, width)))
    train_step = jax.jit(partial(flow.apply, train=True, mutable=["batch_stats"], rngs={"dropout": KEYS[3]}))
    leaves, shape = jax.tree.flatten(variables["params"])
    noise = jax.random.split(KEYS[1], len(leaves))
    params = jax.tree.unflatten(
        shape, [x + 0.03 * jax.random.normal(k, x.shape) for x, k in zip(leaves, noise, strict=True)]
    )
    variables = {**variables, "params": params}
    for k in range(3):
        x = 2 * jax.random.normal(jax.random.fold_in(KEYS[2], k), (16, width)) + 1
        _, changed = train_step(variables, x)
        variables = {**variables, **changed}
    return variables


# A flow as head is the dearest to compile, so all its tests are slow ones; by default test_training.py trains the model
# with a perceptron as head.
@pytest.mark.slow
@pytest.mark.parametrize(("width", "between"), [(7, True), (6, False)])
def test_inverse_and_determinant(width, between):
    flow = RealNVP(width, layers=2, hidden=12, between=between, dropout=0.2)
    variables = trained_variables(flow, width)
    x = jax.random.normal(KEYS[2], (5, width))
    y, log_det = jax.jit(flow.apply)(variables, x)
    assert np.abs(y - x).max() > 0.05
    back = jax.jit(partial(flow.apply, method=RealNVP.inverse))
    np.testing.assert_allclose(back(variables, y), x, atol=1e-3)
    jacobian = jax.jit(jax.vmap(jax.jacobian(lambda one: flow.apply(variables, one[None])[0][0])))(x)
    sign, target = np.linalg.slogdet(np.asarray(jacobian, np.float64))
    assert (sign > 0).all()
    np.testing.assert_allclose(log_det, target, atol=1e-3)


@pytest.mark.slow
def test_every_output_depends_on_every_input():
    flow = RealNVP(6, layers=3, hidden=8)
    variables = trained_variables(flow, 6)
    jacobian = jax.jit(jax.jacobian(lambda x: flow.apply(variables, x[None])[0][0]))(jnp.ones(6))
    assert (np.abs(jacobian) > 1e-8).all()
