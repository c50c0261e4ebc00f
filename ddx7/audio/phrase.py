"""The choice of a part of a long recording."""

import numpy as np


def best_part(samples: np.ndarray, sample_rate: int, longest_s: float | int) -> tuple[float, float]:
    """The part of a recording with the most energy.

    Args:
      samples: float [time], mono.
      sample_rate: in Hz.
      longest_s: length of the part in seconds.

    Returns:
      start and stop in seconds; of a shorter recording, all of it.
    """
    length = round(longest_s * sample_rate)
    if len(samples) <= length:
        return 0.0, len(samples) / sample_rate
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return start / sample_rate, (start + length) / sample_rate
