"""A decoder and a synthesizer as one model: pitch and loudness in, sound out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt32

from ddx7.audio.features import HOP
from ddx7.errors import Ddx7Error
from ddx7.programs import StoredProgram
from ddx7.resynthesis import reverb
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.hpn import HpnSynth
from ddx7.resynthesis.playback import PlaybackControls
from ddx7.resynthesis.protocols import Decoder, DecoderSize, Params, Synthesizer, array_module
from ddx7.resynthesis.reverb import REVERBS, Reverb, ReverbState
from ddx7.resynthesis.rnn import RnnSize
from ddx7.resynthesis.tcn import TcnSize

T = TypeVar("T")

SYNTHESIZERS: dict[str, type[Synthesizer]] = {"fm": FmSynth, "hpn": HpnSynth}
"""Synthesizers by the name that stands in a model's card."""
DECODERS: dict[str, type[DecoderSize]] = {"tcn": TcnSize, "rnn": RnnSize}
"""Decoders by the name that stands in a model's card."""


class ModelState(NamedTuple):
    """All that passes from one block of frames to the next.

    Attributes:
      decoder: state of the decoder.
      synthesizer: state of the synthesizer.
      reverb: state of the reverb; None without.
      frame: number of the next frame.
      bodies: state of the filter of each body; empty without.
    """

    decoder: Any
    synthesizer: Any
    reverb: ReverbState | None
    frame: Int[Array, ""]
    bodies: tuple[ReverbState, ...] = ()


