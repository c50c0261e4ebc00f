"""Sounds of a session: decoded from uploads or rendered, kept as files, and cached in memory."""

import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from ddx7.audio.files import read_audio, write_audio
from ddx7.audio.limiter import limit_level
from ddx7.errors import AudioError

MAX_UPLOAD_BYTES = 64 * 2**20
"""Largest upload."""
MAX_SECONDS = 600.0
"""Longest recording that is decoded."""
_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64")
_CACHED_SAMPLES = 64 * 2**20 // 4


@dataclass(frozen=True, eq=False)
class Sound:
    """A mono sound.

    Attributes:
      samples: float32 [time].
      sample_rate: in Hz.
    """

    samples: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


def decode_upload(data: bytes, name: str, scratch: Path) -> Sound:
    """Decode an uploaded recording.

    Args:
      data: the file.
      name: as the page calls it; used for its suffix and in messages, never as a path.
      scratch: folder for the file while it is decoded.

    Raises:
      AudioError: it cannot be decoded, is silent, or is longer than `MAX_SECONDS`.
    """
    shown = name or "the recording"
    suffix = Path(name).suffix.lower()
    with tempfile.NamedTemporaryFile(dir=scratch, suffix=suffix if suffix in _SUFFIXES else ".wav") as file:
        file.write(data)
        file.flush()
        try:
            recording = read_audio(file.name, max_seconds=MAX_SECONDS)
        except AudioError as error:
            raise AudioError(str(error).replace(file.name, shown)) from None
    return Sound(recording.samples, recording.sample_rate)


def write_sound(sound: Sound, path: Path) -> None:
    """Write a sound as FLAC; moments that would clip are turned down."""
    write_audio(path, limit_level(sound.samples, sound.sample_rate, 0.0).samples, sound.sample_rate, force=True)


class SoundCache:
    """Decoded sounds of all sessions, the most recently used ones."""

    def __init__(self) -> None:
        self._sounds: OrderedDict[Path, Sound] = OrderedDict()
        self._lock = Lock()

    def put(self, path: Path, sound: Sound) -> None:
        """Remember a sound by its file."""
        with self._lock:
            self._sounds[path] = sound
            self._sounds.move_to_end(path)
            while sum(len(s.samples) for s in self._sounds.values()) > _CACHED_SAMPLES and len(self._sounds) > 1:
                self._sounds.popitem(last=False)

    def get(self, path: Path) -> Sound:
        """The sound of a file that this server wrote.

        Raises:
          AudioError: the file is gone.
        """
        with self._lock:
            if path in self._sounds:
                self._sounds.move_to_end(path)
                return self._sounds[path]
        recording = read_audio(path, max_seconds=MAX_SECONDS)
        sound = Sound(recording.samples, recording.sample_rate)
        self.put(path, sound)
        return sound
