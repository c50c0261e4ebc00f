"""Distances between the spectra of two sounds, in float64: the loss of DDX7 as a score, and a distance in decibels."""

from collections.abc import Iterator
from os import PathLike

import numpy as np

from ddx7.audio.files import read_audio
from ddx7.audio.spectra_numpy import frames, hann, magnitude
from ddx7.errors import AudioError, Ddx7Error

LSD_WINDOW, LSD_HOP, LSD_RANGE_DB = 2048, 512, 80.0

Sound = np.ndarray | str | PathLike[str]
_BLOCK = 1 << 18  # samples of frames transformed at once: ten minutes at a hop of 16 would fill gigabytes


def multi_scale_spectral_distance(target: Sound, other: Sound, sample_rate: int) -> float:
    """The spectral loss of DDX7 as a number to report: L1 of magnitudes and of their logarithms, at six resolutions.

    `ddx7.audio.spectral_loss.multi_scale_distance` defines the loss and names its source. For each of the windows 2048,
    1024, ..., 64: frames every quarter of it, centred on their time, the sound mirrored at its ends; Hann window;
    magnitudes S divided by the square root of the window's length; then the mean over all frames and bins of
    |S - S'| + |ln(S + 1e-7) - ln(S' + 1e-7)|. The distance is the sum of the six means.

    `other` is cut or zero-padded to the length of `target`. Levels count: nothing is normalised. Where one sound is
    digitally silent and the other is not, the logarithms are far apart, so do not score padding.

    Args:
      target: float [time], longer than 1024 samples, or the path of a recording.
      other: likewise, of any length.
      sample_rate: of arrays, in Hz; recordings are resampled to it. DDX7 is trained and scored at 16 kHz.

    Returns:
      the distance, 0 for the same sound.

    Raises:
      AudioError: a file cannot be read, a sound has samples that are not finite, or the target is too short.
      Ddx7Error: an array is not mono.
    """
    from ddx7.audio.spectral_loss import OVERLAP, PUBLISHED, difference_sum  # starts JAX

    target, estimate = _pair(target, other, sample_rate, PUBLISHED[0])
    total = 0.0
    for window in PUBLISHED:
        hop = window // OVERLAP
        # Frames of zeros add nothing to a sum of differences, and blocks of one shape share a program.
        a, b = ((_filled(block) for block in _blocks(sound, window, hop)) for sound in (target, estimate))
        sums = [difference_sum(*pair) for pair in zip(a, b, strict=True)]
        total += sum(sums) / ((len(target) // hop + 1) * (window // 2 + 1))
    return total


def _filled(block: np.ndarray) -> np.ndarray:
    """The block with frames of zeros up to `_BLOCK` samples."""
    return np.pad(block, ((0, _BLOCK // block.shape[1] - len(block)), (0, 0)))


def log_spectral_distance(target: Sound, other: Sound, sample_rate: int) -> float:
    """Root-mean-square difference of two spectra over frequency in dB, averaged over time.

    Frames of 2048 samples every 512, centred on their time, the sound mirrored at its ends, Hann window. Levels more
    than 80 dB below the target's highest count as that level. `other` is cut or zero-padded to the length of `target`;
    nothing is normalised.

    Args:
      target: float [time], longer than 1024 samples and not silent, or the path of a recording.
      other: likewise, of any length; may be silent.
      sample_rate: of arrays, in Hz; recordings are resampled to it.

    Returns:
      the distance in dB.

    Raises:
      AudioError: a file cannot be read, a sound has samples that are not finite, or the target is silent or too short.
      Ddx7Error: an array is not mono.
    """
    target, estimate = _pair(target, other, sample_rate, LSD_WINDOW)
    window = hann(LSD_WINDOW)

    def spectra(sound: np.ndarray) -> Iterator[np.ndarray]:
        return (magnitude(block, window) for block in _blocks(sound, LSD_WINDOW, LSD_HOP))

    highest = max(float(s.max()) for s in spectra(target))
    if highest == 0.0:
        raise AudioError("the target of a distance is silent, a sound is wanted")
    floor = highest * 10 ** (-LSD_RANGE_DB / 20)
    rms_db = []
    for s, t in zip(spectra(target), spectra(estimate), strict=True):
        difference_db = 20 * np.log10(np.maximum(s, floor) / np.maximum(t, floor))
        rms_db.append(np.sqrt(np.mean(difference_db**2, axis=-1)))
    return float(np.concatenate(rms_db).mean())


def _pair(target: Sound, other: Sound, sample_rate: int, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Both sounds as float64 [time] of the target's length, which is longer than half a window."""
    reference, estimate = (
        sound_samples(name, s, sample_rate) for name, s in (("target", target), ("other sound", other))
    )
    if len(reference) <= window // 2:
        raise AudioError(f"a spectral distance of {len(reference)} samples, more than {window // 2} are wanted")
    estimate = estimate[: len(reference)]
    return reference, np.pad(estimate, (0, len(reference) - len(estimate)))


def sound_samples(name: str, sound: Sound, sample_rate: int) -> np.ndarray:
    """Samples of an array or a file as float64 [time]; an error names the sound by `name`."""
    if not isinstance(sound, np.ndarray):
        return read_audio(sound, sample_rate=sample_rate).samples.astype(np.float64)
    if sound.ndim != 1:
        raise Ddx7Error(f"the {name} of a distance has the shape {sound.shape}, mono [time] is wanted")
    if not np.isfinite(sound).all():
        raise AudioError(f"the {name} of a distance holds NaN or infinite samples, finite ones are wanted")
    return sound.astype(np.float64)


def _blocks(sound: np.ndarray, window: int, hop: int) -> Iterator[np.ndarray]:
    """Frames of the sound, centred and mirrored at its ends, in blocks [frame, sample]."""
    framed = frames(np.pad(sound, window // 2, mode="reflect"), window, hop)
    n = _BLOCK // window
    return (framed[start : start + n] for start in range(0, len(framed), n))
