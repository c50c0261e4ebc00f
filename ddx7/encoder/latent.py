"""A latent space of voices by sound: `encode` renders and embeds voices, `decode` samples voices from embeddings.

The preset model learns to predict a voice's bytes from its notes, so an embedding holds what the bytes depend on. A
point between two embeddings need not sound between the two voices; a caller that relies on that has to measure it.
"""

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.encoder.examples import render_spectrograms
from ddx7.encoder.sampler import NoteInputs, VoiceSampler, load_default

PROBE_NOTES = np.array([(60, 100, 1.0), (48, 60, 0.4)], np.float32)
"""MIDI note, velocity and gate in seconds of the notes that embed a voice: two, as in training, and unlike."""
TEMPERATURE = 0.6


def encode(
    vced: UInt8[np.ndarray, "voice 155"], sampler: VoiceSampler | None = None
) -> Float[np.ndarray, "voice embedding"]:
    """Embed voices by their sound on `PROBE_NOTES`.

    Args:
      vced: the voices, legal bytes.
      sampler: a trained model; the shipped one if not given.
    """
    note_events = np.tile(PROBE_NOTES, (len(vced), 1))
    spectrograms, _ = render_spectrograms(np.repeat(vced, len(PROBE_NOTES), axis=0), note_events)
    by_voice = spectrograms.reshape(len(vced), len(PROBE_NOTES), *spectrograms.shape[1:])
    return (sampler or load_default()).embed([NoteInputs(notes, PROBE_NOTES) for notes in by_voice])


def decode(
    embeddings: Float[np.ndarray, "voice embedding"],
    n: int = 1,
    *,
    seed: int = 0,
    temperature: float = TEMPERATURE,
    sampler: VoiceSampler | None = None,
) -> UInt8[np.ndarray, "voice {n} 155"]:
    """Sample voices from embeddings.

    Args:
      embeddings: as `encode` returns them, or points between.
      n: voices per embedding. Samples differ, so the nearest of several sounds closer than a single one.
      seed: of the random numbers.
      temperature: 1 samples the learned distribution; lower values favour likely voices.
      sampler: a trained model; the shipped one if not given.

    Returns:
      legal voices, named INIT VOICE.
    """
    vced = (sampler or load_default()).decode(np.repeat(embeddings, n, axis=0), seed, temperature)
    return vced.reshape(len(embeddings), n, -1)
