"""RealNVP: an invertible function whose Jacobian's determinant is known (Dinh et al., 2017).

ConvSizes of affine couplings: a residual network computes scale and shift of every other dimension from the rest.
Couplings, residual blocks and normalisation between layers as in `nflows` (Durkan et al.), which the published model
uses.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_LEAST_SCALE = 1e-3
_EPSILON = 1e-5
_MOMENTUM = 0.9
_TINY = 1e-3  # how large the last weights of a residual block may be at first


class RealNVP(nn.Module):
    """An invertible function.

    Attributes:
      width: dimensions.
      layers: affine couplings; the first one moves the odd dimensions, the next the even ones, and so on.
      hidden: width of the residual networks.
      between: whether dimensions are normalised between layers, but not around the last two. Then the function can
        only be inverted outside training.
      dropout: within the residual networks, those of the last two layers excepted.
    """

    width: int
    layers: int = 6
    hidden: int = 300
    between: bool = False
    dropout: float = 0.0

    def setup(self) -> None:
        """A residual network for each layer, and the normalisations between."""
        early = range(self.layers - 2)
        self.nets = [
            Residual(2 * len(range(_moved(k), self.width, 2)), self.hidden, self.dropout if k in early else 0.0)
            for k in range(self.layers)
        ]
        self.norms = [Norm(self.width) for _ in early] if self.between else []

    def __call__(
        self, x: Float[Array, "batch width"], train: bool = False
    ) -> tuple[Float[Array, "batch width"], Float[Array, " batch"]]:
        """The value, and the log of the absolute determinant of the Jacobian."""
        log_det = jnp.zeros(len(x))
        for k in range(self.layers):
            scale, shift = self._coupling(k, x, train)
            x = x.at[:, _moved(k) :: 2].multiply(scale).at[:, _moved(k) :: 2].add(shift)
            log_det += jnp.log(scale).sum(axis=-1)
            if k < len(self.norms):
                x, stretched = self.norms[k](x, train)
                log_det += stretched
        return x, log_det

    def inverse(self, y: Float[Array, "batch width"]) -> Float[Array, "batch width"]:
        """The input with this value, outside training."""
        for k in reversed(range(self.layers)):
            if k < len(self.norms):
                y = self.norms[k].inverse(y)
            scale, shift = self._coupling(k, y, False)
            y = y.at[:, _moved(k) :: 2].add(-shift).at[:, _moved(k) :: 2].divide(scale)
        return y

    def _coupling(self, k: int, x: Array, train: bool) -> tuple[Array, Array]:
        """Scale and shift of the moved dimensions, from those that stay."""
        raw, shift = jnp.split(self.nets[k](x[:, 1 - _moved(k) :: 2], train), 2, axis=-1)
        return jax.nn.sigmoid(raw + 2.0) + _LEAST_SCALE, shift


def _moved(layer: int) -> int:
    """First of the dimensions that a layer moves."""
    return 1 - layer % 2


class Residual(nn.Module):
    """A linear layer, two residual blocks with batch normalisation, a linear layer."""

    out: int
    hidden: int
    dropout: float

    @nn.compact
    def __call__(self, x: Float[Array, "batch in"], train: bool) -> Float[Array, "batch out"]:
        """Output of the network."""
        x = nn.Dense(self.hidden)(x)
        for _ in range(2):
            y = nn.Dense(self.hidden)(nn.relu(self._norm(train)(x)))
            y = nn.Dropout(self.dropout, deterministic=not train)(nn.relu(self._norm(train)(y)))
            x = x + nn.Dense(self.hidden, kernel_init=_tiny, bias_init=_tiny)(y)
        return nn.Dense(self.out)(x)

    def _norm(self, train: bool) -> nn.BatchNorm:
        return nn.BatchNorm(use_running_average=not train, momentum=_MOMENTUM, epsilon=1e-3)


def _tiny(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    return jax.random.uniform(key, shape, dtype, -_TINY, _TINY)


class Norm(nn.Module):
    """Batch normalisation as a layer of a flow: invertible outside training, with its log determinant."""

    width: int

    def setup(self) -> None:
        """Scale and shift, and running mean and variance."""
        one = jnp.log(jnp.expm1(1.0 - _EPSILON))
        self.raw = self.param("scale", nn.initializers.constant(one), (self.width,))
        self.shift = self.param("shift", nn.initializers.zeros, (self.width,))
        self.mean = self.variable("batch_stats", "mean", jnp.zeros, (self.width,))
        self.variance = self.variable("batch_stats", "var", jnp.ones, (self.width,))

    def __call__(
        self, x: Float[Array, "batch width"], train: bool
    ) -> tuple[Float[Array, "batch width"], Float[Array, ""]]:
        """The value, and the log of the absolute determinant."""
        mean, variance = self.mean.value, self.variance.value
        if train:
            mean, variance = x.mean(axis=0), x.var(axis=0)
            if not self.is_initializing():
                self.mean.value = _MOMENTUM * self.mean.value + (1 - _MOMENTUM) * mean
                self.variance.value = _MOMENTUM * self.variance.value + (1 - _MOMENTUM) * variance
        scale = self._scale() / jnp.sqrt(variance + _EPSILON)
        return (x - mean) * scale + self.shift, jnp.log(scale).sum()

    def inverse(self, y: Float[Array, "batch width"]) -> Float[Array, "batch width"]:
        """The input with this value, outside training."""
        return (y - self.shift) / self._scale() * jnp.sqrt(self.variance.value + _EPSILON) + self.mean.value

    def _scale(self) -> Array:
        return jax.nn.softplus(self.raw) + _EPSILON
