"""What a resynthesis plays from: fundamental, how sure it is, and loudness, one frame for every 64 samples."""

import contextlib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ddx7.audio.f0 import follow
from ddx7.audio.loudness import loudness
from ddx7.errors import AudioError, Ddx7Error
from ddx7.files import atomic_write

HOP = 64
"""Samples a frame: 250 frames a second at 16 kHz, as in DDX7 (Caspe et al. 2022)."""
_VERSION = 1  # of what is cached; another number and everything is measured anew


@dataclass(frozen=True, eq=False)
class FrameFeatures:
    """Of one sound; frame k belongs to sample k * `HOP`.

    Attributes:
      f0_hz: fundamental; goes on through silence, 0 everywhere in a sound without pitch. float32 [frame].
      confidence: 0 to 1 that it is right, float32 [frame].
      loudness_db: A-weighted, -80 at the least, float32 [frame].
    """

    f0_hz: np.ndarray
    confidence: np.ndarray
    loudness_db: np.ndarray


def extract(samples: np.ndarray, sample_rate: int, extractor: str = "pyin") -> FrameFeatures:
    """Fundamental and loudness of a sound.

    Args:
      samples: float [time], at least 64 samples.
      sample_rate: in Hz, any.
      extractor: of the fundamental, a name in `ddx7.audio.f0.EXTRACTORS`.

    Returns:
      one frame for every 64 samples begun.

    Raises:
      AudioError: the sound is shorter than a frame.
      Ddx7Error: no extractor has that name.
    """
    if len(samples) < HOP:
        raise AudioError(f"a sound of {len(samples)} samples, at least {HOP} are wanted")
    level_db = loudness(samples, sample_rate, HOP)
    f0_hz, confidence = follow(samples, sample_rate, np.arange(len(level_db)) * HOP / sample_rate, extractor)
    return FrameFeatures(f0_hz, confidence, level_db)


def extract_cached(samples: np.ndarray, sample_rate: int, folder: Path, extractor: str = "pyin") -> FrameFeatures:
    """`extract`, or what it said last time.

    The file's name is a hash of the samples and of every setting, and it is written whole or not at all, so a cache
    may be shared, killed and deleted at any time.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      folder: of the cache.
      extractor: as for `extract`.
    """
    key = hashlib.sha256(f"{_VERSION} {extractor} {sample_rate} {HOP} ".encode())
    key.update(np.ascontiguousarray(samples, np.float32).tobytes())
    path = folder / f"{key.hexdigest()[:32]}.npz"
    try:
        with np.load(io.BytesIO(path.read_bytes())) as kept:
            return FrameFeatures(kept["f0_hz"], kept["confidence"], kept["loudness_db"])
    except (OSError, ValueError, KeyError, BadZipFile):  # not there, or not whole
        found = extract(samples, sample_rate, extractor)
    buffer = io.BytesIO()
    np.savez(buffer, f0_hz=found.f0_hz, confidence=found.confidence, loudness_db=found.loudness_db)
    with contextlib.suppress(Ddx7Error):  # a cache that cannot be written costs time, not the result
        atomic_write(path, buffer.getvalue(), force=True)
    return found
