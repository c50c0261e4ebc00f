"""Where voices stand in JSON: alone, in lists, and in the reports that the commands of ddx7 write."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ddx7.voice.voice import Voice

_LISTS = ("voices", "candidates")  # of `ddx7 show --json` and `generate`, and of `match`
_NAMES = frozenset(field.name for field in fields(Voice))


def voice_entries(content: Any) -> list[Any]:
    """The voices in a JSON value, as `Voice.from_dict` reads them; none where the value holds no voice.

    Args:
      content: a voice; a list of voices; an object that has a list under "voices" or "candidates", or one voice under
        "voice". An entry of such a list is a voice or has one under "voice".
    """
    if isinstance(content, list):
        return [_unwrapped(entry) for entry in content]
    if not isinstance(content, Mapping):
        return [content]
    for name in _LISTS:
        if isinstance(content.get(name), list):
            return [_unwrapped(entry) for entry in content[name]]
    entry = _unwrapped(content)
    return [entry] if not isinstance(entry, Mapping) or not entry or not _NAMES.isdisjoint(entry) else []


def _unwrapped(entry: Any) -> Any:
    return entry["voice"] if isinstance(entry, Mapping) and isinstance(entry.get("voice"), Mapping) else entry
