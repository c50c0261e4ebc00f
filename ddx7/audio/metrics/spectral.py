"""Distances between the spectra of two sounds, in float64: the loss that DDX7 was trained with, and one in decibels."""

from collections.abc import Iterator
from os import PathLike

import numpy as np

from ddx7.audio.files import read_audio
from ddx7.errors import AudioError

MSS_WINDOWS = (2048, 1024, 512, 256, 128, 64)
"""Samples per frame of each scale (Caspe, McPherson and Sandler, DDX7, ISMIR 2022, and the settings of their code)."""
MSS_OVERLAP = 4
"""Frames that cover one sample: an overlap of 75 %."""
MSS_FLOOR = 1e-7
"""Added to magnitudes before their logarithm."""

LSD_WINDOW, LSD_HOP, LSD_RANGE_DB = 2048, 512, 80.0

Sound = np.ndarray | str | PathLike[str]
_BLOCK = 4096  # frames that are transformed at once: ten minutes at a hop of 16 would fill gigabytes


def multi_scale_spectral_distance(target: Sound, other: Sound, sample_rate: int) -> float:
    """The spectral loss of DDX7 as a number to report: L1 of magnitudes and of their logarithms, at six resolutions.

    For each window in `MSS_WINDOWS`: frames every quarter of it, centred on their time, the sound mirrored at its ends;
    Hann window; magnitudes S divided by the square root of the window's length; then
    mean |S - S'| + mean |ln(S + 1e-7) - ln(S' + 1e-7)| over all frames and bins. The six are summed.

    `other` is cut, or continued with silence, to the length of `target`. Levels count: nothing is normalised. Where one
    sound is exactly silent and the other is not, the logarithms are far apart: padding must not be scored.

    Args:
      target: float [time], longer than 1024 samples, or the path of a recording.
      other: likewise, of any length.
      sample_rate: of arrays, in Hz; recordings are brought to it. DDX7 is trained and scored at 16 kHz.

    Returns:
      the distance, 0 for the same sound.

    Raises:
      AudioError: a sound is not mono or not finite, the target is too short, or a file cannot be read.
    """
    wanted, found = _pair(target, other, sample_rate)
    if len(wanted) <= MSS_WINDOWS[0] // 2:
        raise AudioError(f"a spectral distance of {len(wanted)} samples, more than {MSS_WINDOWS[0] // 2} are wanted")
    total = 0.0
    for window in MSS_WINDOWS:
        linear = logarithmic = 0.0
        count = 0
        hop = window // MSS_OVERLAP
        for s, t in zip(_magnitudes(wanted, window, hop), _magnitudes(found, window, hop), strict=True):
            s, t = s / np.sqrt(window), t / np.sqrt(window)
            linear += float(np.abs(s - t).sum())
            logarithmic += float(np.abs(np.log(s + MSS_FLOOR) - np.log(t + MSS_FLOOR)).sum())
            count += s.size
        total += (linear + logarithmic) / count
    return total


def log_spectral_distance(target: Sound, other: Sound, sample_rate: int) -> float:
    """Root-mean-square difference of two spectra over frequency in dB, averaged over time.

    Frames of 2048 samples every 512, centred on their time, the sound mirrored at its ends, Hann window. Levels more
    than 80 dB below the target's highest count as that. `other` is cut, or continued with silence, to the length of
    `target`; nothing is normalised.

    Args:
      target: float [time], longer than 1024 samples and not silent, or the path of a recording.
      other: likewise, of any length; may be silent.
      sample_rate: of arrays, in Hz; recordings are brought to it.

    Returns:
      the distance in dB.

    Raises:
      AudioError: a sound is not mono or not finite, the target is silent or too short, or a file cannot be read.
    """
    wanted, found = _pair(target, other, sample_rate)
    if len(wanted) <= LSD_WINDOW // 2:
        raise AudioError(f"a spectral distance of {len(wanted)} samples, more than {LSD_WINDOW // 2} are wanted")
    highest = max(float(s.max()) for s in _magnitudes(wanted, LSD_WINDOW, LSD_HOP))
    if highest == 0.0:
        raise AudioError("the target of a distance is silent, a sound is wanted")
    floor = highest * 10 ** (-LSD_RANGE_DB / 20)
    frames = []
    pairs = zip(_magnitudes(wanted, LSD_WINDOW, LSD_HOP), _magnitudes(found, LSD_WINDOW, LSD_HOP), strict=True)
    for s, t in pairs:
        apart_db = 20 * np.log10(np.maximum(s, floor) / np.maximum(t, floor))
        frames.append(np.sqrt(np.mean(apart_db**2, axis=-1)))
    return float(np.concatenate(frames).mean())


def _pair(target: Sound, other: Sound, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Both sounds as float64 [time] of the target's length."""
    wanted, found = (_samples(name, s, sample_rate) for name, s in (("target", target), ("other sound", other)))
    found = found[: len(wanted)]
    return wanted, np.pad(found, (0, len(wanted) - len(found)))


def _samples(name: str, sound: Sound, sample_rate: int) -> np.ndarray:
    if not isinstance(sound, np.ndarray):
        return read_audio(sound, sample_rate=sample_rate).samples.astype(np.float64)
    if sound.ndim != 1:
        raise AudioError(f"the {name} of a distance has the shape {sound.shape}, mono [time] is wanted")
    if not np.isfinite(sound).all():
        raise AudioError(f"the {name} of a distance holds NaN or infinite samples, finite ones are wanted")
    return sound.astype(np.float64)


def _magnitudes(sound: np.ndarray, window: int, hop: int) -> Iterator[np.ndarray]:
    """Blocks [frame, bin] of |STFT|."""
    padded = np.pad(sound, window // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    for start in range(0, len(frames), _BLOCK):
        yield np.abs(np.fft.rfft(frames[start : start + _BLOCK] * hann))