@dataclass(frozen=True)
class ResynthesisModel:
    """What an instrument is made of; hashable, without parameters.

    Attributes:
      synthesizer: makes the sound.
      decoder: size of the network; its class decides which network.
      sample_rate: in Hz.
      reverb_s: seconds of learned reverb, 0 for none.
      reverb_kind: a name in `REVERBS`: "filtered-noise", or "fir" as published. "two-bodies" needs an `FmSynth`.
    """

    synthesizer: Synthesizer
    decoder: DecoderSize
    sample_rate: int = 16_000
    reverb_s: float = 0.0
    reverb_kind: str = "filtered-noise"

    @property
    def network(self) -> Decoder:
        """The decoder's network, without its parameters."""
        return self.decoder.build(self.synthesizer.n_outputs)

    @property
    def reverb(self) -> Reverb:
        """The reverb, without its parameters."""
        length = round(self.reverb_s * self.sample_rate / HOP) * HOP
        return REVERBS[self.reverb_kind](length, self.sample_rate)

    @property
    def has_bodies(self) -> bool:
        """Whether noise and tone have bodies of their own."""
        return bool(self.reverb_s) and self.reverb_kind == "two-bodies"

    def init(self, key: Key[Array, ""]) -> Params:
        """Random parameters to start the training with."""
        decoder_key, reverb_key = jax.random.split(key)
        params = {"decoder": self.network.init(decoder_key, jnp.zeros((1, 1, 2)))["params"]}
        return {**params, "reverb": self.reverb.init(reverb_key)["params"]} if self.reverb_s else params

    def increments(self, f0_hz: np.ndarray, playback: PlaybackControls | None = None) -> UInt32[np.ndarray, "..."]:
        """Phase increments that `play` and `forward` take, from the fundamental [..., frame]."""
        return self.synthesizer.increments(f0_hz, self.sample_rate, playback)

    def init_state(self, params: Params, n: int) -> ModelState:
        """State of n sounds after endless silence."""
        decoder = self.decoder.initial_state(self.network, params["decoder"], n)
        room = reverb.init_state(n, self.reverb.length) if self.reverb_s else None
        first: Any = np.zeros((), np.int32)
        bodies = tuple(reverb.init_state(n, reverb.BODY_TAPS) for _ in range(reverb.N_BODIES * self.has_bodies))
        synthesizer = self.synthesizer.init_state(n)
        synthesizer = (synthesizer,) * reverb.N_BODIES if self.has_bodies else synthesizer
        return ModelState(decoder, synthesizer, room, first, bodies)

    def prepare(self, params: Params) -> Params:
        """Parameters in the form that plays fastest, which `init_state` and `play` take."""
        prepared: Params = {"decoder": self.decoder.prepare(params["decoder"])}
        if self.reverb_s:
            variables = {"params": params["reverb"]}
            split: Any = self.reverb.apply(variables, method="split")
            dry, tail = split
            prepared["reverb"] = reverb.partitions(tail)
            if self.has_bodies:
                prepared["bodies"] = array_module(dry).stack([reverb.partitions(body, direct=True) for body in dry])
            elif len(dry) > 1:  # else the dry sound stays as it is
                dry = array_module(dry).pad(dry, (0, self.reverb.length - len(dry)))
                prepared["body"] = reverb.partitions(dry), dry[0]
        return prepared

    def impulse_response(self, params: Params, key: Key[Array, ""] | None = None) -> Float[Array, " tap"]:
        """Impulse response of the learned reverb, with a key of another room; its first sample is the dry sound."""
        response: Any = self.reverb.apply({"params": params["reverb"]}, key)
        return response

    def forward(
        self,
        params: Params,
        inputs: Float[Array, "sound context 2"],
        increments: UInt32[Array, "sound frame ..."],
        key: Key[Array, ""] | None = None,
    ) -> Float[Array, "sound time"]:
        """Sound of whole segments, with a gradient.

        Args:
          params: as `init` makes them.
          inputs: from `scale_inputs`; frames before those of `increments` are context for the decoder.
          increments: from `increments`, of the frames to play.
          key: of dropout and noise; without one there is no dropout.

        Returns:
          64 samples for each frame of `increments`.
        """
        dropout_key, noise_key = jax.random.split(jax.random.key(0) if key is None else key)
        rngs = {} if key is None else {"dropout": dropout_key}
        raw, _ = self.network.apply({"params": params["decoder"]}, inputs, dropout=key is not None, rngs=rngs)
        controls = self.synthesizer.get_controls(raw[:, -increments.shape[1] :])
        state, frame = self.synthesizer.init_state(len(inputs)), jnp.zeros((), jnp.int32)
        heard = sounding(inputs[:, -increments.shape[1] :])
        # Training uses another room in every step, or the network would undo the one that it knows.
        room_key = None if key is None else jax.random.fold_in(noise_key, 1)
        if self.has_bodies:
            synthesizer = _fm(self.synthesizer)
            stems, _ = synthesizer.get_stems(controls, increments, (state,) * 2, noise_key, differentiable=True)
            split: Any = self.reverb.apply({"params": params["reverb"]}, room_key, method="split")
            bodies, room = split
            noise, tone = (reverb.convolve(stems[:, k] * heard, body) for k, body in enumerate(bodies))
            return reverb.convolve(noise + tone, room.at[0].set(1.0))
        audio, _ = self.synthesizer.get_signal(controls, increments, state, noise_key, frame, differentiable=True)
        audio = audio * heard
        if self.reverb_s:
            audio = reverb.convolve(audio, self.impulse_response(params, room_key))
        return audio

    def to_dict(self) -> dict[str, Any]:
        """The model as JSON values."""
        return {
            "synthesizer": {"kind": _name_of(self.synthesizer, SYNTHESIZERS), **self.synthesizer.to_dict()},
            "decoder": {"kind": _name_of(self.decoder, DECODERS), **self.decoder.to_dict()},
            "sample_rate": self.sample_rate,
            "reverb_s": self.reverb_s,
            "reverb_kind": self.reverb_kind,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ResynthesisModel":
        """The model that `to_dict` describes.

        Raises:
          Ddx7Error: the data name a synthesizer, decoder or reverb that is not registered.
        """
        synthesizer, decoder = dict(data["synthesizer"]), dict(data["decoder"])
        synthesizer_type = _registered(SYNTHESIZERS, synthesizer.pop("kind"), "synthesizer")
        decoder_type = _registered(DECODERS, decoder.pop("kind"), "decoder")
        _registered(REVERBS, data["reverb_kind"], "reverb")
        return cls(
            synthesizer_type.from_dict(synthesizer),
            decoder_type.from_dict(decoder),
            data["sample_rate"],
            data["reverb_s"],
            data["reverb_kind"],
        )


def _name_of(part: object, registry: Mapping[str, type]) -> str:
    for name, kind in registry.items():
        if type(part) is kind:
            return name
    raise Ddx7Error(f"{type(part).__name__} has no name for a card, wanted one of {', '.join(registry)}")


def _fm(synthesizer: Synthesizer) -> FmSynth:
    if isinstance(synthesizer, FmSynth):
        return synthesizer
    raise Ddx7Error("reverb: two bodies were found beside a synthesizer without operators, wanted FM")


def _registered(registry: Mapping[str, T], name: str, what: str) -> T:
    if name not in registry:
        raise Ddx7Error(f"found a {what} {name!r}, wanted one of {', '.join(registry)}")
    return registry[name]


def scale_inputs(f0_hz: Any, loudness_db: Any) -> Any:
    """Pitch and loudness as decoders take them: MIDI note over 127, dB above -80 over 80; float32 [..., 2].

    Source: the published code of DDX7.
    """
    xp = jnp if isinstance(f0_hz, jax.Array) else np
    note = 69 + 12 * xp.log2(xp.maximum(f0_hz, 1e-3) / 440.0)
    pitch = xp.where(f0_hz > 0, note / 127, 0.0)
    return xp.stack([pitch, loudness_db / 80 + 1], axis=-1).astype(np.float32)


def pitch_hz(inputs: Float[Array, "sound frame 2"]) -> Float[Array, "sound frame"]:
    """The fundamental that `scale_inputs` was given; an unknown one counts as that of MIDI note 0."""
    return 440.0 * jnp.exp2((127 * inputs[..., 0] - 69) / 12)


def sounding(inputs: Float[Array, "sound frame 2"]) -> Float[Array, "sound time"]:
    """1 for each sample of frames above the lowest loudness, else 0: digital silence stays silent but for reverb."""
    return jnp.repeat(jnp.where(inputs[..., 1] > 0, 1.0, 0.0), HOP, axis=1)


def key_data(seed: int) -> UInt32[np.ndarray, " 2"]:
    """What `jax.random.key` makes of a seed, without starting it."""
    return np.array([0, seed % (1 << 32)], np.uint32)


def play(
    model: ResynthesisModel,
    params: Params,
    inputs: Float[Array | np.ndarray, "sound frame 2"],
    increments: UInt32[Array | np.ndarray, "sound frame ..."],
    offsets: Float[Array | np.ndarray, " 6"],
    wet: Float[Array | np.ndarray | np.floating, ""],
    state: ModelState,
    key: UInt32[Array | np.ndarray, " 2"],
) -> tuple[Float[Array, "sound time"], Any, ModelState]:
    """Play a block of frames.

    Args:
      model: to play.
      params: from `ResynthesisModel.prepare`.
      inputs: from `scale_inputs`.
      increments: from `ResynthesisModel.increments`.
      offsets: log2 gains that the player adds to OP1 to OP6.
      wet: level of the reverb, 1 as learned; without effect where there is none.
      state: from `ResynthesisModel.init_state`, or after the frames before.
      key: data of the key of noise, uint32 [2].

    Returns:
      (sound, controls of the synthesizer, state after the block).
    """
    return _program(model)(params, inputs, increments, offsets, wet, state, key)


@lru_cache(maxsize=16)
def _program(model: ResynthesisModel) -> StoredProgram:
    return StoredProgram("resynthesis", lambda: partial(_play, model), str(model))


def _play(
    model: ResynthesisModel,
    params: Params,
    inputs: Array,
    increments: Array,
    offsets: Array,
    wet: Array,
    state: ModelState,
    key: Array,
) -> tuple[Array, Any, ModelState]:
    network, synthesizer = model.network, model.synthesizer
    key = jax.random.wrap_key_data(key)

    def one(state: Any, x: Array) -> tuple[Any, Array]:
        raw, state = network.apply({"params": params["decoder"]}, x[:, None], state)
        return state, raw[:, 0]

    # Frame by frame even where many are known, so that the sound does not depend on the size of the blocks.
    decoder_state, raw = jax.lax.scan(one, state.decoder, jnp.moveaxis(inputs, 1, 0))
    controls = synthesizer.adjust_controls(synthesizer.get_controls(jnp.moveaxis(raw, 0, 1)), offsets)
    bodies_state = state.bodies
    if bodies_state:
        stems, synthesizer_state = _fm(synthesizer).get_stems(controls, increments, state.synthesizer, key)
        stems = stems * sounding(inputs)[:, None]
        filtered, bodies_state = zip(
            *(
                reverb.convolve_frames(stems[:, k].reshape(len(stems), -1, HOP), params["bodies"][k], body_state)
                for k, body_state in enumerate(bodies_state)
            ),
            strict=True,
        )
        noise, tone = filtered
        audio = (noise + tone).reshape(len(stems), -1)
    else:
        audio, synthesizer_state = synthesizer.get_signal(controls, increments, state.synthesizer, key, state.frame)
        audio = audio * sounding(inputs)
    reverb_state = state.reverb
    if reverb_state is not None:
        parts, level, framed = params["reverb"], 1.0, audio.reshape(len(audio), -1, HOP)
        if "body" in params:
            body, level = params["body"]
            parts, wet = wet * parts + body, jnp.ones(())
        added, reverb_state = reverb.convolve_frames(framed, parts, reverb_state)
        audio = level * audio + wet * added.reshape(len(audio), -1)
    frame = state.frame + inputs.shape[1]
    return audio, controls, ModelState(decoder_state, synthesizer_state, reverb_state, frame, bodies_state)


def n_params(params: Any) -> int:
    """Number of learned values."""
    return sum(x.size for x in jax.tree.leaves(params))
