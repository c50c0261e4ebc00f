"""Fit a voice to a sound by gradient descent, and save it for a DX7.

The target is a voice that the engine plays, or the first note of a recording (`--recording note.wav --note 67`).
"""

import argparse
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import optax

import ddx7
from ddx7 import engine
from ddx7.audio import log_mel_distance, perceptual_distance, read_audio, target_features

RATE, DURATION, GATE = 44_100, 0.5, 0.3
FITTED = ("rates", "levels", "output_level", "feedback", "velocity_sensitivity")
"""Fields to fit. Frequencies are not among them: the distance has a local minimum at every harmonic."""


def fit(target: np.ndarray, start: ddx7.Voice, *, note: int = 60, steps: int = 150) -> tuple[ddx7.Voice, list[float]]:
    """Move a voice towards a sound.

    Args:
      target: float32 [time] at 44.1 kHz; the first half second counts.
      start: gives the algorithm, the frequencies and all that is not fitted.
      note: MIDI note of the sound.
      steps: of Adam.

    Returns:
      the fitted voice, and the distance before each step.
    """
    target = target[: round(DURATION * RATE)]
    features, relaxed = target_features(target, RATE), engine.relax(start)
    params = {name: getattr(relaxed, name) for name in FITTED}

    def loss_fn(params):
        patch = replace(relaxed, **params)
        audio = engine.render_differentiable(patch, note, 100, GATE, len(target) / RATE, RATE)
        return perceptual_distance(features, audio)

    value_and_grad = jax.jit(jax.value_and_grad(loss_fn))
    optimiser = optax.adam(optax.cosine_decay_schedule(2.0, max(steps, 1)))
    opt_state, losses = optimiser.init(params), []
    for _ in range(steps):
        loss, grads = value_and_grad(params)
        updates, opt_state = optimiser.update(grads, opt_state)
        params = optax.apply_updates(params, updates)
        losses.append(float(loss))
    return engine.quantise(replace(relaxed, **params), name="FITTED"), losses


def main() -> None:
    """Fit, save, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--note", type=int, default=60)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--output", type=Path, default=Path("fitted.syx"))
    options = parser.parse_args()

    operator = ddx7.Operator(output_level=80, levels=(99, 90, 90, 0), rates=(70, 50, 30, 60))
    start = ddx7.Voice(algorithm=16, operators=(operator,) * 6)
    if options.recording:
        target = read_audio(options.recording, sample_rate=RATE).samples
    else:
        bright = replace(operator, output_level=70, rates=(99, 60, 40, 60), levels=(99, 60, 30, 0))
        hidden = replace(start, operators=(replace(operator, output_level=99),) + (bright,) * 5)
        target = ddx7.render(hidden, note=options.note, gate=GATE, duration=DURATION)

    voice, losses = fit(target, start, note=options.note, steps=options.steps)
    for name, each in (("start", start), ("fitted", voice)):
        audio = ddx7.render(each, note=options.note, gate=GATE, duration=DURATION)
        print(f"{name}: {log_mel_distance(target[: len(audio)], audio):.1f} dB")
    ddx7.save(voice, options.output)
    print(f"{options.output}: {losses[0]:.1f} to {losses[-1]:.1f} in {len(losses)} steps")


if __name__ == "__main__":
    main()
