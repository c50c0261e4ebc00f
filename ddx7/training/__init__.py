"""What all trainings share: one loop, checkpoints, metrics, data fingerprints, and weights with cards."""

import importlib
from typing import TYPE_CHECKING, Any

from ddx7.training.fingerprint import fingerprint as fingerprint
from ddx7.training.weights import SHIPPED_WEIGHTS as SHIPPED_WEIGHTS
from ddx7.training.weights import read_weights as read_weights
from ddx7.training.weights import write_weights as write_weights

if TYPE_CHECKING:
    from ddx7.training.loop import Evaluation as Evaluation
    from ddx7.training.loop import FitResult as FitResult
    from ddx7.training.loop import FitSchedule as FitSchedule
    from ddx7.training.loop import fit as fit
    from ddx7.training.state import TrainState as TrainState
    from ddx7.training.state import apply_gradients as apply_gradients
    from ddx7.training.state import init_key as init_key
    from ddx7.training.state import update_ema as update_ema

# These start JAX, which reading weights should not wait for.
_LATE = {
    **dict.fromkeys(("Evaluation", "FitResult", "FitSchedule", "fit"), "loop"),
    **dict.fromkeys(("TrainState", "apply_gradients", "init_key", "update_ema"), "state"),
}


def __getattr__(name: str) -> Any:
    """A public name whose module is loaded only now."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
