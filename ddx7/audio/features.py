"""The features that condition a resynthesis: f0, its confidence and loudness, one frame for every 64 samples."""

import contextlib
import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ddx7.audio.f0 import follow, neighbours
from ddx7.audio.loudness import loudness
from ddx7.errors import AudioError, Ddx7Error
from ddx7.files import atomic_write

HOP = 64
"""Samples per frame: 250 frames a second at 16 kHz, as in DDX7 (Caspe et al. 2022)."""
SILENT_DB = 40.0
"""Distance in dB below a recording's loudest frame at which silence begins. Source: the published code of DDX7."""

_STRAY_FACTOR = 1.5  # a fifth beyond the melody's pitches
_EDGE_FRAMES = 8  # half the window of loudness
_VERSION = 3  # of the cached features; a new number makes old files unused


@dataclass(frozen=True, eq=False)
class FrameFeatures:
    """Features of one sound; frame k belongs to sample k * `HOP`.

    Attributes:
      f0_hz: fundamental frequency, float32 [frame]. It continues through silence, and through rests in which only hum
        has a pitch; all zeros if nothing has a pitch.
      confidence: of the f0, 0..1, float32 [frame].
      loudness_db: A-weighted, at least -80 dB, float32 [frame].
    """

    f0_hz: np.ndarray
    confidence: np.ndarray
    loudness_db: np.ndarray


def extract(samples: np.ndarray, sample_rate: int, extractor: str = "pyin") -> FrameFeatures:
    """F0 and loudness of a sound.

    Args:
      samples: float [time], at least 64 samples.
      sample_rate: in Hz, any.
      extractor: of the f0, a name in `ddx7.audio.f0.EXTRACTORS`.

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
    return _with_melody_in_rests(FrameFeatures(f0_hz, confidence, level_db))


def _with_melody_in_rests(features: FrameFeatures) -> FrameFeatures:
    """Features whose silent frames have no pitch of their own far from the melody, but that of the nearest other frame.

    In a rest the strongest tone may be hum of the room or of the mains, octaves below all notes. An instrument has not
    learned what noise goes with such a pitch, and falls silent.
    """
    f0_hz, level_db = features.f0_hz, features.loudness_db
    silent = level_db <= level_db.max() - SILENT_DB
    lowest, highest = np.percentile(f0_hz[~silent], [1, 99])
    away = (f0_hz < lowest / _STRAY_FACTOR) | (f0_hz > highest * _STRAY_FACTOR)
    # The window of loudness still holds the end of a note where the tracker has left it.
    near_silence = np.convolve(silent, np.ones(2 * _EDGE_FRAMES + 1), "same")[: len(silent)] > 0
    stray = away & near_silence
    if not stray.any():
        return features
    kept = np.flatnonzero(~away)
    _, _, nearest = neighbours(kept, np.arange(len(f0_hz)))
    held = f0_hz[kept[nearest]]
    return replace(
        features, f0_hz=np.where(stray, held, f0_hz), confidence=np.where(stray, np.float32(0), features.confidence)
    )


def extract_cached(samples: np.ndarray, sample_rate: int, folder: Path, extractor: str = "pyin") -> FrameFeatures:
    """`extract` with a cache on disk.

    The file's name is a hash of the samples and of every setting, and files are written atomically. So processes may
    share a cache, and anyone may delete it at any time.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      folder: of the cache.
      extractor: as for `extract`.

    Returns:
      the features, from the cache if it has them.

    Raises:
      AudioError: the sound is shorter than a frame.
      Ddx7Error: no extractor has that name.
    """
    key = hashlib.sha256(f"{_VERSION} {extractor} {sample_rate} {HOP} ".encode())
    key.update(np.ascontiguousarray(samples, np.float32).tobytes())
    path = folder / f"{key.hexdigest()[:32]}.npz"
    try:
        with np.load(io.BytesIO(path.read_bytes())) as cached:
            cached_features = FrameFeatures(cached["f0_hz"], cached["confidence"], cached["loudness_db"])
            return _with_melody_in_rests(cached_features)  # files of earlier versions lack it
    except (OSError, ValueError, KeyError, BadZipFile):  # missing, or torn
        features = extract(samples, sample_rate, extractor)
    buffer = io.BytesIO()
    np.savez(buffer, f0_hz=features.f0_hz, confidence=features.confidence, loudness_db=features.loudness_db)
    with contextlib.suppress(Ddx7Error):  # a cache that cannot be written costs time, not the result
        atomic_write(path, buffer.getvalue(), force=True)
    return features
