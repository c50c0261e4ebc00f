"""Size and parameters of the networks, apart from these, which take longer to import."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

Params: TypeAlias = Mapping[str, Any]
"""Parameters of a network, as Flax nests them."""


class GanSize(NamedTuple):
    """Widths and depths of the networks.

    Attributes:
      noise: dimensions of the generator's noise.
      whole: width of the layers on the whole voice.
      operator: width of the layers on each operator.
      blocks: residual blocks in each network.
    """

    noise: int = 64
    whole: int = 384
    operator: int = 96
    blocks: int = 2
