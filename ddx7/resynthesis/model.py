"""A network and a synthesiser as one: pitch and loudness in, sound out."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt32

from ddx7.audio.features import HOP
from ddx7.resynthesis import reverb
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.hpn import HpnSynth, Rnn, RnnSize
from ddx7.resynthesis.reverb import FilteredNoiseReverb, FirReverb, Reverb
from ddx7.resynthesis.structure import Structure
from ddx7.resynthesis.tcn import Tcn, TcnSize, folded

Network = Tcn | Rnn
Synth = FmSynth | HpnSynth


class ModelState(NamedTuple):
    """All that is remembered between two runs of frames.

    Attributes:
      network: of the network.
      synth: of the synthesiser.
      room: of the reverb; None without.
      frame: number of the next frame.
    """

    network: Any
    synth: Any
    room: Any
    frame: Array


@dataclass(frozen=True)
class ResynthesisModel:
    """What is learned and played; hashable, without weights.

    Attributes:
      synth: what makes the sound.
      size: of the network; the kind of size says which network.
      sample_rate: in Hz.
      room_s: seconds of learned reverb, 0 for none.
      room_kind: "bands", or "taps" as published.
    """

    synth: Synth
    size: TcnSize | RnnSize
    sample_rate: int = 16_000
    room_s: float = 0.0
    room_kind: str = "bands"

    @property
    def network(self) -> Network:
        """The network, without its weights."""
        n = self.synth.n_outputs
        return Tcn(self.size, n) if isinstance(self.size, TcnSize) else Rnn(self.size, n)

    @property
    def room(self) -> Reverb:
        """The reverb, without its weights."""
        kind = FilteredNoiseReverb if self.room_kind == "bands" else FirReverb
        return kind(round(self.room_s * self.sample_rate / HOP) * HOP, self.sample_rate)

    def init(self, key: Array) -> Any:
        """Weights to begin with."""
        for_network, for_room = jax.random.split(key)
        weights = {"network": self.network.init(for_network, jnp.zeros((1, 1, 2)))["params"]}
        return {**weights, "room": self.room.init(for_room)["params"]} if self.room_s else weights

    def increments(self, f0_hz: np.ndarray) -> np.ndarray:
        """Phase advances for `run`, from the fundamental [..., frame]."""
        return self.synth.increments(f0_hz, self.sample_rate)

    def begin(self, weights: Any, n: int) -> ModelState:
        """Before the first frame of n sounds: silence has lasted for ever."""
        network: Any = self.network
        quiet = jnp.zeros((n, 1, 2))
        _, shapes = jax.eval_shape(lambda w: network.apply({"params": w}, quiet), weights["network"])
        memory = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        room = reverb.begin(n, self.room.length) if self.room_s else None
        return ModelState(memory, self.synth.begin(n), room, jnp.zeros((), jnp.int32))

    def for_playing(self, weights: Any) -> Any:
        """What `begin` and `run` take: weights in the form that takes the least work."""
        ready = {"network": folded(weights["network"]) if isinstance(self.size, TcnSize) else weights["network"]}
        return {**ready, "room": reverb.partitions(self.response(weights))} if self.room_s else ready

    def raw(
        self, weights: Any, inputs: Float[Array, "sound frame 2"], key: Array | None = None
    ) -> Float[Array, "sound frame n"]:
        """Outputs of the network for whole sounds; with a key, as in training with dropout."""
        network: Any = self.network
        rngs = {} if key is None else {"dropout": key}
        return network.apply({"params": weights["network"]}, inputs, dropout=key is not None, rngs=rngs)[0]

    def response(self, weights: Any) -> Float[Array, " tap"]:
        """Of the learned reverb."""
        room: Any = self.room
        return room.apply({"params": weights["room"]})

    def learn(
        self,
        weights: Any,
        inputs: Float[Array, "sound lead+frame 2"],
        increment: UInt32[Array, "sound frame ..."],
        key: Array | None = None,
    ) -> Float[Array, "sound sample"]:
        """Sound with a gradient, of as many frames as have increments, the last; dropout only with a key."""
        dropout, noise = jax.random.split(jax.random.key(0) if key is None else key)
        raw = self.raw(weights, inputs, None if key is None else dropout)[:, -increment.shape[1] :]
        first = jnp.zeros((), jnp.int32)
        synth: Any = self.synth
        controls, state = synth.controls(raw), synth.begin(len(inputs))
        audio, _ = synth.play(controls, increment, state, noise, first, learning=True)
        if self.room_s:
            audio = reverb.convolve(audio, self.response(weights))
        return audio


def scaled(f0_hz: Any, loudness_db: Any) -> Any:
    """Pitch and loudness as networks take them in: MIDI note over 127, decibels above -80 over 80; [..., 2].

    Source: the published code of DDX7.
    """
    xp = jnp if isinstance(f0_hz, jax.Array) else np
    note = 69 + 12 * xp.log2(xp.maximum(f0_hz, 1e-3) / 440.0)
    pitch = xp.where(f0_hz > 0, note / 127, 0.0)
    return xp.stack([pitch, loudness_db / 80 + 1], axis=-1).astype(np.float32)


@partial(jax.jit, static_argnums=0)
def run(
    model: ResynthesisModel,
    weights: Any,
    inputs: Float[Array, "sound frame 2"],
    increment: UInt32[Array, "sound frame ..."],
    offsets: Float[Array, " 6"],
    wet: Float[Array, ""],
    memory: ModelState,
    key: Array,
) -> tuple[Float[Array, "sound sample"], Any, ModelState]:
    """Play frames after those that the memory knows.

    Args:
      model: what is played.
      weights: from `ResynthesisModel.for_playing`.
      inputs: from `scaled`.
      increment: from `ResynthesisModel.increments`.
      offsets: added to log2 gains of OP1 to OP6, how a player turns knobs; without effect on harmonics and noise.
      wet: how much of the room is heard, 1 as learned; without effect where there is none.
      memory: from `ResynthesisModel.begin` or the frames before.
      key: of noise.

    Returns:
      (sound, controls of the synthesiser, memory after it).
    """
    network: Any = model.network
    synth: Any = model.synth

    def one(kept: Any, x: Array) -> tuple[Any, Array]:
        raw, kept = network.apply({"params": weights["network"]}, x[:, None], kept)
        return kept, raw[:, 0]

    # Frame after frame even where many are known, so that a sound never hangs on how it was cut.
    kept, raw = jax.lax.scan(one, memory.network, jnp.moveaxis(inputs, 1, 0))
    controls: Any = synth.controls(jnp.moveaxis(raw, 0, 1))
    if isinstance(model.synth, FmSynth):
        controls = jnp.minimum(controls + offsets, 1.0)
    audio, state = synth.play(controls, increment, memory.synth, key, memory.frame)
    room = memory.room
    if model.room_s:
        added, room = reverb.frame_by_frame(audio.reshape(len(audio), -1, HOP), weights["room"], room)
        audio = audio + wet * added.reshape(len(audio), -1)
    return audio, controls, ModelState(kept, state, room, memory.frame + inputs.shape[1])


def n_weights(weights: Any) -> int:
    """How many numbers are learned."""
    return sum(x.size for x in jax.tree.leaves(weights))


def to_dict(model: ResynthesisModel) -> dict[str, Any]:
    """As JSON values."""
    synth = model.synth._asdict()
    if isinstance(model.synth, FmSynth):
        synth = {**synth, "structure": model.synth.structure.to_dict()}
    return {
        "kind": "fm" if isinstance(model.synth, FmSynth) else "hpn",
        "synth": synth,
        "size": model.size._asdict(),
        "sample_rate": model.sample_rate,
        "room_s": model.room_s,
        "room_kind": model.room_kind,
    }


def from_dict(data: dict[str, Any]) -> ResynthesisModel:
    """From what `to_dict` made."""
    synth, size, room = data["synth"], data["size"], (data["room_s"], data.get("room_kind", "taps"))
    if data["kind"] == "fm":
        structure = Structure.from_dict(synth["structure"])
        return ResynthesisModel(
            FmSynth(structure, synth["scaling"]),
            TcnSize(**{**size, "dilations": tuple(size["dilations"])}),
            data["sample_rate"],
            *room,
        )
    return ResynthesisModel(HpnSynth(**synth), RnnSize(**size), data["sample_rate"], *room)
