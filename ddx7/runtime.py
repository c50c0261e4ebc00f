"""Settings of XLA and JAX that the speed of ddx7 depends on, and work spread over the cores.

`import ddx7` changes nothing in the process. `configure` runs before a part of ddx7 compiles for the first time, and
leaves everything alone that the user has set.
"""

import math
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

# XLA launches several kernels per iteration of a loop unless the loop touches less than a kilobyte; then the loop is
# one kernel. The feedback loop over 64 samples of 32 voices touches 16 kilobytes: as one kernel it is three times as
# fast. Only XLA_FLAGS reaches this option: `jax.jit` refuses it among its compiler options. Later jaxlibs ignore an
# option in this list that they do not know.
_WHOLE_LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=65536"
_MIN_COMPILE_TIME_S = 0.2

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


def program_folder() -> Path | None:
    """The folder in which JAX keeps compiled programs; None where there is none that can be written.

    The user's choice, JAX_COMPILATION_CACHE_DIR, comes before the folder of ddx7.
    """
    if chosen := os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return Path(chosen)
    folder = cache_folder()
    return folder / "xla" if folder is not None and can_write(folder / "xla") else None


@cache
def configure() -> None:
    """Ask XLA for whole-loop kernels on the CPU, and JAX to keep compiled programs for the next process.

    XLA reads its flags at the first compilation of the process, so the first option only takes effect before it.
    """
    import jax

    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_WHOLE_LOOPS}".strip()
    chosen = jax.config.values["jax_compilation_cache_dir"] or "JAX_COMPILATION_CACHE_DIR" in os.environ
    if not chosen and (folder := program_folder()) is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
            jax.config.update("jax_persistent_cache_min_compile_time_secs", _MIN_COMPILE_TIME_S)


def can_write(folder: Path) -> bool:
    """Whether files can be made in a folder; makes the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@cache
def n_cores() -> int:
    """Cores that this process may use: by its affinity, and by the CPU quota of its container; at least 1."""
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        n = os.cpu_count() or 1
    return max(1, min(n, math.ceil(min(_quotas(Path("/")), default=n))))


def _quotas(root: Path) -> list[float]:
    """CPU quotas in cores of the control groups that this process belongs to; none where there is no limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        # Inside a container the path of the group is often that of the host, so the mount's root counts, too.
        groups = [PurePosixPath(path), *PurePosixPath(path).parents, PurePosixPath("/")]
        for group in dict.fromkeys(str(group).lstrip("/") for group in groups):
            if not controllers:
                quotas += _quota(root / "sys/fs/cgroup" / group / "cpu.max")
            elif "cpu" in controllers.split(","):
                folder = root / "sys/fs/cgroup/cpu" / group
                quotas += _quota(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")
    return quotas


def _quota(*files: Path) -> list[float]:
    """Cores by a quota and its period in microseconds, which stand in one file (version 2) or in two (version 1)."""
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        return [int(quota) / int(period)] if int(quota) > 0 else []
    except (OSError, ValueError):  # no such group; or "max", no limit
        return []


def in_threads(work: "Callable[[Any], None]", tasks: "Sequence[Any]") -> None:
    """Do tasks on all cores; a single one in this thread. An interrupt drops those that have not begun."""
    if len(tasks) <= 1:
        for task in tasks:
            work(task)
        return
    with ThreadPoolExecutor(min(n_cores(), len(tasks))) as pool:
        try:
            for _ in pool.map(work, tasks):
                pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def in_groups(work: "Callable[[np.ndarray], np.ndarray]", n: int, size: int) -> "np.ndarray":
    """Results of groups of one size, so that their work is compiled once; on all cores.

    Args:
      work: from the indices of a group, int [size], to its results, the group's axis first; compiled `ONE_THREAD`.
      n: number of items; the first ones fill up the last group.
      size: of a group.

    Returns:
      results of all n, in order.
    """
    import numpy as np

    configure()
    groups = np.arange(-(-n // size) * size).reshape(-1, size) % n
    with ThreadPoolExecutor(n_cores()) as pool:
        return np.concatenate(list(pool.map(work, groups)))[:n]
