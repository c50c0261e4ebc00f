"""Safe writing of files: atomic, and no overwriting without `force`."""

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ddx7.errors import Ddx7Error

_temporary_files: set[Path] = set()
_TRIAL_BYTES = 1 << 16  # more than the voices take, so that a full disk is found
# Characters that Windows forbids in file names, and the DX7's own three, which some file systems cannot encode.
_UNSAFE = re.compile(r'[<>:"/\\|?*¥→←]')


def safe_name(text: str) -> str:
    """A text without characters that a file system refuses; never empty.

    >>> safe_name("horn: loud.")
    'horn_ loud'
    """
    return _UNSAFE.sub("_", text).strip(" .") or "voice"


def refuse_to_overwrite(paths: Iterable[str | os.PathLike[str]], *, force: bool = False) -> None:
    """Check that files may be written, before writing any of them.

    Args:
      paths: the files to write.
      force: allow the replacement of existing files; folders are never replaced.

    Raises:
      Ddx7Error: one of them exists (without `force`) or is a folder.
    """
    for path in map(Path, paths):
        if path.is_dir():
            raise Ddx7Error(f"{path}: found a folder, wanted the name of a file to write")
        if not force and os.path.lexists(path):
            raise Ddx7Error(f"{path}: exists already; --force, or force=True in Python, replaces it")


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Check that a folder can be made and written to, before long work begins; leaves nothing behind.

    Raises:
      Ddx7Error: a file stands in its place, or a trial file cannot be written there.
    """
    folder = Path(folder)
    nearest = next(place for place in (folder, *folder.parents) if os.path.lexists(place) or place.parent == place)
    if not nearest.is_dir():
        raise Ddx7Error(f"{nearest}: found a file, wanted a folder to write to")
    try:
        with tempfile.TemporaryFile(dir=nearest) as trial:
            trial.write(bytes(_TRIAL_BYTES))
    except OSError as error:
        raise Ddx7Error(f"{folder}: cannot be written to ({error.strerror or error})") from None


def atomic_write(path: str | os.PathLike[str], data: bytes, *, force: bool = False) -> Path:
    """Write a file atomically: a reader sees the old file or the new one, also after a crash.

    The function writes a temporary file in the same folder, syncs it to the disk and renames it. It makes missing
    folders.

    Args:
      path: the file.
      data: its bytes.
      force: replace an existing file.

    Returns:
      the path.

    Raises:
      Ddx7Error: the file exists (without `force`), or it cannot be written.
    """
    path = Path(path)
    refuse_to_overwrite([path], force=force)
    temporary = path.parent / f".ddx7-{secrets.token_hex(8)}.tmp"
    _temporary_files.add(temporary)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # `tempfile` would make the file readable by its owner alone.
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
            _temporary_files.discard(temporary)
        _sync_folder(path.parent)
    except (FileExistsError, NotADirectoryError):
        raise Ddx7Error(f"{path}: cannot be written, because a folder of this path is a file") from None
    except OSError as error:
        raise Ddx7Error(f"{path}: cannot be written ({error.strerror or error})") from None
    return path


def remove_temporary_files() -> None:
    """Remove what `atomic_write` has begun, for a process that ends at once."""
    for path in list(_temporary_files):
        with contextlib.suppress(OSError):
            path.unlink()


def write_files(files: Mapping[Path, bytes], *, force: bool = False) -> list[Path]:
    """Check that all files may be written, then write each atomically.

    Args:
      files: path to bytes.
      force: replace existing files.

    Returns:
      the paths, in order.

    Raises:
      Ddx7Error: one of them exists (without `force`): no file is written; or one cannot be written.
    """
    refuse_to_overwrite(files, force=force)
    return [atomic_write(path, data, force=force) for path, data in files.items()]


def _sync_folder(folder: Path) -> None:
    # The rename reaches the disk with its folder. Windows cannot open folders and does not need to.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
