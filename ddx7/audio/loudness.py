"""How loud a sound is, frame by frame: defined once, for training and for playing alike."""

import numpy as np

WINDOW_S = 0.064
FLOOR_DB = -80.0


def a_weighting(f_hz: np.ndarray) -> np.ndarray:
    """Power gain of A-weighting, 1 at 1 kHz.

    Source: IEC 61672-1:2013, annex E.
    """
    f2 = np.square(np.asarray(f_hz, np.float64))
    low, high = np.square(20.598997), np.square(12194.217)
    amplitude = high * f2**2 / ((f2 + low) * (f2 + high) * np.sqrt((f2 + 107.65265**2) * (f2 + 737.86223**2)))
    return np.square(amplitude * 10 ** (2.0 / 20))


def loudness(samples: np.ndarray, sample_rate: int, hop: int) -> np.ndarray:
    """A-weighted level, the mean of the power: 0 dB is a full-scale square wave of 1 kHz, a sine has -3.

    The published code of DDX7 takes the mean of the decibels of all bins instead, which the faintest bins decide.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      hop: samples between frames; frame k is centred on sample k * hop.

    Returns:
      float32 [frame] in dB, at least `FLOOR_DB`; one frame for every `hop` samples begun.
    """
    window = round(WINDOW_S * sample_rate)
    n_frames = -(-len(samples) // hop)
    padded = np.pad(np.asarray(samples, np.float32), (window // 2, window + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:n_frames]
    taper = np.hanning(window + 1)[:-1].astype(np.float32)
    weight = a_weighting(np.fft.rfftfreq(window, 1 / sample_rate)) * 2 / (window * np.square(taper).sum())
    power = np.concatenate(
        [np.square(np.abs(np.fft.rfft(part * taper))) @ weight for part in np.array_split(frames, n_frames // 4096 + 1)]
    )
    return np.maximum(10 * np.log10(np.maximum(power, 1e-12)), FLOOR_DB).astype(np.float32)
