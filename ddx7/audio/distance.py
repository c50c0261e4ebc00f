"""Log-mel distance of two sounds in dB: the number that reports use."""

from dataclasses import dataclass

import numpy as np

from ddx7.audio.files import resample
from ddx7.audio.spectra_numpy import log_mel
from ddx7.errors import AudioError

RATE, N_FFT, HOP, N_MELS = 44_100, 2048, 512, 128
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
RANGE_DB = 80.0


@dataclass(frozen=True, eq=False)
class MelTarget:
    """The target of a log-mel distance, analysed once and then compared with many sounds.

    Attributes:
      level_db: mel spectrum in dB at unit RMS, float64 [frame, mel], not below `floor_db`.
      n_samples: length of the target at 44.1 kHz.
      floor_db: the target's highest level less 80 dB; lower levels count as this.
    """

    level_db: np.ndarray
    n_samples: int
    floor_db: float

    def distance(self, other: np.ndarray, sample_rate: int = RATE) -> float:
        """`log_mel_distance` from the target to another sound, float [time]."""
        other = resample(other, sample_rate, RATE).astype(np.float64)[: self.n_samples]
        _check_finite("other sound", other)
        estimate_db = _mel_db(np.pad(other, (0, self.n_samples - len(other))))
        return float(np.abs(self.level_db - np.maximum(estimate_db, self.floor_db)).mean())


def mel_target(target: np.ndarray, sample_rate: int = RATE) -> MelTarget:
    """Analyse the target of `log_mel_distance`.

    Args:
      target: float [time], not silent.
      sample_rate: in Hz.

    Raises:
      AudioError: the target is silent, or a sample is not finite.
    """
    target = resample(target, sample_rate, RATE).astype(np.float64)
    _check_finite("target", target)
    if not target.any():
        raise AudioError("the target of a distance is silent, a sound is wanted")
    level_db = _mel_db(target)
    floor_db = float(level_db.max() - RANGE_DB)
    return MelTarget(np.maximum(level_db, floor_db), len(target), floor_db)


def log_mel_distance(target: np.ndarray, other: np.ndarray, sample_rate: int = RATE) -> float:
    """Mean absolute difference in dB between the log-mel spectra of two sounds.

    The function resamples both sounds to 44.1 kHz, cuts or zero-pads `other` to the length of `target`, and scales both
    to the same RMS over that length. Spectra: Hann window of 2048 samples every 512, frames centred on their time with
    zeros outside the sound, power, 128 mel bands (Slaney, unit area) from 30 Hz to 16 kHz, in dB. Levels below (the
    target's highest level - 80 dB) count as that. The mean runs over all bands and frames.

    0 dB is the same sound, 2-3 dB a very close one, about 6 dB a similar one, 14 dB a random DX7 voice.

    Args:
      target: float [time], not silent.
      other: float [time].
      sample_rate: of both, in Hz.

    Returns:
      the distance in dB. It is not symmetric: the target sets length and floor.

    Raises:
      AudioError: the target is silent, or a sample is not finite.
    """
    return mel_target(target, sample_rate).distance(other, sample_rate)


def _check_finite(name: str, samples: np.ndarray) -> None:
    if not np.isfinite(samples).all():
        raise AudioError(f"the {name} of a distance holds NaN or infinite samples, finite ones are wanted")


def _mel_db(samples: np.ndarray) -> np.ndarray:
    """Mel spectrum in dB of the sound at unit RMS, float64 [frame, mel]; -200 dB at silence."""
    rms = np.sqrt(np.mean(samples**2))
    unit = samples / rms if rms > 0 else samples
    return log_mel(unit, RATE, n_fft=N_FFT, hop=HOP, n_mels=N_MELS, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ)
