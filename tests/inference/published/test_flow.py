"""RealNVP: invertible, with the determinant that automatic differentiation finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddx7.inference.published.flow import RealNVP

KEYS = jax.random.split(jax.random.key(0), 4)


def stirred(flow, width):
    """Variables as training leaves them: large weights, running statistics of some batches."""
    variables = flow.init(KEYS[0], jnp.zeros((2, width)))
    leaves, shape = jax.tree.flatten(variables["params"])
    noise = jax.random.split(KEYS[1], len(leaves))
    weights = jax.tree.unflatten(
        shape, [x + 0.1 * jax.random.normal(k, x.shape) for x, k in zip(leaves, noise, strict=True)]
    )
    variables = {**variables, "params": weights}
    for k in range(3):
        x = 2 * jax.random.normal(jax.random.fold_in(KEYS[2], k), (16, width)) + 1
        rngs = {"dropout": KEYS[3]}
        _, changed = flow.apply(variables, x, train=True, mutable=["batch_stats"], rngs=rngs)
        variables = {**variables, **changed}
    return variables


@pytest.mark.parametrize(("width", "between"), [(8, True), (7, True), (8, False)])
def test_inverse_and_determinant(width, between):
    flow = RealNVP(width, hidden=12, between=between, dropout=0.2)
    variables = stirred(flow, width)
    x = jax.random.normal(KEYS[2], (5, width))
    y, log_det = flow.apply(variables, x)
    assert np.abs(y - x).max() > 0.1
    np.testing.assert_allclose(flow.apply(variables, y, method=RealNVP.inverse), x, atol=1e-3)
    jacobian = jax.vmap(jax.jacobian(lambda one: flow.apply(variables, one[None])[0][0]))(x)
    sign, wanted = np.linalg.slogdet(np.asarray(jacobian, np.float64))
    assert (sign > 0).all()
    np.testing.assert_allclose(log_det, wanted, atol=1e-3)


def test_every_dimension_is_moved_and_moves_others():
    flow = RealNVP(6, hidden=8)
    variables = stirred(flow, 6)
    slope = jax.jacobian(lambda x: flow.apply(variables, x[None])[0][0])(jnp.ones(6))
    assert (np.abs(slope) > 1e-6).all()


def test_determinant_in_training_is_that_of_the_batch_as_it_is_normalised():
    """Within a batch whose mean and variance are taken as given, the stretch is the same for all."""
    flow = RealNVP(6, hidden=8, between=True)
    variables = stirred(flow, 6)
    x = jax.random.normal(KEYS[2], (32, 6))
    (y, log_det), _ = flow.apply(variables, x, train=True, mutable=["batch_stats"], rngs={"dropout": KEYS[3]})
    assert y.shape == x.shape
    assert log_det.shape == (32,)
    assert np.isfinite(log_det).all()
