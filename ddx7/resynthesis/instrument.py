"""A learned instrument: pitch and loudness in, sound out; whole recordings or blocks as they come."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ddx7.engine.tables import DB_PER_OCTAVE
from ddx7.errors import Ddx7Error
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.model import ModelState, ResynthesisModel, from_dict, run, scaled, to_dict
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights

SHIPPED = SHIPPED_WEIGHTS / "resynthesis"
_LONGEST = 256
"""Frames that are played in one go. Runs are cut into powers of two, so that a handful of programs serve any length."""


@dataclass(frozen=True)
class PlaybackControls:
    """What a player may turn while an instrument plays.

    Attributes:
      transpose: semitones up.
      mod_index: factor of all modulation indices: below 1 darker, above 1 brighter.
      levels_db: added to the level of OP1 to OP6.
      ratios: frequency over the fundamental of OP1 to OP6, None as learned.
      room: how much of a learned room is heard: 0 dry, 1 as learned.

    Raises:
      Ddx7Error: a value that means nothing.
    """

    transpose: float = 0.0
    mod_index: float = 1.0
    levels_db: tuple[float, ...] = (0.0,) * 6
    ratios: tuple[float | None, ...] = (None,) * 6
    room: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.mod_index <= 100:
            raise Ddx7Error(f"mod_index: found {self.mod_index:g}, wanted a factor above 0 and up to 100")
        if len(self.levels_db) != 6 or len(self.ratios) != 6:
            raise Ddx7Error("levels and ratios: wanted one for each of the six operators")
        if any(ratio is not None and not 0 < ratio <= 64 for ratio in self.ratios):
            raise Ddx7Error(f"ratios: found {self.ratios}, wanted above 0 and up to 64")
        if not 0 <= self.room <= 10:
            raise Ddx7Error(f"room: found {self.room:g}, wanted 0 (dry) to 10, 1 as learned")


@dataclass(frozen=True, eq=False)
class Instrument:
    """A model that has learned.

    Attributes:
      model: what it is.
      weights: what it learned.
      card: from what it learned it, how, and how well it does.
    """

    model: ResynthesisModel
    weights: Any
    card: dict[str, Any]

    @cached_property
    def playing(self) -> Any:
        """The weights in the form in which they are played."""
        return self.model.for_playing(self.weights)

    def __call__(
        self, f0_hz: np.ndarray, loudness_db: np.ndarray, knobs: PlaybackControls | None = None, seed: int = 0
    ) -> np.ndarray:
        """Play.

        Args:
          f0_hz: fundamental, one value for 64 samples, float [frame].
          loudness_db: as `ddx7.audio.loudness` measures it, at least -80, float [frame].
          knobs: turned before playing.
          seed: of noise, where the model has a source of it.

        Returns:
          float32 [64 * frame] at the model's sample rate.

        Raises:
          Ddx7Error: the two are not one-dimensional and of one length, or not finite.
        """
        return self.stream(knobs, seed).play(f0_hz, loudness_db)

    def stream(self, knobs: PlaybackControls | None = None, seed: int = 0) -> "InstrumentStream":
        """Begin to play blocks of any number of frames; together they are exactly what one call would give."""
        return InstrumentStream(self, knobs or PlaybackControls(), seed)


@dataclass
class InstrumentStream:
    """Sound made block by block; knobs may be turned in between.

    Attributes:
      instrument: that plays.
      knobs: as they stand.
      seed: of noise.
    """

    instrument: Instrument
    knobs: PlaybackControls
    seed: int = 0
    _memory: ModelState | None = field(default=None, repr=False)

    def play(self, f0_hz: np.ndarray, loudness_db: np.ndarray) -> np.ndarray:
        """The next frames; arguments and result as of `Instrument`."""
        return self.play_with_controls(f0_hz, loudness_db)[0]

    def play_with_controls(self, f0_hz: np.ndarray, loudness_db: np.ndarray) -> tuple[np.ndarray, Any]:
        """The next frames, and what the synthesiser was told: for FM log2 gains of OP1 to OP6, float32 [frame, 6]."""
        f0_hz, loudness_db = (np.asarray(x, np.float32) for x in (f0_hz, loudness_db))
        if f0_hz.ndim != 1 or f0_hz.shape != loudness_db.shape:
            raise Ddx7Error(f"pitch {f0_hz.shape} and loudness {loudness_db.shape}: wanted two of one length, [frame]")
        if not (np.isfinite(f0_hz).all() and np.isfinite(loudness_db).all()):
            raise Ddx7Error("pitch and loudness: found values that are not finite")
        model, weights = self.instrument.model, self.instrument.playing
        memory = model.begin(weights, 1) if self._memory is None else self._memory
        f0_hz = f0_hz * np.float32(2 ** (self.knobs.transpose / 12))
        inputs, increment = scaled(f0_hz, np.maximum(loudness_db, -80.0)), self._increments(f0_hz)
        knobs = self._offsets(), np.float32(self.knobs.room)
        sounds, controls, at = [np.zeros(0, np.float32)], [], 0
        for n in _runs(len(f0_hz)):
            audio, told, memory = run(
                model, weights, inputs[None, at : at + n], increment[None, at : at + n], *knobs, memory, self._key
            )
            # Cut by NumPy: JAX would make a program of each cut, which for short blocks takes a tenth of the time.
            sounds.append(np.asarray(audio)[0])
            controls.append(jax.tree.map(lambda x: np.asarray(x)[0], told))
            at += n
        self._memory = memory
        return np.concatenate(sounds), jax.tree.map(lambda *x: np.concatenate(x), *controls) if controls else None

    @cached_property
    def _key(self) -> jax.Array:
        # Made once: for short blocks that is a tenth of the work.
        return jax.random.key(self.seed)

    def _increments(self, f0_hz: np.ndarray) -> np.ndarray:
        model = self.instrument.model
        increment = model.increments(f0_hz)
        for k, ratio in enumerate(self.knobs.ratios):
            if ratio is not None and isinstance(model.synth, FmSynth):
                cycles = np.asarray(f0_hz, np.float64) * ratio / model.sample_rate
                increment[:, k] = np.round(np.mod(cycles, 1.0) * 2.0**32).astype(np.uint64).astype(np.uint32)
        return increment

    def _offsets(self) -> np.ndarray:
        """Added to log2 gains."""
        synth = self.instrument.model.synth
        octaves = np.array(self.knobs.levels_db, np.float32) / np.float32(DB_PER_OCTAVE)
        if isinstance(synth, FmSynth):
            octaves = octaves + np.where(synth.structure.carriers, 0.0, np.log2(self.knobs.mod_index))
        return octaves.astype(np.float32)


def _runs(n: int) -> list[int]:
    """Powers of two that add up to a number of frames."""
    found = [_LONGEST] * (n // _LONGEST)
    rest = n % _LONGEST
    return found + [1 << k for k in reversed(range(_LONGEST.bit_length())) if rest >> k & 1]


def shipped() -> list[str]:
    """Names of the instruments that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def load(name: str | Path) -> Instrument:
    """An instrument.

    Args:
      name: one of `shipped`, or the path of weights that `save` wrote.

    Raises:
      Ddx7Error: there is none of that name, or its files are damaged.
    """
    path = SHIPPED / f"{name}.safetensors" if str(name) in shipped() else Path(name)
    if path.suffix != ".safetensors":
        wanted = ", ".join([*shipped(), "the path of a .safetensors file"])
        raise Ddx7Error(f"{name}: no such instrument, wanted one of {wanted}")
    weights, card = read_weights(path)
    if "model" not in card:
        raise Ddx7Error(f"{path}: holds no instrument, but {card.get('what', 'other weights')}")
    return Instrument(from_dict(card["model"]), weights, card)


def save(path: Path, instrument: Instrument) -> None:
    """Write weights in half precision, and a card beside them."""
    write_weights(path, instrument.weights, {**instrument.card, "model": to_dict(instrument.model)})
