"""Long work on many voices in shards; finished shards are kept, so that a run that was stopped resumes."""

import hashlib
import importlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write

SIZE = 1024
"""Voices in a shard; rendering and measuring one takes some seconds on two cores."""

Arrays = Mapping[str, np.ndarray]
Work = Callable[[np.ndarray], Arrays]

_DIGEST = "digest"


@runtime_checkable
class Client(Protocol):
    """The part of ``distributed.Client`` that is used."""

    def submit(self, func: Work, /, *args: Any, pure: bool) -> Any:
        """Let a worker call a function; returns a future."""
        ...


class _Shard(NamedTuple):
    rows: slice
    path: Path | None
    digest: bytes


def in_shards(
    work: Work,
    vced: np.ndarray,
    *,
    version: str,
    folder: Path | None = None,
    progress: Callable[[int, int], object] | None = None,
    client: Client | None = None,
    size: int = SIZE,
) -> dict[str, np.ndarray]:
    """Work on voices shard by shard.

    Args:
      work: from voices, uint8 [voice, 155], to arrays with the voice axis first; a function of a module, if there is a
        client.
      vced: all voices.
      version: of the work; results of another version are computed anew.
      folder: keeps finished shards. A shard of the same voices and version is read from there; a damaged file, or one
        of other voices, is replaced. None keeps nothing.
      progress: called after each shard with the number of finished voices and of all.
      client: of a Dask cluster (the extra ``cluster``), whose workers do the work; None does it in this process.
      size: voices in a shard.

    Returns:
      the arrays of all voices, in order.

    Raises:
      Ddx7Error: no voices, or the folder cannot be written.
    """
    if not len(vced):
        raise Ddx7Error("found no voices to work on, wanted at least one")
    shards = [_shard(vced, first, size, version, folder) for first in range(0, len(vced), size)]
    results = {shard.rows.start: arrays for shard in shards if (arrays := _stored(shard)) is not None}
    n_done = sum(len(vced[shard.rows]) for shard in shards if shard.rows.start in results)
    if progress is not None and n_done:
        progress(n_done, len(vced))
    missing = [shard for shard in shards if shard.rows.start not in results]
    for shard, arrays in _done(work, vced, missing, client):
        if shard.path is not None:
            _store(shard, shard.path, arrays)
        results[shard.rows.start] = arrays
        n_done += len(vced[shard.rows])
        if progress is not None:
            progress(n_done, len(vced))
    parts = [results[shard.rows.start] for shard in shards]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _shard(vced: np.ndarray, first: int, size: int, version: str, folder: Path | None) -> _Shard:
    rows = slice(first, min(first + size, len(vced)))
    content = np.ascontiguousarray(vced[rows], np.uint8)
    digest = hashlib.sha256(f"{version} {content.shape}".encode() + content.tobytes()).digest()
    return _Shard(rows, folder / f"{first // size:05d}.npz" if folder is not None else None, digest)


def _done(work: Work, vced: np.ndarray, shards: list[_Shard], client: Client | None) -> Iterator[tuple[_Shard, Arrays]]:
    """Each shard with its result, in the order of completion."""
    if client is None:
        yield from ((shard, work(vced[shard.rows])) for shard in shards)
        return
    as_completed = importlib.import_module("distributed").as_completed

    # Not pure, so that Dask computes a shard again after its worker was lost.
    futures: dict[Any, _Shard] = {client.submit(work, vced[shard.rows], pure=False): shard for shard in shards}
    for future, arrays in as_completed(futures, with_results=True):
        yield futures[future], arrays


def _stored(shard: _Shard) -> Arrays | None:
    """The result that an earlier run stored; None if there is none, or it is damaged or of other voices."""
    if shard.path is None or not shard.path.is_file():
        return None
    try:
        with np.load(io.BytesIO(shard.path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
    return arrays if arrays.pop(_DIGEST, np.array(0)).tobytes() == shard.digest else None


def _store(shard: _Shard, path: Path, arrays: Arrays) -> None:
    buffer = io.BytesIO()
    digest = np.frombuffer(shard.digest, np.uint8)
    np.savez(buffer, **{**arrays, _DIGEST: digest})  # pyright: ignore[reportArgumentType]
    atomic_write(path, buffer.getvalue(), force=True)
