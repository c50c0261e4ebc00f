"""Sound files: reading any common format and rate as mono float32, resampling, and atomic writing."""

import io
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np

from ddx7.audio.channels import ChannelMix, ChannelStatistics
from ddx7.audio.decoding import MAX_VALUES_PER_SECOND, WANTED, SampleCounter, SoundSource, missing_samples, open_sound
from ddx7.audio.silence import constant_offset, why_silent
from ddx7.errors import AudioError, Ddx7Error
from ddx7.files import atomic_write

SILENT_PEAK = 1e-5  # -100 dBFS: below the noise floor of any converter
ABSURD_PEAK = 1e6  # not sound: for example raw bytes read as floats, whose squares overflow float32
LOUD_PEAK = 4.0
"""Peak of float samples, relative to full scale, from which a remark says so."""

_WRITERS = {".wav": "WAV", ".flac": "FLAC"}


@dataclass(frozen=True)
class DecodingReport:
    """What a sound file holds and what was done to it.

    Attributes:
      format: of container and samples, for people.
      decoder: "libsndfile" with its version, or "ffmpeg".
      sample_rate: of the file, in Hz.
      resampled_to: in Hz; None where the rate was kept.
      channels: number of channels.
      channel: what became the mono sound: "the only channel", "average of 2 channels", "left channel".
      announced_samples: samples per channel that the file announces; None where it gives no length.
      decoded_samples: samples per channel that were decoded, of the whole file or of the part that was read.
      from_s: start of the part that was read, in seconds.
      cut: whether the file goes on after the part that was read.
      dc_offset: constant offset (DC) that was removed, full scale 1.0.
      remarks: what the user should know, a sentence each.
    """

    format: str
    decoder: str
    sample_rate: int
    resampled_to: int | None
    channels: int
    channel: str
    announced_samples: int | None
    decoded_samples: int
    from_s: float
    cut: bool
    dc_offset: float
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        """One line: the file, and what became of it."""
        parts = [f"{self.format}, {self.sample_rate:,} Hz, {self.channel}"]
        if self.from_s:
            parts.append(f"from {self.from_s:.2f} s")
        if self.resampled_to:
            parts.append(f"resampled to {self.resampled_to:,} Hz")
        if self.decoder == "ffmpeg":
            parts.append("decoded by ffmpeg")
        return "; ".join(parts)


