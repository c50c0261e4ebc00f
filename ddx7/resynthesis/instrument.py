"""A learned instrument: pitch and loudness in, sound out; whole recordings, or blocks as they come."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, UInt32

from ddx7.audio.features import HOP
from ddx7.audio.live_features import LOUDNESS_DELAY_S, FeatureStream
from ddx7.audio.loudness import FLOOR_DB, shift_loudness
from ddx7.errors import Ddx7Error
from ddx7.resynthesis.model import ModelState, ResynthesisModel, key_data, play, scale_inputs
from ddx7.resynthesis.playback import PlaybackControls
from ddx7.resynthesis.protocols import Params
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights

SHIPPED = SHIPPED_WEIGHTS / "resynthesis"
_MAX_BLOCK_FRAMES = 256
"""Frames in one call of the compiled program. Block sizes are powers of two, so that a few programs play any length."""


LATENCY_S = LOUDNESS_DELAY_S + 0.5 * HOP / 16_000
"""From a sound to the answer of `InstrumentStream.play_audio` at 16 kHz: 18 ms, half a window of loudness and half a
frame. Buffers of the sound card come on top."""


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
        return self.play_with_controls(f0_hz, loudness_db, playback, seed=seed)[0]

    def play_with_controls(
        self,
        f0_hz: Float[np.ndarray, "..."],
        loudness_db: Float[np.ndarray, "..."],
        playback: PlaybackControls | None = None,
        *,
        seed: int = 0,
    ) -> tuple[Float[np.ndarray, " time"], Any]:
        """Play, and return the sound and the synthesizer's controls; arguments, result and errors as of a call.

        The last frame is repeated until one size of block plays all: one program is compiled, not one for each size.
        """
        f0_hz, loudness_db = (np.asarray(x, np.float32) for x in (f0_hz, loudness_db))
        stream = self.stream(playback, seed=seed)
        n = len(f0_hz) if f0_hz.ndim == 1 else 0
        size = min(1 << max(n - 1, 0).bit_length(), _MAX_BLOCK_FRAMES)
        if not n or f0_hz.shape != loudness_db.shape:
            return stream.play_with_controls(f0_hz, loudness_db)
        padded = (np.pad(x, (0, -n % size), mode="edge") for x in (f0_hz, loudness_db))
        audio, controls = stream.play_with_controls(*padded)
        return audio[: n * HOP], jax.tree.map(lambda x: x[:n], controls)

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
      input_gain_db: what `play_audio` adds to the level of its input before the instrument, and takes off the sound
        after it: a soft microphone plays loud passages with it, and stays soft.
    """

    instrument: Instrument
    playback: PlaybackControls
    seed: int = 0
    input_gain_db: float = 0.0
    _features: FeatureStream | None = field(default=None, repr=False)
    _due: np.ndarray = field(default_factory=lambda: np.zeros(HOP - 1, np.float32), repr=False)
    _state: ModelState | None = field(default=None, repr=False)

    def play(
        self, f0_hz: Float[np.ndarray, "..."], loudness_db: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, " time"]:
        """The next frames; arguments and result as of `Instrument`."""
        return self.play_with_controls(f0_hz, loudness_db)[0]

    def play_audio(self, block: Float[np.ndarray, "..."]) -> Float[np.ndarray, " time"]:
        """The instrument's answer to the next samples of a sound, as many samples as come in, `LATENCY_S` late.

        Pitch and loudness are measured from what has come in so far. Blocks of any size give the sound of the whole.

        Args:
          block: float [time] at the model's sample rate.

        Returns:
          float32 [time]; silence before the first clear pitch.

        Raises:
          AudioError: the block is not one-dimensional, or not finite.
        """
        if self._features is None:
            self._features = FeatureStream(self.instrument.model.sample_rate)
        heard = self._features.push(block)
        gain_db = self.instrument.card.get("range", {}).get("gain_db", 0.0) + self.input_gain_db
        loudness_db = np.where(heard.f0_hz > 0, shift_loudness(heard.loudness_db, gain_db), FLOOR_DB)
        sound = self.play(heard.f0_hz, loudness_db) * np.float32(10 ** (-gain_db / 20))
        due = np.concatenate([self._due, sound])
        self._due = due[len(block) :]
        return due[: len(block)]

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
    def _key(self) -> UInt32[np.ndarray, " 2"]:
        return key_data(self.seed)


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
        wanted = f"{', '.join(shipped())} or the path of a .safetensors file"
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
