"""The recordings in a folder."""

from pathlib import Path

from ddx7.errors import AudioError

SOUND_SUFFIXES = frozenset(
    ".wav .w64 .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .caf .m4a .aac .wma .webm".split()
)
"""Suffixes of the files in folders that are taken for recordings; a file given by itself may have any suffix.

The last four need ffmpeg.
"""


def sound_files(folder: Path) -> list[Path]:
    """All recordings in a folder and its subfolders, in order of their paths, without hidden ones.

    Raises:
      AudioError: there is none.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SOUND_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not found:
        wanted = ", ".join(sorted(SOUND_SUFFIXES))
        raise AudioError(f"{folder}: found a folder without recordings, some of {wanted} are wanted")
    return found
