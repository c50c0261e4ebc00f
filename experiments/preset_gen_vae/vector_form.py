"""Voices as vectors of numbers from 0 to 1, in the three forms of a published comparison.

    form         numbers                                             categories   width   with transpose
    Num only     every parameter                                              0     144              145
    NumCat       all but those whose values have no order                    22     224              225
    NumCat++     those with more than 32 values                              54     610              611

A number is a byte divided by its largest value; a category is a place for each of its values, 1 for the one it has.
Parameters lie in the order of VCED. The published forms leave transpose out and play every voice untransposed, although
half of all real voices use it. With it, the same rules hold: its values have an order and are 49, so it is a number in
all three forms.

Source: Le Vaillant, Dutoit and Dekeyser, Improving synthesizer programming from variational autoencoders latent space,
DAFx20in21.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, get_args

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.library.canonical import AUDIBLE, sound_key
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, VCED_MAX
from ddx7.voice.spec import FIELDS, Parameter

FormName = Literal["Num only", "NumCat", "NumCat++"]
FORM_NAMES: tuple[FormName, ...] = get_args(FormName)
MOST_VALUES = 32
"""NumCat++ takes every parameter with at most so many values as a category."""

_CHUNK = 256


@dataclass(frozen=True, eq=False)
class VectorForm:
    """Layout of a vector: the place of each parameter.

    Attributes:
      name: as published.
      columns: VCED byte of each parameter, int [parameter].
      one_hot: which parameters are categories, bool [parameter].
      owner: parameter of each element of a vector, int [width].
      value: value that each element of a category stands for, 0 for numbers, int [width].
    """

    name: FormName
    columns: np.ndarray
    one_hot: np.ndarray
    owner: np.ndarray
    value: np.ndarray

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return len(self.owner)

    @property
    def maxima(self) -> np.ndarray:
        """Largest value of each parameter, uint8 [parameter]."""
        return VCED_MAX[self.columns]

    @cached_property
    def numeric(self) -> np.ndarray:
        """Places of the numbers, int [number]."""
        return np.flatnonzero(~self.one_hot[self.owner])

    @cached_property
    def categorical(self) -> np.ndarray:
        """Places of each category's values, int [category, 32]; where there are fewer, the last is repeated."""
        starts = np.searchsorted(self.owner, np.flatnonzero(self.one_hot))
        values = np.minimum(np.arange(MOST_VALUES), self.maxima[self.one_hot, None])
        return starts[:, None] + values

    @cached_property
    def legal(self) -> np.ndarray:
        """Which places in `categorical` are not repeated, bool [category, 32]."""
        return np.arange(MOST_VALUES) <= self.maxima[self.one_hot, None]

    def restrict(self, vced: np.ndarray) -> np.ndarray:
        """Replace the parameters that the form leaves out by those of INIT VOICE.

        Args:
          vced: uint8 [..., 155].

        Returns:
          uint8 [..., 155].
        """
        restricted = np.broadcast_to(INIT_VCED, np.shape(vced)).copy()
        restricted[..., self.columns] = vced[..., self.columns]
        return restricted

    def to_vectors(self, vced: np.ndarray) -> np.ndarray:
        """Voices as vectors.

        Args:
          vced: uint8 [..., 155], legal bytes.

        Returns:
          float32 [..., width], from 0 to 1.
        """
        byte = vced[..., self.columns[self.owner]]
        number = byte / self.maxima[self.owner]
        return np.where(self.one_hot[self.owner], byte == self.value, number).astype(np.float32)

    def to_vced(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors as voices: each number becomes the nearest legal byte, each category its greatest value's.

        The inverse of `to_vectors`, up to what `restrict` leaves out.

        Args:
          vectors: float [..., width]; numbers may lie outside 0 to 1, categories may be logits.

        Returns:
          uint8 [..., 155], legal.

        Raises:
          Ddx7Error: an element is not a number.
        """
        vectors = np.asarray(vectors)
        if np.isnan(vectors).any():
            raise Ddx7Error(f"{self.name} vectors: found not-a-number, wanted numbers")
        vced = self.restrict(np.broadcast_to(INIT_VCED, (*vectors.shape[:-1], len(INIT_VCED))))
        numbers = np.clip(vectors[..., self.numeric], 0, 1)
        vced[..., self.columns[~self.one_hot]] = np.rint(numbers * self.maxima[~self.one_hot])
        # `argmax` returns the first of equal elements, so never a repeated one.
        vced[..., self.columns[self.one_hot]] = vectors[..., self.categorical].argmax(axis=-1)
        return vced

    def audible(self, vced: np.ndarray) -> np.ndarray:
        """Which parameters of voices are audible, and therefore learned: bool [voice, parameter]."""
        return audible_parameters(vced)[:, self.columns]


@cache
def vector_form(name: FormName, *, transpose: bool = False) -> VectorForm:
    """A published form.

    Args:
      name: of the form.
      transpose: whether transpose is part of it, as a number; in the published forms it is not.
    """
    if name not in FORM_NAMES:
        raise Ddx7Error(f"form {name!r}: wanted one of {', '.join(FORM_NAMES)}")
    fields = [f for f in FIELDS if f.parameter.audible and (transpose or f.parameter.name != "transpose")]
    one_hot = np.array([_is_category(name, f.parameter) for f in fields])
    widths = np.where(one_hot, [f.parameter.maximum + 1 for f in fields], 1)
    return VectorForm(
        name=name,
        columns=np.array([f.vced for f in fields]),
        one_hot=one_hot,
        owner=np.repeat(np.arange(len(fields)), widths),
        value=np.concatenate([np.arange(width) for width in widths]),
    )


def _is_category(name: FormName, parameter: Parameter) -> bool:
    few = parameter.maximum < MOST_VALUES
    return name != "Num only" and (parameter.categorical or (name == "NumCat++" and few))


def audible_parameters(vced: np.ndarray) -> np.ndarray:
    """Which bytes of voices are audible: those whose change alone changes the sound.

    `ddx7.library.canonical` decides that. Zeros that keep an operator off always count, those of its output level and
    of its level scaling depths, so that all inaudible bytes may change at once without a change of the sound.

    Args:
      vced: uint8 [voice, 155], legal bytes.

    Returns:
      bool [voice, 155]; False for the name.
    """
    parts = [_audible(vced[first : first + _CHUNK]) for first in range(0, len(vced), _CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(np.shape(vced), bool)


def _audible(vced: np.ndarray) -> np.ndarray:
    columns = np.flatnonzero(AUDIBLE)
    # The other end of the range lies past the only thresholds: from 0 to 1, and between falling and rising curves.
    mirrored = VCED_MAX - vced
    other = np.where(mirrored == vced, vced + 1, mirrored).astype(np.uint8)
    changed = np.repeat(vced[:, None], len(columns), axis=1)
    changed[:, np.arange(len(columns)), columns] = other[:, columns]
    audible = np.zeros(vced.shape, bool)
    audible[:, columns] = (sound_key(changed) != sound_key(vced)[:, None]).any(axis=-1)
    off = vced[:, VCED_COLUMNS["output_level"]] == 0
    for name in ("output_level", "left_depth", "right_depth"):
        audible[:, VCED_COLUMNS[name]] |= off & (vced[:, VCED_COLUMNS[name]] == 0)
    return audible
