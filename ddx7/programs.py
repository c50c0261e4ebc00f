"""Programs of JAX that outlive the process: traced once, then read from a file.

A process that finds a program in the cache neither traces Python nor imports the library of the network. XLA's machine
code comes from JAX's own cache of compiled programs, as always. A file that is missing, torn or of another version of
ddx7 or JAX costs the time of a trace, never the result.
"""

import contextlib
import hashlib
import pickle
import shutil
import threading
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np
from jax.core import Tracer

from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write
from ddx7.runtime import cache_folder, configure

_KEPT_VERSIONS = 4  # of the source; older ones are deleted
_SETTINGS = ("jax_enable_x64", "jax_default_matmul_precision", "jax_default_prng_impl", "jax_threefry_partitionable")


class StoredProgram:
    """A function of arrays, compiled; each combination of shapes is traced once on a machine.

    Args:
      name: unique among all stored programs of one setting.
      build: makes the function, whose arguments and result are pytrees of arrays. It is called only where no file holds
        the program, so it may import what the trace needs.
      setting: all that the function depends on beside its arguments and the source of ddx7, as text.
      compiler_options: as of `jax.jit`.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], Callable[..., Any]],
        setting: str = "",
        compiler_options: dict[str, str | bool] | None = None,
    ) -> None:
        self._name, self._build, self._setting = name, build, setting
        self._options = compiler_options
        self._programs: dict[Any, tuple[Callable[..., Any], Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        """The function's result."""
        leaves, tree = jax.tree.flatten(arguments)
        if any(isinstance(leaf, Tracer) for leaf in leaves):
            return self._build()(*arguments)
        leaves = [leaf if hasattr(leaf, "dtype") else np.asarray(leaf, np.result_type(leaf)) for leaf in leaves]
        key = tree, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
        if key not in self._programs:
            with self._lock:
                if key not in self._programs:
                    configure()
                    self._programs[key] = self._load(tree, leaves)
        program, result = self._programs[key]
        return jax.tree.unflatten(result, program(*leaves))

    def _load(self, tree: Any, leaves: list[Any]) -> tuple[Callable[..., Any], Any]:
        """A compiled program from leaves to leaves, and the structure of its result."""
        path = self._path(tree, leaves)
        stored = _read(path) if path else None
        if stored is None:
            stored = self._trace(tree, leaves)
            if path is not None:
                _write(path, stored)
        exported, result = stored
        return jax.jit(exported.call, compiler_options=self._options), result

    def _trace(self, tree: Any, leaves: list[Any]) -> tuple[Any, Any]:
        function, results = self._build(), []

        def flat(*leaves: Any) -> list[Any]:
            found, result = jax.tree.flatten(function(*jax.tree.unflatten(tree, leaves)))
            results.append(result)
            return found

        shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
        return jax.export.export(jax.jit(flat))(*shapes), results[-1]

    def _path(self, tree: Any, leaves: list[Any]) -> Path | None:
        folder = _folder()
        described = str(tree)
        if folder is None or " at 0x" in described:  # an address means another program in each process
            return None
        shapes = " ".join(f"{leaf.dtype}{leaf.shape}" for leaf in leaves)
        text = "\n".join([self._setting, described, shapes, *(str(getattr(jax.config, name)) for name in _SETTINGS)])
        return folder / f"{self._name}-{jax.default_backend()}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@cache
def _folder() -> Path | None:
    """Folder for the programs of this source under this JAX; None where there is no home folder."""
    above = cache_folder()
    if above is None:
        return None
    digest = hashlib.sha256(f"{jax.__version__} {version('jaxlib')} {np.__version__}".encode())
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return above / "programs" / digest.hexdigest()[:16]


def _read(path: Path) -> tuple[Any, Any] | None:
    """What `_write` wrote; None where that is missing or unreadable."""
    try:
        # The cache is the user's own and holds machine code, too.
        packed, result = pickle.loads(path.read_bytes())  # noqa: S301
        return jax.export.deserialize(bytearray(packed)), result
    except Exception:  # a torn file raises anything
        return None


def _write(path: Path, stored: tuple[Any, Any]) -> None:
    exported, result = stored
    # What cannot be stored is traced again next time.
    with contextlib.suppress(
        Ddx7Error, ImportError, OSError, pickle.PicklingError, TypeError, ValueError, NotImplementedError
    ):
        packed = pickle.dumps((bytes(exported.serialize()), result))
        if not path.parent.exists():
            _forget_old(path.parent.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, packed, force=True)


def _forget_old(above: Path) -> None:
    folders = sorted(above.glob("*/"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[_KEPT_VERSIONS - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)
