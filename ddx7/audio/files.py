"""Sound files: reading any common format and rate as mono float32, resampling, and atomic writing."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ddx7.errors import AudioError, Ddx7Error
from ddx7.files import atomic_write

if TYPE_CHECKING:
    import soundfile

# Half a megabyte of FLAC can hold an hour of silence, more than a gigabyte decoded, so the header is checked first.
MAX_VALUES_PER_SECOND = 2 * 192_000
BLOCK_FRAMES = 1 << 16
SILENT_PEAK = 1e-5  # -100 dBFS: below the noise floor of any converter
ABSURD_PEAK = 1e6  # not sound: for example raw bytes read as floats, whose squares overflow float32

_WANTED = "a WAV, FLAC, Ogg, MP3 or AIFF recording is wanted"
_WRITERS = {".wav": "WAV", ".flac": "FLAC"}


@dataclass(frozen=True, eq=False)
class Recording:
    """A mono sound and its file.

    Attributes:
      samples: float32 [time], full scale 1.0.
      sample_rate: in Hz.
      path: its file.
    """

    samples: np.ndarray
    sample_rate: int
    path: Path

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


def read_audio(
    path: str | PathLike[str],
    *,
    sample_rate: int | None = None,
    max_seconds: float | int = 600.0,
    start_s: float | int = 0.0,
    stop_s: float | int = np.inf,
) -> Recording:
    """Read a recording, or a part of it, as mono float32; channels are averaged.

    Args:
      path: a WAV, FLAC, Ogg, MP3 or AIFF file of any rate and channel count.
      sample_rate: resample to this rate in Hz; None keeps the file's own.
      max_seconds: refuse longer sounds; the header decides, before anything is decoded.
      start_s: beginning of the part, in seconds.
      stop_s: end of the part, in seconds; beyond the file means the end of the file.

    Returns:
      the recording; every sample is finite, and it is not silent.

    Raises:
      AudioError: the path is no sound file, or the sound is too long, silent, or holds values that are not sound.
    """
    path = Path(path)
    samples, rate = _decode(path, max_seconds, start_s, stop_s)
    if not np.isfinite(samples).all():
        bad = np.count_nonzero(~np.isfinite(samples))
        raise AudioError(f"{path}: {bad:,} of {len(samples):,} samples are NaN or infinite, finite samples are wanted")
    peak = np.abs(samples).max(initial=0.0)
    if peak > ABSURD_PEAK:
        raise AudioError(f"{path}: peaks at {peak:.3g} times full scale, that is not sound; {_WANTED}")
    if peak < SILENT_PEAK:
        raise AudioError(f"{path}: found only silence in {len(samples) / rate:.2f} s, a sound is wanted")
    if sample_rate is not None:
        samples, rate = resample(samples, rate, sample_rate), sample_rate
    return Recording(samples, rate, path)


def audio_duration(path: str | PathLike[str]) -> float:
    """Length of a sound file in seconds, read from its header.

    Raises:
      AudioError: the path is no sound file.
    """
    with _open(Path(path)) as file:
        return file.frames / file.samplerate


@contextmanager
def _open(path: Path) -> "Iterator[soundfile.SoundFile]":
    """A sound file.

    Raises:
      AudioError: there is none, or it cannot be decoded.
    """
    import soundfile

    if not path.exists():
        raise AudioError(f"{path}: no such file, {_WANTED}")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder, {_WANTED}")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty, {_WANTED}")
    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except (OSError, RuntimeError, TypeError) as error:  # TypeError: soundfile on a headerless .raw
        raise AudioError(f"{path}: cannot be decoded as sound, {_WANTED}") from error


def _decode(path: Path, max_seconds: float | int, start_s: float | int, stop_s: float | int) -> tuple[np.ndarray, int]:
    """Mono float32 [time] and its rate, decoded in blocks so that memory holds one channel, not all of them."""
    with _open(path) as file:
        rate = file.samplerate
        first = min(round(start_s * rate), file.frames)
        n_frames = round(min(stop_s * rate, file.frames)) - first
        seconds, values = n_frames / rate, n_frames * file.channels
        if seconds > max_seconds or values > max_seconds * MAX_VALUES_PER_SECOND:
            raise AudioError(
                f"{path}: {seconds:,.0f} s in {file.channels} channels, at most {max_seconds:,.0f} s can be read"
            )
        if first:
            file.seek(first)
        n_read = n_frames if n_frames < file.frames else -1
        blocks = file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True, frames=n_read)
        mono = [block.mean(axis=1) for block in blocks if len(block)]
    if not mono:
        raise AudioError(f"{path}: a sound file of 0 samples, a sound is wanted")
    return np.concatenate(mono), rate


def resample(samples: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Change the sample rate, band-limited and linear in phase, with no delay.

    soxr has 20-bit quality and loads in milliseconds; `scipy.signal` takes more than a second to load.

    Args:
      samples: float [time].
      from_rate: its rate in Hz.
      to_rate: the new rate in Hz.

    Returns:
      float32 [time * to_rate / from_rate, rounded].
    """
    import soxr

    samples = np.asarray(samples, np.float32)
    if from_rate == to_rate:
        return samples
    return np.asarray(soxr.resample(samples, from_rate, to_rate, quality="HQ"), np.float32)


def peak_limit(samples: np.ndarray, ceiling_db: float | int = -1.0) -> np.ndarray:
    """Scale the whole sound down if its peak is above the ceiling; quieter sound stays as it is, and nothing clips.

    Args:
      samples: float [..., time], full scale 1.0.
      ceiling_db: highest allowed peak in dBFS.

    Returns:
      float32 of the same shape.
    """
    samples = np.asarray(samples, np.float32)
    peak, ceiling = float(np.abs(samples).max(initial=0.0)), 10.0 ** (ceiling_db / 20)
    return samples * np.float32(ceiling / peak) if peak > ceiling else samples


def write_audio(path: str | PathLike[str], samples: np.ndarray, sample_rate: int, *, force: bool = False) -> Path:
    """Write mono sound as 24-bit WAV or FLAC, atomically.

    Args:
      path: ends in .wav or .flac.
      samples: float [time], within full scale: louder sound is refused, since integer formats clip (see `peak_limit`).
      sample_rate: in Hz.
      force: overwrite an existing file.

    Returns:
      the path.

    Raises:
      AudioError: the suffix is unknown, or samples are not finite or above full scale.
      Ddx7Error: samples are not mono [time] or empty, or the file exists and `force` is false.
    """
    import soundfile

    path, samples = Path(path), np.asarray(samples)
    container = _WRITERS.get(path.suffix.lower())
    if container is None:
        raise AudioError(f"{path}: cannot write {path.suffix or 'a file without suffix'}, .wav or .flac is wanted")
    if samples.ndim != 1 or not len(samples):
        raise Ddx7Error(f"{path}: cannot write samples of shape {samples.shape}, mono [time] is wanted")
    peak = float(np.abs(samples).max())
    if not np.isfinite(peak):
        raise AudioError(f"{path}: the sound to write holds NaN or infinite samples, finite ones are wanted")
    if peak > 1.0:
        raise AudioError(f"{path}: the sound to write peaks at {peak:.3f}, at most 1.0 is wanted")
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format=container, subtype="PCM_24")
    return atomic_write(path, buffer.getvalue(), force=force)
