"""Instruments that the player made with `ddx7 train resynth`: kept in the folder of the page, beside its results."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.files import safe_name
from ddx7.web.live_play import BLOCK
from ddx7.web.problems import RequestProblem

FOLDER = "instruments"
MAX_BYTES = 8 * 1024 * 1024


def own_instruments(folder: Path) -> dict[str, Path]:
    """Weights of the player's instruments by name; files with the name of a shipped instrument are left out.

    Args:
      folder: of the page's results.
    """
    from ddx7.resynthesis import shipped

    found = sorted((folder / FOLDER).glob("*.safetensors"))
    return {path.stem: path for path in found if path.stem not in shipped() and path.with_suffix(".json").is_file()}


def add_instrument(folder: Path, name: str, weights: bytes, card: dict[str, Any]) -> str:
    """Keep an instrument, if it plays.

    Args:
      folder: of the page's results.
      name: as the player calls it.
      weights: the .safetensors file.
      card: the .json file beside it.

    Returns:
      its name.

    Raises:
      RequestProblem: the files are no instrument, or the name is that of a shipped one.
    """
    from ddx7.resynthesis import load, shipped

    stem = safe_name(name.removesuffix(".safetensors"))
    if stem in shipped():
        raise RequestProblem(422, f"{stem}: an instrument of the package has this name; rename the two files")
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as aside:
        trial = Path(aside) / f"{stem}.safetensors"
        trial.write_bytes(weights)
        trial.with_suffix(".json").write_text(json.dumps(card))
        try:
            load(trial).stream().play_audio(np.zeros(BLOCK, np.float32))
        except Ddx7Error as error:
            raise RequestProblem(422, str(error).replace(str(trial), trial.name)) from None
        except Exception as error:  # whatever a foreign card and foreign arrays can break
            wanted = "wanted what ddx7 train resynth wrote"
            raise RequestProblem(422, f"{trial.name}: cannot be played ({type(error).__name__}), {wanted}") from None
        for suffix in (".json", ".safetensors"):
            trial.with_suffix(suffix).replace(place / f"{stem}{suffix}")
    return stem
