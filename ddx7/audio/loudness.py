"""A-weighted loudness per frame: one definition for training data and for playback."""

import numpy as np

from ddx7.audio.spectra_numpy import frames, hann, power, to_db

WINDOW_S = 0.064
FLOOR_DB = -80.0


def a_weighting(f_hz: np.ndarray) -> np.ndarray:
    """Power gain of A-weighting, 1 at 1 kHz.

    Source: IEC 61672-1:2013, annex E.

    >>> (10 * np.log10(a_weighting(np.array([100.0, 1000.0])))).round(1).tolist()
    [-19.1, 0.0]
    """
    f2 = np.square(np.asarray(f_hz, np.float64))
    low, high = np.square(20.598997), np.square(12194.217)
    amplitude = high * f2**2 / ((f2 + low) * (f2 + high) * np.sqrt((f2 + 107.65265**2) * (f2 + 737.86223**2)))
    return np.square(amplitude * 10 ** (2.0 / 20))


def loudness(samples: np.ndarray, sample_rate: int, hop: int) -> np.ndarray:
    """A-weighted level of the mean power: a full-scale square wave of 1 kHz has 0 dB, a sine has -3 dB.

    The published code of DDX7 averages the decibels of all bins instead. The quietest bins decide that average.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      hop: samples between frames; frame k is centred on sample k * hop.

    Returns:
      float32 [frame] in dB, at least `FLOOR_DB`; one frame for every `hop` samples begun.
    """
    window = round(WINDOW_S * sample_rate)
    n_frames = -(-len(samples) // hop)
    framed = frames(np.pad(np.asarray(samples, np.float32), (window // 2, window + hop)), window, hop)[:n_frames]
    taper = hann(window).astype(np.float32)
    weight = a_weighting(np.fft.rfftfreq(window, 1 / sample_rate)) * 2 / (window * np.square(taper).sum())
    parts = np.array_split(framed, n_frames // 4096 + 1)  # all frames at once would fill gigabytes
    mean_power = np.concatenate([power(part, taper) @ weight for part in parts])
    return np.maximum(to_db(mean_power, 1e-12), FLOOR_DB).astype(np.float32)


def shift_loudness(loudness_db: np.ndarray, gain_db: float) -> np.ndarray:
    """Loudness of the same sound with a gain, at least `FLOOR_DB`; frames at `FLOOR_DB`, digital silence, stay there.

    >>> shift_loudness(np.array([-80.0, -79.0, -20.0]), 6.0).tolist()
    [-80.0, -73.0, -14.0]
    """
    shifted = np.where(loudness_db > FLOOR_DB, loudness_db + gain_db, FLOOR_DB)
    return np.maximum(shifted, FLOOR_DB).astype(np.float32)
