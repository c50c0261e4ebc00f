"""Weights as files: safetensors in half precision, each with a JSON card that says what they are."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write
from ddx7.runtime import configure

SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"
"""Folder of the weights that come with the package."""


def write_weights(path: Path, params: Any, card: dict[str, Any], *, exact: Collection[str] = ()) -> None:
    """Write weights in half precision, and beside them a card in JSON with their hash.

    Args:
      path: ends in .safetensors; the card ends in .json.
      params: nested dicts of arrays.
      card: data and their licences, steps, scores, and the command that made them.
      exact: names of arrays, parts joined by a slash, that stay in single precision.
    """
    from safetensors.numpy import save

    flat = _flattened(params)
    forms = {name: np.float32 if name in exact else np.float16 for name in flat}
    packed = save({name: np.ascontiguousarray(value, forms[name]) for name, value in flat.items()})
    card = {**card, "sha256": hashlib.sha256(packed).hexdigest(), "bytes": len(packed)}
    atomic_write(path, packed, force=True)
    atomic_write(path.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode(), force=True)


def read_weights(path: Path) -> tuple[Any, dict[str, Any]]:
    """Read what `write_weights` wrote: the parameters in single precision, and their card.

    Raises:
      Ddx7Error: a file is missing, or the weights are not those of the card.
    """
    from safetensors.numpy import load

    configure()
    try:
        packed, card = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
    except (OSError, ValueError) as error:
        raise Ddx7Error(f"{path}: found no weights with a card beside them ({error})") from None
    if hashlib.sha256(packed).hexdigest() != card["sha256"]:
        raise Ddx7Error(f"{path}: the weights are not those that the card beside them describes (SHA-256 differs)")
    flat = {name: np.asarray(value, np.float32) for name, value in load(packed).items()}
    params: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, own = name.split("/")
        within = params
        for parent in parents:
            within = within.setdefault(parent, {})
        within[own] = value
    return params, card


def _flattened(params: Any, above: str = "") -> dict[str, Any]:
    """Arrays of nested dicts by name, parts joined by a slash."""
    flat: dict[str, Any] = {}
    for name, value in params.items():
        path = f"{above}{name}"
        flat |= _flattened(value, f"{path}/") if isinstance(value, Mapping) else {path: value}
    return flat
