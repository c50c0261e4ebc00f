"""Decoding: the samples that are in a file, never more, with counts of what it announces and of what was there."""

import contextlib
import io
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from ddx7.audio import ffmpeg
from ddx7.audio.containers import HeaderPatch, SoundContainer, read_container
from ddx7.errors import AudioError

if TYPE_CHECKING:
    import soundfile

# Half a megabyte of FLAC can hold an hour of silence, more than a gigabyte decoded, so decoding stops at a bound.
MAX_VALUES_PER_SECOND = 2 * 192_000
MIN_RATE, MAX_RATE = 1_000, 768_000
WANTED = "a WAV, FLAC, Ogg, MP3 or AIFF recording is wanted"
_BLOCK_VALUES = 1 << 17
_PADDING = 3 * 1152  # samples that a lossy coder adds or drops at the ends of a sound: MP3's delay and two frames
_STEPS = {"PCM_U8": 2.0**-7, "PCM_S8": 2.0**-7, "PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "PCM_32": 2.0**-31}
_LOSSY = ("VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")


@dataclass(frozen=True)
class SoundSource:
    """An opened sound file.

    Attributes:
      path: of the file as the user named it.
      format: of container and samples, for people.
      decoder: name and version of what decodes it.
      sample_rate: in Hz.
      channels: number of channels.
      announced: samples per channel that the file announces; None where it gives no length.
      step: quantisation step relative to full scale; 0 where samples are not integers.
      lossy: whether its coder pads the ends of a sound.
      remarks: what is wrong with the file, a sentence each.
      file: `soundfile.SoundFile` at its first sample.
      announced_is_there: whether the file is large enough for the announced samples, so that the count can be believed.
    """

    path: Path
    format: str
    decoder: str
    sample_rate: int
    channels: int
    announced: int | None
    step: float
    lossy: bool
    remarks: tuple[str, ...]
    file: Any
    announced_is_there: bool

    def has_sample(self, index: int) -> bool:
        """Whether a sample can be reached and decoded; then the position of `file` has changed."""
        try:
            return index >= 0 and self.file.seek(index) == index and len(self.file.read(1)) == 1
        except RuntimeError:
            return False


class SampleCounter:
    """Decodes a source, or a part of it, and counts.

    Attributes:
      decoded: samples per channel so far.
      broken: whether the decoder gave up before the end.
    """

    def __init__(
        self, source: SoundSource, start: int = 0, stop: int | None = None, most: float | int = np.inf
    ) -> None:
        """Prepare to decode a part.

        Args:
          source: the file.
          start: the first sample.
          stop: the sample after the last one; None reads to the end.
          most: number of samples from which on the part is too long.
        """
        self.source, self.start, self.stop, self.most = source, start, stop, most
        self.decoded, self.broken = 0, False

    def blocks(self) -> Iterator[np.ndarray]:
        """Blocks of float32 [time, channel], each a view that the next one overwrites.

        Raises:
          OverflowError: there are more samples than may be read.
        """
        file, channels = self.source.file, self.source.channels
        buffer = np.empty((max(_BLOCK_VALUES // channels, 1), channels), np.float32)
        skip = self._seek()
        while self.stop is None or self.decoded < self.stop - self.start:
            room = len(buffer) if self.stop is None else min(len(buffer), self.stop - self.start - self.decoded + skip)
            part = buffer[:room]
            part[:] = np.nan
            try:
                n = len(file.read(out=part))
            except RuntimeError:
                # The decoder overwrote as many rows as it could decode before the damage.
                n = int(np.argmax(np.isnan(part[:, 0]))) if np.isnan(part[:, 0]).any() else len(part)
                self.broken = True
            block = part[min(skip, n) : n]
            skip -= min(skip, n)
            self.decoded += len(block)
            if self.decoded > self.most:
                raise OverflowError
            if len(block):
                yield block
            if n < room or self.broken:
                return

    @property
    def ended_at_stop(self) -> bool:
        """Whether the wanted part was all there."""
        return self.stop is not None and self.start + self.decoded >= self.stop

    def _seek(self) -> int:
        """Go to the start; samples that are still to be skipped by decoding."""
        if not self.start:
            return 0
        with contextlib.suppress(RuntimeError):
            if self.source.file.seek(self.start) == self.start:
                return 0
        return self.start


@contextmanager
def open_sound(path: Path, most_s: float = np.inf) -> Iterator[SoundSource]:
    """Open a sound file of any format that libsndfile or an installed ffmpeg decodes.

    Args:
      path: of the file.
      most_s: seconds after which ffmpeg stops decoding.

    Raises:
      AudioError: there is none, or it cannot be decoded.
    """
    if not path.exists():
        raise AudioError(f"{path}: no such file, {WANTED}")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder, {WANTED}")
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise AudioError(f"{path}: the file is empty, {WANTED}")
        if not path.is_file():
            raise AudioError(f"{path}: is no ordinary file, {WANTED}")
        container = read_container(path)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror or error}), {WANTED}") from None
    if not container.is_sound:
        raise AudioError(f"{path}: cannot be decoded as sound: found {container.name}, {WANTED}")
    if container.sample_rate is not None:
        _check_rate(path, container.sample_rate)
    with _quiet(container), contextlib.ExitStack() as stack:
        source = stack.enter_context(_by_libsndfile(path, container))
        if source is None:
            source = stack.enter_context(_by_ffmpeg(path, container, most_s))
        _check_rate(path, source.sample_rate)
        yield source


def _check_rate(path: Path, rate: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"{path}: found a sample rate of {rate:,} Hz, {MIN_RATE:,} to {MAX_RATE:,} Hz is wanted")


@contextmanager
def _by_libsndfile(path: Path, container: SoundContainer) -> Iterator[SoundSource | None]:
    """The source, or None where libsndfile cannot decode it or finds no samples."""
    import soundfile

    with path.open("rb") as raw, contextlib.ExitStack() as stack:
        file = _sequential(_PatchedFile(raw, container.patches) if container.patches else _NamelessFile(raw))
        if file is None:
            yield None
            return
        stack.enter_context(file)
        # Of an Ogg file that is cut off libsndfile may find the streams but no sound.
        if file.frames <= 0 and container.name == "Ogg":
            yield None
            return
        announced = container.announced
        if announced is None and container.gives_length:
            announced = file.frames
        yield SoundSource(
            path,
            f"{container.name}, {soundfile.available_subtypes().get(file.subtype, file.subtype)}",
            f"libsndfile {soundfile.__libsndfile_version__.removeprefix('libsndfile-')}",
            file.samplerate,
            file.channels,
            announced,
            _STEPS.get(file.subtype, 0.0),
            file.subtype in _LOSSY,
            container.remarks,
            file,
            announced is not None and announced == file.frames and file.subtype in _STEPS and container.name != "FLAC",
        )


def _sequential(data: "_NamelessFile") -> "soundfile.SoundFile | None":
    """A `SoundFile` that reads on where it stopped, or None where libsndfile cannot decode the data."""
    import soundfile

    class SequentialFile(soundfile.SoundFile):
        def seekable(self) -> bool:
            # `SoundFile` would seek after each block, which fails at the end of a damaged file.
            return False

    try:
        return SequentialFile(cast("BinaryIO", data), "r")
    except (OSError, RuntimeError, TypeError):
        return None


@contextmanager
def _by_ffmpeg(path: Path, container: SoundContainer, most_s: float) -> Iterator[SoundSource]:
    whole = f"{path}: cannot be decoded as sound: found {container.name}"
    if not ffmpeg.is_installed():
        damage = f" ({'; '.join(container.remarks)})" if container.remarks else ""
        raise AudioError(f"{whole}{damage}, {WANTED}, or ffmpeg on the PATH to decode it")
    try:
        with ffmpeg.decoded(path, container.demuxer, min(most_s, 86_400.0)) as sound:
            if sound.path is None:
                reason = sound.errors[-1] if sound.errors else "no sound track"
                raise AudioError(f"{whole} (ffmpeg: {reason}), {WANTED}")
            plain = replace(read_container(sound.path), remarks=(), announced=None)
            with _by_libsndfile(sound.path, plain) as source:
                if source is None:
                    raise AudioError(f"{whole} without samples (ffmpeg), {WANTED}")
                announced = None if sound.duration_s is None else round(sound.duration_s * source.sample_rate)
                said = (f"ffmpeg reports: {sound.errors[0]}",) if sound.errors else ()
                yield replace(
                    source,
                    path=path,
                    format=container.name,
                    decoder="ffmpeg",
                    announced=announced,
                    step=0.0,
                    lossy=True,
                    announced_is_there=False,
                    remarks=(*container.remarks, *said),
                )
    except (OSError, TimeoutError) as error:
        raise AudioError(f"{whole} ({error}), {WANTED}") from None


class _NamelessFile(io.RawIOBase):
    """A file without its name, since soundfile takes the format of some from the suffix."""

    mode = "r"

    def __init__(self, file: Any) -> None:
        self._file = file

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = 0) -> int:
        # A damaged header sends the decoder before the file's start.
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def write(self, data: Any) -> int:
        raise OSError("read only")


class _PatchedFile(_NamelessFile):
    """A file with some bytes of its header replaced."""

    def __init__(self, file: Any, patches: tuple[HeaderPatch, ...]) -> None:
        super().__init__(file)
        self._patches = patches

    def readinto(self, buffer: Any) -> int:
        start = self._file.tell()
        n = self._file.readinto(buffer)
        view = memoryview(buffer).cast("B")
        for patch in self._patches:
            for k, byte in enumerate(patch.data):
                if start <= patch.offset + k < start + n:
                    view[patch.offset + k - start] = byte
        return n


_MPG123_WORDS = re.compile(rb"(?:\[[^\]]*libmpg123|Note: |Warning: |WARNING: )")
_MPEG_LOCK = threading.RLock()


@contextmanager
def _quiet(container: SoundContainer) -> Iterator[None]:
    """Keep the MP3 decoder from printing its warnings, which it writes to the process's stderr.

    What others write there in the meantime, the progress of another thread perhaps, appears afterwards.
    """
    if not container.is_mpeg:
        yield
        return
    import sys
    import tempfile

    with _MPEG_LOCK, tempfile.TemporaryFile() as said:
        try:
            sys.stderr.flush()
            kept = os.dup(2)
        except (OSError, ValueError, AttributeError):  # a process without stderr
            yield
            return
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            os.write(2, b"".join(map(_without_mpg123, said.read().splitlines(keepends=True))))


def _without_mpg123(line: bytes) -> bytes:
    """What others wrote in a line; they may have written its beginning alone."""
    others = _MPG123_WORDS.split(line, maxsplit=1)[0]
    return others.rstrip() + b"\n" if others.strip() else b""


def missing_samples(source: SoundSource, counter: SampleCounter) -> tuple[str, ...]:
    """Remarks on what was announced and what was there.

    Args:
      source: the file.
      counter: after its last block.
    """
    announced = source.announced
    if counter.broken:
        of = "" if announced is None else f" of {announced:,}"
        return (f"damaged: {counter.start + counter.decoded:,}{of} announced samples can be decoded",)
    if announced is None:
        return ()
    wanted = max(announced if counter.stop is None else min(announced, counter.stop), counter.start)
    found = counter.start + counter.decoded
    if found in (wanted, counter.stop):
        return ()
    counts = f"the file announces {announced:,} samples, {found:,} are there"
    if source.lossy and abs(found - wanted) <= _PADDING:
        exact = found < wanted and source.decoder != "ffmpeg"  # whose duration is rounded
        return (f"{counts}, since the coder pads the ends; nothing is damaged",) if exact else ()
    return (f"{counts}; its header is wrong" + (", or it is cut off" if found < wanted else ""),)
