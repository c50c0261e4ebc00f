"""Sound to Yamaha DX7 voices and back: a faithful, differentiable DX7, its files, and the search for a voice.

Names resolve at their first use, so that ``import ddx7`` loads little and changes nothing in the process.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ddx7.engine import render as render
    from ddx7.errors import AudioError as AudioError
    from ddx7.errors import Ddx7Error as Ddx7Error
    from ddx7.errors import SysexError as SysexError
    from ddx7.generation import generate as generate
    from ddx7.generation import morph as morph
    from ddx7.generation import vary as vary
    from ddx7.matching import Match as Match
    from ddx7.matching import match as match
    from ddx7.matching import propose as propose
    from ddx7.voice import Bank as Bank
    from ddx7.voice import Operator as Operator
    from ddx7.voice import Voice as Voice
    from ddx7.voice import load as load
    from ddx7.voice import save as save

_HOMES = {
    "AudioError": "ddx7.errors",
    "Bank": "ddx7.voice",
    "Ddx7Error": "ddx7.errors",
    "Match": "ddx7.matching",
    "Operator": "ddx7.voice",
    "SysexError": "ddx7.errors",
    "Voice": "ddx7.voice",
    "generate": "ddx7.generation",
    "load": "ddx7.voice",
    "match": "ddx7.matching",
    "propose": "ddx7.matching",
    "morph": "ddx7.generation",
    "render": "ddx7.engine",
    "save": "ddx7.voice",
    "vary": "ddx7.generation",
}


_LAYERS = (
    "audio",
    "encoder",
    "engine",
    "generation",
    "library",
    "matching",
    "plot",
    "resynthesis",
    "training",
    "voice",
)


def __getattr__(name: str) -> Any:
    if name in _LAYERS:
        return import_module(f"ddx7.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ddx7' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_LAYERS})
