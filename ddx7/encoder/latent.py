"""A space of voices by sound: a voice is played and heard, and from what was heard voices are drawn again.

The ear was taught to name a voice's bytes from its notes, so what it keeps of them is what the bytes hang on. Between
two such points lies what the ear takes for a sound between; whether there is one, listening must tell.
"""

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.encoder.examples import render_spectrograms
from ddx7.encoder.sampler import NoteInputs, VoiceSampler, shipped

PROBE_NOTES = np.array([(60, 100, 1.0), (48, 60, 0.4)], np.float32)
"""Key, velocity and seconds held of the notes that a voice is heard by: two, as in training, and unlike."""
TEMPERATURE = 0.6


def encode(vced: UInt8[np.ndarray, "voice 155"], ear: VoiceSampler | None = None) -> Float[np.ndarray, "voice heard"]:
    """Where voices lie.

    Args:
      vced: the voices, legal bytes.
      ear: instead of the one that comes with the package.
    """
    pictures, _ = render_spectrograms(np.repeat(vced, len(PROBE_NOTES), axis=0), np.tile(PROBE_NOTES, (len(vced), 1)))
    of_voices = pictures.reshape(len(vced), len(PROBE_NOTES), *pictures.shape[1:])
    return (ear or shipped()).hear([NoteInputs(notes, PROBE_NOTES) for notes in of_voices])


def decode(
    latent: Float[np.ndarray, "voice heard"],
    n: int = 1,
    *,
    seed: int = 0,
    temperature: float = TEMPERATURE,
    ear: VoiceSampler | None = None,
) -> UInt8[np.ndarray, "voice n 155"]:
    """Voices that lie at, or near, some places.

    Args:
      latent: the places.
      n: how many voices for each; of chance, so the nearest of several is worth looking for.
      seed: of chance.
      temperature: 1 draws as learned, less keeps to what is likely.
      ear: instead of the one that comes with the package.

    Returns:
      legal voices, named INIT VOICE.
    """
    drawn = (ear or shipped()).draw(np.repeat(latent, n, axis=0), seed, temperature)
    return drawn.reshape(len(latent), n, -1)
