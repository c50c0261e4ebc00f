"""Formats that libsndfile does not decode, AAC above all, through the program ffmpeg where it is installed."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

TIMEOUT_S = 120.0
"""Longest run of the program; it decodes ten minutes of AAC in about two seconds."""
MAX_BYTES = 2 << 30  # of decoded sound on disk
_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_ERROR = re.compile(r"\[(?:error|fatal|panic)\]\s*(.*)")


class FfmpegSound(NamedTuple):
    """Sound that ffmpeg decoded.

    Attributes:
      path: a temporary W64 file of float samples; None if there is no sound.
      duration_s: length that the container announces; None if it gives none.
      errors: what the program complained about, a line each without repetition.
    """

    path: Path | None
    duration_s: float | None
    errors: tuple[str, ...]


def is_installed() -> bool:
    """Whether the program is on the path."""
    return shutil.which("ffmpeg") is not None


@contextmanager
def decoded(path: Path, demuxer: str, most_s: float) -> Iterator[FfmpegSound]:
    """The first sound track of a file, as a temporary file that is removed at the end.

    The program runs without a shell, opens files and pipes alone, never the network, and takes the file for the given
    format and no other. Its time, and the length and the bytes that it writes, are bounded.

    Args:
      path: of the file.
      demuxer: ffmpeg's name of the format.
      most_s: seconds after which decoding stops.

    Raises:
      OSError: the program is not installed or cannot be run.
      TimeoutError: it takes longer than `TIMEOUT_S`.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise FileNotFoundError("ffmpeg")
    with tempfile.TemporaryDirectory(prefix="ddx7-") as folder:
        sound = Path(folder, "sound.w64")
        command = [program, "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]
        command += ["-protocol_whitelist", "file,pipe", "-f", demuxer, "-i", f"file:{path.resolve()}"]
        command += ["-map", "0:a:0", "-map_metadata", "-1", "-t", f"{most_s:.3f}", "-fs", str(MAX_BYTES)]
        command += ["-codec:a", "pcm_f32le", "-f", "w64", f"file:{sound}"]
        try:
            done = subprocess.run(  # noqa: S603 - a list of words and no shell
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"ffmpeg did not finish within {TIMEOUT_S:.0f} s") from None
        said = done.stderr[-200_000:].decode(errors="replace")
        announced = _DURATION.search(done.stderr[:20_000].decode(errors="replace"))
        duration_s = None
        if announced:
            hours, minutes, seconds = announced.groups()
            duration_s = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
        there = sound.exists() and sound.stat().st_size > 0
        yield FfmpegSound(sound if there else None, duration_s, _errors(said, path))


def _errors(said: str, path: Path) -> tuple[str, ...]:
    lines = (_ERROR.search(line) for line in said.splitlines())
    found = (match.group(1).replace(f"file:{path.resolve()}", "").strip(" :")[:120] for match in lines if match)
    return tuple(dict.fromkeys(line for line in found if line))
