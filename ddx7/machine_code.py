"""Machine code by numba that is kept for later processes: where it lies, and whether this process should use it.

The engine's renderer and the perceptual distance have kernels in numba beside their code in JAX. Compiling takes
seconds, so a process begins with JAX unless an earlier one has left the machine code in the cache.
"""

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ddx7.errors import Ddx7Error
from ddx7.runtime import cache_folder, can_write

VARIABLE = "DDX7_RENDERER"
"""Environment variable that decides: `numba`, `jax`, or `auto`, the default."""

_T = TypeVar("_T")


def wish() -> str:
    """What the user chose: numba, jax or auto.

    Raises:
      Ddx7Error: the environment names anything else.
    """
    wish = os.environ.get(VARIABLE) or "auto"
    if wish not in ("auto", "numba", "jax"):
        raise Ddx7Error(f"{VARIABLE}: found {wish!r}, wanted numba, jax or auto")
    return wish


def compile_kept(folder: Path | None, compile_all: Callable[[], _T]) -> _T:
    """Import and compile functions, or load them from a folder.

    Args:
      folder: for the machine code; None or one that cannot be written keeps none.
      compile_all: imports the functions and calls each once.
    """
    config: Any = importlib.import_module("numba.core.config")
    _import_array_functions()
    if folder is not None and not can_write(folder):
        folder = None
    before = config.CACHE_DIR
    if folder is not None and not before:
        config.CACHE_DIR = str(folder)
    try:
        result = compile_all()  # numba takes the folder when it meets a function
    finally:
        config.CACHE_DIR = before
    if folder is not None:
        (folder / _marker()).touch()
    return result


def _import_array_functions() -> None:
    """Import numba's functions of arrays without `scipy.linalg`, which takes a tenth of the time of `ddx7 render`.

    numba imports it there only to see that it can. JAX depends on SciPy, and numba looks again for each function that
    needs it.
    """
    with contextlib.suppress(ImportError, AttributeError):  # of another version
        linalg: Any = importlib.import_module("numba.np.linalg")
        check, linalg.ensure_blas = linalg.ensure_blas, lambda: None
        try:
            importlib.import_module("numba.np.arraymath")
        finally:
            linalg.ensure_blas = check


def is_kept(folder: Path | None) -> bool:
    """Whether a process like this one has compiled into a folder."""
    # An import of llvmlite takes a while, so it comes last.
    return folder is not None and any(folder.glob("ready-*")) and (folder / _marker()).exists()


def code_folder(sources: Sequence[Path]) -> Path | None:
    """Folder for the machine code of source files; None where there is no home folder."""
    above = cache_folder()
    if above is None:
        return None
    source = b"".join(path.read_bytes() for path in sources)
    return above / "numba" / hashlib.sha256(source).hexdigest()[:16]


@cache
def _marker() -> str:
    """Name of a file that says that this machine and this Python have compiled here."""
    import llvmlite.binding

    versions = (platform.python_version(), *map(importlib.metadata.version, ("numba", "llvmlite", "numpy")))
    processor = llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten()
    text = " ".join((*versions, *processor, str(Path(__file__).parent / "engine")))
    return "ready-" + hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def has_gpu() -> bool:
    """Whether JAX computes on something faster than the CPU; it starts only where a plugin for that is installed."""
    plugins = importlib.util.find_spec("jax_plugins") is not None
    if not (plugins or importlib.metadata.entry_points(group="jax_plugins")):
        return False
    import jax

    return jax.default_backend() != "cpu"
