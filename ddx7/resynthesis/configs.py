"""Models and how they are trained, by name."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.hpn import HpnSynth, RnnSize
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.structure import OURS, PAPER, TURN, from_voice, with_feedback
from ddx7.resynthesis.tcn import TcnSize
from ddx7.resynthesis.training import ResynthesisTraining


class ResynthesisConfig(NamedTuple):
    """What is trained, and how.

    Attributes:
      model: without weights.
      settings: of the training.
    """

    model: ResynthesisModel
    settings: ResynthesisTraining


LAPTOP = ResynthesisTraining(
    steps=750, batch=4, frames=375, lead=125, learning_rate=1e-3, average=0.99, held_out_every=125
)
"""For two cores: crops of 1.5 s after half a second that only the network hears."""

INDEX_LIMITS = {"2": 2.0, "2pi": 2 * np.pi, "4pi": 4 * np.pi}


def _paper(instrument: str, patch: str, limit: str) -> ResynthesisModel:
    name = patch or instrument
    if name not in PAPER:
        raise Ddx7Error(f"{name!r} has no operators in the paper of DDX7, wanted one of {', '.join(PAPER)}")
    structure = from_voice(PAPER[name], INDEX_LIMITS[limit])
    return ResynthesisModel(FmSynth(structure, "sigmoid"), TcnSize())


def _ours(name: str, instrument: str) -> FmSynth:
    if name in ("ours-tone", "ours-shallow"):
        structure = OURS.get(instrument, OURS["flute"])
        deep = with_feedback(from_voice(structure.voice, TURN), structure.voice.feedback)
        return FmSynth(deep if name == "ours-tone" else structure)
    if instrument not in PAPER:
        raise Ddx7Error(f"{name}: for flute, violin and trumpet, found {instrument!r}")
    steps = {
        "ours-paths": FmSynth(from_voice(PAPER[instrument], 2.0), "sigmoid"),
        "ours-levels": FmSynth(from_voice(PAPER[instrument], TURN)),
        "ours-noise": FmSynth(with_feedback(from_voice(PAPER[instrument], TURN), 7)),
    }
    return steps[name]


OUR_SIZE = TcnSize(residual="all", dropout=0.0)
NAMES = (
    *(f"ddx7-{limit}" for limit in INDEX_LIMITS),
    *(f"ddx7-{patch}-{limit}" for patch in ("y", "1x4", "2x2", "2op") for limit in INDEX_LIMITS),
    "hpn",
    "hpn-cropped",
    "ours-paths",
    "ours-levels",
    "ours-noise",
    "ours-tone",
    "ours-shallow",
    "ours",
)
"""Configurations of the paper: DDX7 by highest modulation index, with fewer operators, and the baseline; and ours, in
one step after the other: paths around all blocks and no dropout, then levels on an exponential scale and up to 2 pi,
then feedback at 7 in the paper's structure, then a structure of our own, then at most 2 radians for those that modulate
its tone.

After a name, `-mel` learns from the distance in mel bands, too, `-room` adds a learned reverb, and `-published` takes
the published settings of training, which want a GPU, and the published reverb. `ours` is short for all that we add.
"""
_MEL = 3.0  # weight beside the spectral distance: two fifths of what is left in the end are bands then


def config(name: str, instrument: str) -> ResynthesisConfig:
    """What a name stands for.

    Args:
      name: one of `NAMES`, with `-mel`, `-room` and `-published` after it in this order or without.
      instrument: flute, violin or trumpet, whose operators differ; `hpn`, `ours-tone` and what follows it take any.

    Raises:
      Ddx7Error: no configuration has that name.
    """
    rest = name.removesuffix("-published")
    dry = rest.removesuffix("-room")
    plain = dry.removesuffix("-mel")
    published, room, mel = rest != name, dry != rest, plain != dry
    if plain == "ours":
        plain, room, mel = "ours-shallow", True, True
    model, settings = _plain(plain, instrument, ResynthesisTraining() if published else LAPTOP)
    if mel:
        settings = replace(settings, mel=_MEL)
    if room and published:
        model = replace(model, room_s=1.0, room_kind="taps")
    elif room:
        model, settings = replace(model, room_s=1.0), replace(settings, lead=250)
    return ResynthesisConfig(model, settings)


def _plain(name: str, instrument: str, settings: ResynthesisTraining) -> ResynthesisConfig:
    if name not in NAMES:
        wanted = f"{', '.join(NAMES)} (with -mel, -room or -published)"
        raise Ddx7Error(f"{name!r} is no configuration, wanted one of {wanted}")
    if name in ("hpn", "hpn-cropped"):
        # At 1e-3, which suits DDX7, it diverges within a thousand steps.
        rate = 5e-4 if settings == LAPTOP else 1e-4
        model = ResynthesisModel(HpnSynth(cropped=name != "hpn"), RnnSize())
        return ResynthesisConfig(model, replace(settings, learning_rate=rate, clip=3.0))
    if name.startswith("ours"):
        return ResynthesisConfig(ResynthesisModel(_ours(name, instrument), OUR_SIZE), settings)
    _, *patch, limit = name.split("-")
    known = {"y": f"{instrument}-y", "1x4": "violin-1x4", "2x2": "violin-2x2", "2op": "2"}
    # At 1e-3, which suits ours, the published operators run into their limits and stay there.
    model = _paper(instrument, known[patch[0]] if patch else "", limit)
    return ResynthesisConfig(model, replace(settings, learning_rate=3e-4))
