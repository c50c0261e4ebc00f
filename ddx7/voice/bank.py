"""`Bank`: voices in order, with the repairs that the reader made."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from ddx7.display import bank_html
from ddx7.voice.voice import Voice

_SHOWN = 8  # names in the text of a bank


@dataclass(frozen=True)
class Bank(Sequence[Voice]):
    """Voices in order. A cartridge has 32; a file may hold fewer or many more.

    Attributes:
      voices: the voices.
      repairs: one sentence for each fault of the source that the reader repaired.
    """

    voices: tuple[Voice, ...]
    repairs: tuple[str, ...] = ()

    def __init__(self, voices: Iterable[Voice], repairs: Iterable[str] = ()) -> None:
        object.__setattr__(self, "voices", tuple(voices))
        object.__setattr__(self, "repairs", tuple(repairs))

    @overload
    def __getitem__(self, index: int) -> Voice: ...
    @overload
    def __getitem__(self, index: slice) -> "Bank": ...
    def __getitem__(self, index: int | slice) -> "Voice | Bank":
        """A voice, or for a slice a bank of those voices."""
        return type(self)(self.voices[index]) if isinstance(index, slice) else self.voices[index]

    def __len__(self) -> int:
        """Number of voices."""
        return len(self.voices)

    def __repr__(self) -> str:
        """Its size and the first names.

        >>> Bank([Voice(name="A"), Voice(name="B")])
        <Bank of 2 voices: A, B>
        """
        names = ", ".join(voice.name or "unnamed" for voice in self.voices[:_SHOWN])
        more = ", ..." if len(self) > _SHOWN else ""
        return f"<Bank of {len(self)} {'voice' if len(self) == 1 else 'voices'}{': ' if names else ''}{names}{more}>"

    def _repr_html_(self) -> str:
        """For notebooks: a picture of each voice, and a player."""
        return bank_html(self)

    def __iter__(self) -> Iterator[Voice]:
        """The voices in order."""
        return iter(self.voices)

    def to_vced(self) -> np.ndarray:
        """All voices in the edit form, uint8 [voice, 155]."""
        return np.array([list(voice.to_vced()) for voice in self.voices], np.uint8).reshape(-1, 155)
