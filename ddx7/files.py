"""Writing files safely: never over another file unasked, never half a file."""

import contextlib
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from ddx7.errors import Ddx7Error


def refuse_to_overwrite(paths: Iterable[str | os.PathLike[str]], *, force: bool = False) -> None:
    """Check that files may be written, before any of them is.

    Args:
      paths: the files to come.
      force: existing files may be replaced; folders never are.

    Raises:
      Ddx7Error: one of them exists (without `force`) or is a folder.
    """
    for path in map(Path, paths):
        if path.is_dir():
            raise Ddx7Error(f"{path}: found a folder, wanted the name of a file to write")
        if not force and os.path.lexists(path):
            raise Ddx7Error(f"{path}: exists already and is not overwritten unless forced")


def atomic_write(path: str | os.PathLike[str], data: bytes, *, force: bool = False) -> Path:
    """Write a file so that a reader or a crash sees the old file or the new one, never a part.

    The bytes go to a temporary file in the same folder, are synced to the disk and then renamed. Missing folders are
    made.

    Args:
      path: the file.
      data: all of its bytes.
      force: replace the file if there is one.

    Returns:
      the path.

    Raises:
      Ddx7Error: the file exists (without `force`), or it cannot be written.
    """
    path = Path(path)
    refuse_to_overwrite([path], force=force)
    temporary = path.parent / f".ddx7-{secrets.token_hex(8)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Opened by hand, not by `tempfile`, which would leave the file readable by its owner alone.
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except (FileExistsError, NotADirectoryError):
        raise Ddx7Error(f"{path}: cannot be written, because a folder of this path is a file") from None
    except OSError as error:
        raise Ddx7Error(f"{path}: cannot be written ({error.strerror or error})") from None
    return path


def write_files(files: Mapping[Path, bytes], *, force: bool = False) -> list[Path]:
    """Write several files, each atomically, after checking that all of them may be written.

    Returns:
      the paths, in order.

    Raises:
      Ddx7Error: one of them exists (without `force`), and then none is written; or one cannot be written.
    """
    refuse_to_overwrite(files, force=force)
    return [atomic_write(path, data, force=force) for path, data in files.items()]


def _sync_folder(folder: Path) -> None:
    # The rename itself reaches the disk only with its folder. Windows cannot open folders, and need not.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
