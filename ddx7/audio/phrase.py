"""Which part of a long recording to listen to."""

import numpy as np


def best_part(samples: np.ndarray, sample_rate: int, longest_s: float) -> tuple[float, float]:
    """The loudest stretch of a recording, by energy.

    Args:
      samples: float [time], mono.
      sample_rate: in Hz.
      longest_s: its length in seconds.

    Returns:
      start and stop in seconds; all of a recording that is no longer than that.
    """
    length = round(longest_s * sample_rate)
    if len(samples) <= length:
        return 0.0, len(samples) / sample_rate
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return start / sample_rate, (start + length) / sample_rate