@dataclass(frozen=True, eq=False)
class Recording:
    """A mono sound and its file.

    Attributes:
      samples: float32 [time], full scale 1.0.
      sample_rate: in Hz.
      path: its file.
      report: how it was decoded; None for samples that come from no file.
    """

    samples: np.ndarray
    sample_rate: int
    path: Path
    report: DecodingReport | None = field(default=None)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know about the file, a sentence each."""
        return self.report.remarks if self.report else ()


def read_audio(
    path: str | PathLike[str],
    *,
    sample_rate: int | None = None,
    max_seconds: float | int = 600.0,
    start_s: float | int = 0.0,
    stop_s: float | int = np.inf,
) -> Recording:
    """Read a recording, or a part of it, as mono float32.

    The content decides on the format, whatever the suffix says. The result holds the samples that are in the file, not
    those that its header announces. The channels are averaged, unless they cancel each other or one is silent, much
    softer or noise; `Recording.report` tells what was done.

    Args:
      path: a WAV, FLAC, Ogg, MP3 or AIFF file of any rate and channel count, or any that an installed ffmpeg decodes.
      sample_rate: resample to this rate in Hz; None keeps the file's own.
      max_seconds: refuse longer sounds.
      start_s: beginning of the part, in seconds.
      stop_s: end of the part, in seconds; beyond the file means the end of the file.

    Returns:
      the recording; every sample is finite, and it is not silent.

    Raises:
      AudioError: the path is no sound file, or the sound is too long, silent, or holds values that are not sound.
    """
    path = Path(path)
    part = _FilePart(float(max_seconds), float(start_s), float(stop_s))
    samples, source, counter, mix = _decode(path, part)
    if len(mix.channels) < source.channels:
        samples, source, counter, _ = _decode(path, part, mix)
    if not len(samples):
        where = f" from {start_s:g} s on" if start_s else ""
        damage = "; ".join(("", *source.remarks))
        raise AudioError(f"{path}: a sound file of 0 samples{where}{damage}, a sound is wanted")
    rate = source.sample_rate
    if not np.isfinite(samples).all():
        bad = np.count_nonzero(~np.isfinite(samples))
        raise AudioError(f"{path}: {bad:,} of {len(samples):,} samples are NaN or infinite, finite samples are wanted")
    peak = float(np.abs(samples).max())
    if peak > ABSURD_PEAK:
        raise AudioError(f"{path}: peaks at {peak:.3g} times full scale, that is not sound; {WANTED}")
    offset = constant_offset(samples)
    if offset:
        samples -= np.float32(offset)
    if silence := why_silent(samples, source.step):
        raise AudioError(f"{path}: found {silence} in {len(samples) / rate:.2f} s, a sound is wanted")
    cut = counter.ended_at_stop and source.announced != counter.stop
    remarks = [*source.remarks, *missing_samples(source, counter)]
    if mix.remark:
        remarks.append(mix.remark)
    if offset:
        remarks.append(f"a constant offset of {offset:.3f} of full scale was removed")
    if peak > LOUD_PEAK:
        remarks.append(f"it peaks at {peak:,.1f} times full scale")
    report = DecodingReport(
        format=source.format,
        decoder=source.decoder,
        sample_rate=rate,
        resampled_to=None if sample_rate in (None, rate) else sample_rate,
        channels=source.channels,
        channel=mix.name,
        announced_samples=source.announced,
        decoded_samples=counter.decoded,
        from_s=counter.start / rate,
        cut=cut,
        dc_offset=round(offset, 5),
        remarks=tuple(remarks),
    )
    if sample_rate is not None:
        samples, rate = resample(samples, rate, sample_rate), sample_rate
    return Recording(samples, rate, path, report)


def audio_duration(path: str | PathLike[str]) -> float:
    """Length of a sound file in seconds: of what can be decoded where the header is not to be trusted.

    Raises:
      AudioError: the path is no sound file.
    """
    path = Path(path)
    with open_sound(path) as source:
        announced = source.announced
        if announced is not None and source.has_sample(announced - 1) and not source.has_sample(announced):
            return announced / source.sample_rate
    with open_sound(path) as source:
        counter = SampleCounter(source)
        for _ in counter.blocks():
            pass
        return counter.decoded / source.sample_rate


@dataclass(frozen=True)
class _FilePart:
    max_seconds: float
    start_s: float
    stop_s: float

    def stop(self, rate: int) -> int | None:
        return None if np.isinf(self.stop_s) else round(self.stop_s * rate)


def _decode(
    path: Path, part: _FilePart, mix: ChannelMix | None = None
) -> tuple[np.ndarray, SoundSource, SampleCounter, ChannelMix]:
    """Mono float32 [time], decoded in blocks so that memory holds one channel, not all of them.

    Without a mix it averages all channels and finds out which mix is right.
    """
    with open_sound(path, min(part.stop_s, part.start_s + part.max_seconds) + 1.0) as source:
        rate, channels = source.sample_rate, source.channels
        most = int(part.max_seconds * min(rate, MAX_VALUES_PER_SECOND / channels))
        start, stop = round(part.start_s * rate), part.stop(rate)
        if source.announced_is_there:
            wanted = min(source.announced or 0, np.inf if stop is None else stop) - start
            if wanted > most:
                raise _too_long(path, wanted / rate, channels, part)
        counter = SampleCounter(source, start, stop, most)
        statistics = ChannelStatistics(channels, rate) if channels > 1 and mix is None else None
        mono = []
        try:
            for block in counter.blocks():
                if statistics:
                    statistics.add(block)
                mono.append(block.mean(axis=1) if mix is None else block[:, mix.channels].mean(axis=1))
        except OverflowError:
            seconds = max(source.announced or 0, counter.decoded) / rate
            raise _too_long(path, seconds, channels, part) from None
        if mix is None:
            mix = statistics.choose() if statistics else ChannelMix((0,), "the only channel")
        samples = np.concatenate(mono) if mono else np.zeros(0, np.float32)
        return samples, source, counter, mix


def _too_long(path: Path, seconds: float, channels: int, part: _FilePart) -> AudioError:
    return AudioError(f"{path}: {seconds:,.0f} s in {channels} channels, at most {part.max_seconds:,.0f} s can be read")


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

    `ddx7.audio.limit_level` turns down loud moments alone.

    Args:
      samples: float [..., time], full scale 1.0.
      ceiling_db: highest allowed peak in dBFS.

    Returns:
      float32 of the same shape.
    """
    samples = np.asarray(samples, np.float32)
    peak, ceiling = float(np.abs(samples).max(initial=0.0)), 10.0 ** (ceiling_db / 20)
    return samples * np.float32(ceiling / peak) if peak > ceiling else samples


def peak_normalise(samples: np.ndarray, peak_db: float | int = -1.0) -> np.ndarray:
    """Scale the whole sound so that its peak has a level; silence stays silent.

    Args:
      samples: float [..., time].
      peak_db: the level in dBFS.

    Returns:
      float32 of the same shape.
    """
    samples = np.asarray(samples, np.float32)
    peak = float(np.abs(samples).max(initial=0.0))
    return samples * np.float32(10.0 ** (peak_db / 20) / peak) if peak > 0 else samples


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
