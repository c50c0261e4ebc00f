from collections.abc import Callable

import numpy as np
import pytest
import scipy.signal

Tone = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def tone() -> Tone:
    """Additive tones: `tone(f0_hz, {ratio: amplitude}, attack_s=, decay_per_s=, seconds=, sample_rate=)`."""

    def make(
        f0_hz: float,
        partials: dict[float, float] | None = None,
        *,
        attack_s: float = 0.005,
        decay_per_s: float = 3.0,
        seconds: float = 1.5,
        sample_rate: int = 44_100,
    ) -> np.ndarray:
        t = np.arange(round(seconds * sample_rate)) / sample_rate
        partials = partials or {k: 1 / k for k in range(1, 13)}
        phases = np.random.default_rng(0).uniform(0, 2 * np.pi, len(partials))
        heard = [
            (r, a, p) for (r, a), p in zip(partials.items(), phases, strict=True) if r * f0_hz < 0.45 * sample_rate
        ]
        wave = sum(a * np.sin(2 * np.pi * r * f0_hz * t + p) for r, a, p in heard)
        return (0.2 * wave * np.minimum(t / attack_s, 1) * np.exp(-decay_per_s * t)).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def plain_stft() -> Callable[[np.ndarray, int, int], np.ndarray]:
    """`plain_stft(audio [time], n_fft, hop)`: magnitudes [frame, bin], frame by frame (librosa's compiles for 25 s)."""

    def stft(audio: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
        padded = np.pad(audio.astype(np.float64), n_fft // 2)
        window = scipy.signal.get_window("hann", n_fft)
        starts = range(0, len(padded) - n_fft + 1, hop)
        return np.abs([np.fft.rfft(window * padded[start : start + n_fft]) for start in starts])

    return stft
