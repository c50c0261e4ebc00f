"""Settings of the compiler that speed hangs on; applied when `ddx7` is imported, before JAX is.

Nothing here overrides a variable that the user has set.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

# XLA runs the body of a loop as a handful of separately launched kernels unless the loop touches less than a kilobyte;
# then the loop is one kernel. The feedback operator's loop of 64 samples over 32 voices touches 16: as one kernel it is
# three times as fast. Later jaxlibs ignore an option that they do not know in this list.
_WHOLE_LOOPS = "xla_cpu_small_while_loop_byte_threshold=65536"

ONE_THREAD: dict[str, str | bool] = {
    "xla_cpu_multi_thread_eigen": False,
    "xla_cpu_enable_concurrency_optimized_scheduler": False,
}
"""For `jax.jit` of work that is spread over cores from outside: its many small kernels run one after another.

With XLA's own scheduling two such programs side by side take turns waiting: rendering 128 voices on two cores goes from
1,400 to 2,450 seconds of audio a second.
"""


def cache_folder() -> Path | None:
    """This user's folder for what ddx7 can compute again; None where there is no home folder."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ddx7"
    except RuntimeError:  # Path.home: the user has none
        return None


def configure() -> None:
    """Ask XLA for whole-loop kernels on the CPU, and JAX to keep what it compiled for the next process."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_extra_options={_WHOLE_LOOPS}".strip()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ddx7" / "xla"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
    if "jax" in sys.modules:  # it has read its variables already
        config = sys.modules["jax"].config
        if config.jax_compilation_cache_dir is None:
            config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])


def in_groups(work: "Callable[[np.ndarray], np.ndarray]", n: int, size: int) -> "np.ndarray":
    """Work done on groups of one size, so that it is compiled once, over all cores.

    Args:
      work: from the indices of a group, int [size], to its results, the group's axis first; compiled `ONE_THREAD`.
      n: how many there are; the last group is filled up with the first ones.
      size: of a group.

    Returns:
      results of all n, in order.
    """
    # Here, because this module is loaded with the package.
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    groups = np.arange(-(-n // size) * size).reshape(-1, size) % n
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(work, groups)))[:n]
