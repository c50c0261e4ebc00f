"""Many voices: scanning folders, duplicates, categories, screening by rendering, and names."""

import importlib
from typing import TYPE_CHECKING, Any

from ddx7.library.canonical import canonical as canonical
from ddx7.library.canonical import sound_key as sound_key
from ddx7.library.categories import CATEGORIES as CATEGORIES
from ddx7.library.categories import categories_of_name as categories_of_name
from ddx7.library.collection import Collection as Collection
from ddx7.library.collection import VoiceSource as VoiceSource
from ddx7.library.collection import join as join
from ddx7.library.collection import scan as scan
from ddx7.library.files import Problem as Problem
from ddx7.library.files import VoiceFile as VoiceFile
from ddx7.library.files import find_files as find_files
from ddx7.library.naming import name_variations as name_variations
from ddx7.library.naming import name_voices as name_voices
from ddx7.library.profanity import is_profane as is_profane

if TYPE_CHECKING:
    from ddx7.library.levels import EvenedVoices as EvenedVoices
    from ddx7.library.levels import even_levels as even_levels
    from ddx7.library.measures import NoteMeasures as NoteMeasures
    from ddx7.library.measures import measure_notes as measure_notes
    from ddx7.library.screening import Screening as Screening
    from ddx7.library.screening import VoiceMeasures as VoiceMeasures
    from ddx7.library.screening import measure_voices as measure_voices
    from ddx7.library.screening import screen_measures as screen_measures
    from ddx7.library.screening import screen_voices as screen_voices
    from ddx7.library.sound_map import timbre_map as timbre_map

# Importing these starts JAX, which nobody needs to read files.
_LATE = {
    **dict.fromkeys(("Screening", "VoiceMeasures", "measure_voices", "screen_measures", "screen_voices"), "screening"),
    **dict.fromkeys(("NoteMeasures", "measure_notes"), "measures"),
    **dict.fromkeys(("EvenedVoices", "even_levels"), "levels"),
    "timbre_map": "sound_map",
}


def __getattr__(name: str) -> Any:
    """Load the module of a public name on first use."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
