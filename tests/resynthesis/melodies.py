"""Sounds to learn from."""

import numpy as np

RATE = 16_000


def melody(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Notes of a clear pitch with short rests between them."""
    rng = np.random.default_rng(seed)
    notes = []
    for _ in range(int(seconds / 0.5)):
        f0_hz, t = 220 * 2 ** (rng.integers(0, 13) / 12), np.arange(RATE // 2) / RATE
        tone = sum(np.sin(2 * np.pi * k * f0_hz * t) / k**1.5 for k in range(1, 9))
        notes.append(rng.uniform(0.2, 0.6) * tone * np.minimum(1, np.minimum(t, 0.5 - t) * 30))
    x = np.concatenate(notes) + 1e-3 * rng.normal(size=int(seconds / 0.5) * (RATE // 2))
    return (x / np.abs(x).max()).astype(np.float32)
