"""Helpers and types of the tests of the command line."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ddx7.voice import Operator, Voice
from ddx7.voice.packing import random_vced

SEED = 1983
BANK_NAMES = ["BRASS  1", "BRASS  2", "E.PIANO", "TUB BELLS", *(f"VOICE {n}" for n in range(5, 33))]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


def sounding_voices(names: list[str]) -> list[Voice]:
    """Random voices that sound, end and have a name, so that they have no findings."""
    vced = random_vced(np.random.default_rng(SEED), len(names))
    vced[:, -10:] = ord(" ")
    voices = [Voice.from_vced(row) for row in vced]
    return [
        replace(v, name=name, operators=tuple(map(_well, v.operators))) for v, name in zip(voices, names, strict=True)
    ]


def _well(operator: Operator) -> Operator:
    return replace(operator, levels=(99, *operator.levels[1:3], 0), rates=(*operator.rates[:3], 60), output_level=80)
