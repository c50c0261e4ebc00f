"""Models and how they are trained, by name."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.hpn import HpnSynth, RnnSize
from ddx7.resynthesis.model import Model
from ddx7.resynthesis.structure import PAPER, from_voice
from ddx7.resynthesis.tcn import TcnSize
from ddx7.resynthesis.training import Settings


class Config(NamedTuple):
    """What is trained, and how.

    Attributes:
      model: without weights.
      settings: of the training.
    """

    model: Model
    settings: Settings


LAPTOP = Settings(steps=750, batch=4, frames=375, lead=125, learning_rate=1e-3, average=0.99, held_out_every=125)
"""For two cores: crops of 1.5 s after half a second that only the network hears."""

INDEX_LIMITS = {"2": 2.0, "2pi": 2 * np.pi, "4pi": 4 * np.pi}


def _paper(instrument: str, patch: str, limit: str, room_s: float) -> Model:
    name = patch or instrument
    if name not in PAPER:
        raise Ddx7Error(f"{name!r} has no operators in the paper of DDX7, wanted one of {', '.join(PAPER)}")
    structure = from_voice(PAPER[name], INDEX_LIMITS[limit])
    return Model(FmSynth(structure, "sigmoid"), TcnSize(), room_s=room_s)


NAMES = (
    *(f"ddx7-{limit}" for limit in INDEX_LIMITS),
    *(f"ddx7-{patch}-{limit}" for patch in ("y", "1x4", "2x2", "2op") for limit in INDEX_LIMITS),
    "hpn",
    "hpn-cropped",
)
"""Configurations of the paper: DDX7 by highest modulation index, with fewer operators, and the baseline.

`-room` after a name adds the learned reverb, `-published` takes the published settings of training, which want a GPU.
"""


def config(name: str, instrument: str) -> Config:
    """What a name stands for.

    Args:
      name: one of `NAMES`, with `-room` and `-published` after it in this order or without.
      instrument: flute, violin or trumpet, whose operators differ; the baseline is the same for all.

    Raises:
      Ddx7Error: no configuration has that name.
    """
    rest = name.removesuffix("-published")
    settings = Settings() if rest != name else LAPTOP
    room_s = 1.0 if rest.endswith("-room") else 0.0
    rest = rest.removesuffix("-room")
    if rest in ("hpn", "hpn-cropped"):
        # At 1e-3, which suits DDX7, it diverges within a thousand steps.
        rate = 1e-4 if name.endswith("-published") else 5e-4
        model = Model(HpnSynth(cropped=rest != "hpn"), RnnSize(), room_s=room_s)
        return Config(model, replace(settings, learning_rate=rate, clip=3.0))
    if rest in NAMES:
        _, *patch, limit = rest.split("-")
        known = {"y": f"{instrument}-y", "1x4": "violin-1x4", "2x2": "violin-2x2", "2op": "2"}
        return Config(_paper(instrument, known[patch[0]] if patch else "", limit, room_s), settings)
    raise Ddx7Error(f"{name!r} is no configuration, wanted one of {', '.join(NAMES)} (with -room or -published)")
