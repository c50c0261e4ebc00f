"""What the ear proposes for a recording: voices to begin a search with."""

import numpy as np

from ddx7.encoder.sampler import VoiceSampler
from ddx7.matching.prior import apply_detune, columns, force_release
from ddx7.matching.target import Target

# A voice may sound an octave off its key, and a pitch may be measured an octave off: how many octaves below the
# measured pitch the key is taken to be, and the share of the proposals.
_OCTAVES = {0: 0.7, 1: 0.15, -1: 0.15}
_SEMITONES = 12
# Below 1 draws keep to what is likely: of 64 on held-out voices the best, by the search's distance, comes 10 % nearer
# at 0.5 or 0.7 than at 1, and at 0.3 too many are alike.
_TEMPERATURE = 0.6


def proposals(proposer: VoiceSampler, target: Target, n: int, seed: int = 0) -> np.ndarray:
    """Voices that may sound like a recording on its keys.

    Args:
      proposer: the ear.
      target: the recording.
      n: how many voices; of fewer, the first ones.
      seed: of chance.

    Returns:
      uint8 [n, 155], legal; every note ends.
    """
    counts = [round(share * n) for share in _OCTAVES.values()]
    counts[0] += n - sum(counts)
    found, places = [], []
    for octave, count in zip(_OCTAVES, counts, strict=True):
        vced = proposer.sample(target.heard(octave), count, seed, _TEMPERATURE)
        [place] = columns("transpose")
        moved = vced[:, place].astype(int) - _SEMITONES * octave
        vced[:, place] = np.clip(moved, 0, 4 * _SEMITONES)
        found.append(vced)
        places.append((np.arange(count) + 0.5) / max(count, 1))
    mixed = np.concatenate(found)[np.argsort(np.concatenate(places), kind="stable")]
    return force_release(apply_detune(mixed, target.cents))
