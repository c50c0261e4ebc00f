"""A learned instrument: pitch and loudness in, sound out; whole recordings, or blocks as they come."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ddx7.audio.loudness import FLOOR_DB
from ddx7.errors import Ddx7Error
from ddx7.resynthesis.model import ModelState, ResynthesisModel, play, scale_inputs
from ddx7.resynthesis.playback import PlaybackControls
from ddx7.resynthesis.protocols import Params
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights

SHIPPED = SHIPPED_WEIGHTS / "resynthesis"
_MAX_BLOCK_FRAMES = 256
"""Frames in one call of the compiled program. Block sizes are powers of two, so that a few programs play any length."""


@dataclass(frozen=True, eq=False)
class Instrument:
    """A model with its learned parameters.

    Attributes:
      model: synthesizer, decoder and reverb.
      params: learned.
      card: data, training and scores, JSON-ready.
    """

    model: ResynthesisModel
    params: Params
    card: dict[str, Any]

    @cached_property
    def prepared(self) -> Params:
        """The parameters in the form that plays fastest."""
        return self.model.prepare(self.params)

    def __call__(
        self,
        f0_hz: Float[np.ndarray, "..."],
        loudness_db: Float[np.ndarray, "..."],
        playback: PlaybackControls | None = None,
        *,
        seed: int = 0,
    ) -> Float[np.ndarray, " time"]:
        """Play.

        Args:
          f0_hz: fundamental, one value for 64 samples [frame].
          loudness_db: as `ddx7.audio.loudness` measures it, at least -80 [frame].
          playback: settings of the player.
          seed: of noise, for synthesizers with a random source.

        Returns:
          float32 [64 * frame] at the model's sample rate.

        Raises:
          Ddx7Error: the two are not one-dimensional and of one length, or not finite.
        """
        return self.stream(playback, seed=seed).play(f0_hz, loudness_db)

    def stream(self, playback: PlaybackControls | None = None, *, seed: int = 0) -> "InstrumentStream":
        """A stream of blocks of any number of frames; together they are exactly the sound of one call."""
        return InstrumentStream(self, playback or PlaybackControls(), seed)


@dataclass
class InstrumentStream:
    """Plays block by block; the controls may change between blocks.

    Attributes:
      instrument: to play.
      playback: settings of the player for the next block.
      seed: of noise.
    """

    instrument: Instrument
    playback: PlaybackControls
    seed: int = 0
    _state: ModelState | None = field(default=None, repr=False)

    def play(
        self, f0_hz: Float[np.ndarray, "..."], loudness_db: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, " time"]:
        """The next frames; arguments and result as of `Instrument`."""
        return self.play_with_controls(f0_hz, loudness_db)[0]

    def play_with_controls(self, f0_hz: np.ndarray, loudness_db: np.ndarray) -> tuple[np.ndarray, Any]:
        """The next frames, and the synthesizer's controls: for FM log2 gains of OP1 to OP6, float32 [frame, 6]."""
        f0_hz, loudness_db = (np.asarray(x, np.float32) for x in (f0_hz, loudness_db))
        if f0_hz.ndim != 1 or f0_hz.shape != loudness_db.shape:
            raise Ddx7Error(f"pitch {f0_hz.shape} and loudness {loudness_db.shape}: wanted two of one length, [frame]")
        if not (np.isfinite(f0_hz).all() and np.isfinite(loudness_db).all()):
            raise Ddx7Error("pitch and loudness: found values that are not finite")
        model, params = self.instrument.model, self.instrument.prepared
        state = model.init_state(params, 1) if self._state is None else self._state
        f0_hz = f0_hz * np.float32(2 ** (self.playback.transpose / 12))
        inputs = scale_inputs(f0_hz, np.maximum(loudness_db, FLOOR_DB))
        increments = model.increments(f0_hz, self.playback)
        settings = model.synthesizer.level_offsets(self.playback), np.float32(self.playback.reverb)
        blocks, controls, start = [np.zeros(0, np.float32)], [], 0
        for n in _block_sizes(len(f0_hz)):
            block = slice(start, start + n)
            audio, block_controls, state = play(
                model, params, inputs[None, block], increments[None, block], *settings, state, self._key
            )
            # NumPy takes the first sound: JAX would compile a program for it, a tenth of the time of a short block.
            blocks.append(np.asarray(audio)[0])
            controls.append(jax.tree.map(lambda x: np.asarray(x)[0], block_controls))
            start += n
        self._state = state
        return np.concatenate(blocks), jax.tree.map(lambda *x: np.concatenate(x), *controls) if controls else None

    @cached_property
    def _key(self) -> jax.Array:
        # Made once: a tenth of the work of a short block.
        return jax.random.key(self.seed)


def _block_sizes(n: int) -> list[int]:
    """Powers of two that add up to a number of frames.

    >>> _block_sizes(517)
    [256, 256, 4, 1]
    """
    rest = n % _MAX_BLOCK_FRAMES
    powers = [1 << k for k in reversed(range(_MAX_BLOCK_FRAMES.bit_length())) if rest >> k & 1]
    return [_MAX_BLOCK_FRAMES] * (n // _MAX_BLOCK_FRAMES) + powers


def shipped() -> list[str]:
    """Names of the instruments that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def load(name: str | Path) -> Instrument:
    """Load an instrument.

    Args:
      name: one of `shipped`, or the path of weights that `save` wrote.

    Raises:
      Ddx7Error: no instrument has that name, or its files are damaged.
    """
    path = SHIPPED / f"{name}.safetensors" if str(name) in shipped() else Path(name)
    if path.suffix != ".safetensors":
        wanted = ", ".join([*shipped(), "the path of a .safetensors file"])
        raise Ddx7Error(f"{name}: no such instrument, wanted one of {wanted}")
    params, card = read_weights(path)
    if "model" not in card:
        raise Ddx7Error(f"{path}: found {card.get('what', 'other weights')}, wanted an instrument")
    return Instrument(ResynthesisModel.from_dict(card["model"]), params, card)


def save(path: Path, instrument: Instrument) -> None:
    """Write an instrument: parameters in half precision, and a card beside them.

    Args:
      path: ends in .safetensors.
      instrument: to write.
    """
    write_weights(path, instrument.params, {**instrument.card, "model": instrument.model.to_dict()})
