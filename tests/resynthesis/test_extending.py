"""A synthesizer that is not part of the package: it plays, saves and loads like the others."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from playing import quick_jit

from ddx7 import resynthesis
from ddx7.resynthesis.model import SYNTHESIZERS, ResynthesisModel
from ddx7.resynthesis.protocols import Synthesizer
from ddx7.resynthesis.tcn import TcnSize


@dataclass(frozen=True)
class SineSynth(Synthesizer):
    """One sine at the fundamental; its control is an amplitude [sound, frame]."""

    @property
    def n_outputs(self) -> int:
        return 1

    def get_controls(self, raw: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(raw[..., 0])

    def init_state(self, n: int) -> jax.Array:
        return jnp.zeros(n, jnp.uint32)  # phase, 2^32 for one cycle

    def get_signal(
        self,
        controls: jax.Array,
        increments: jax.Array,
        state: jax.Array,
        key: jax.Array,
        frame: jax.Array,
        *,
        differentiable: bool = False,
    ) -> tuple[jax.Array, jax.Array]:
        amplitude, steps = (jnp.repeat(x, 64, axis=1) for x in (controls, increments))
        phase = state[:, None] + jnp.cumsum(steps, axis=1, dtype=jnp.uint32)
        return amplitude * jnp.sin(phase * (2 * jnp.pi / 2**32)), phase[:, -1]


def test_a_new_synthesizer_plays_streams_saves_and_loads(tmp_path, monkeypatch):
    monkeypatch.setitem(SYNTHESIZERS, "sine", SineSynth)
    model = ResynthesisModel(SineSynth(), TcnSize(4, 3, (1,), "all", 0.0))
    instrument = resynthesis.Instrument(model, quick_jit(model.init)(jax.random.key(0)), {"what": "a sine"})
    f0_hz, loudness_db = np.full(32, 500.0), np.linspace(-60.0, -10.0, 32)
    audio = instrument(f0_hz, loudness_db)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    assert np.argmax(spectrum) == round(500 * len(audio) / 16_000)
    stream = instrument.stream()
    blocks = [stream.play(f0_hz[a:b], loudness_db[a:b]) for a, b in ((0, 8), (8, 16), (16, 32))]
    np.testing.assert_array_equal(np.concatenate(blocks), audio)
    resynthesis.save(tmp_path / "sine.safetensors", instrument)
    loaded = resynthesis.load(tmp_path / "sine.safetensors")
    assert loaded.model == model
    np.testing.assert_allclose(loaded(f0_hz, loudness_db), audio, atol=0.01)  # half precision


def test_a_new_synthesizer_has_a_gradient():
    model = ResynthesisModel(SineSynth(), TcnSize(4, 3, (1,), "all", 0.0))
    params: Any = quick_jit(model.init)(jax.random.key(0))
    inputs = jnp.ones((1, 8, 2))
    increments = jnp.asarray(model.increments(np.full((1, 8), 500.0)))
    grads = quick_jit(jax.grad(lambda p: jnp.square(model.forward(p, inputs, increments)).mean()))(params)
    assert any(np.abs(g).max() > 0 for g in jax.tree.leaves(grads))
