"""Long work in a queue: each lane has one warm worker process, and every step becomes an event of the session."""

import secrets
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, Literal, cast

from ddx7.web.event_log import EventLog
from ddx7.web.worker import receive_message, send_message

JobState = Literal["queued", "running", "done", "failed", "stopped"]
Lane = Literal["search", "make", "library"]

_GRACE_S = 4.0  # for a cancelled job to end by itself, before its process is ended
_CLOSING_S = 5.0
MAX_QUEUED = 32
"""Jobs of a session that may wait or run at once."""


@dataclass(eq=False)
class Job:
    """One piece of long work.

    Attributes:
      id: unguessable name.
      kind: what it does, such as "match".
      title: for the page.
      log: events of its session.
      function: runs in the worker: `function(report, *arguments)`; of a module, so that it can be pickled.
      arguments: of the function; pickled.
      finish: runs in the server: turns the function's result into JSON, and keeps what must be kept.
      watch: runs in the server: turns a report into JSON.
      keep: runs in the server when the job is done: keeps its JSON beyond this run of the server.
      state: where it stands.
      stopping: whether a stop was asked for.
      cancelled: whether its result is unwanted.
      result: JSON of a finished job.
      error: sentence of a failed one.
      progress: its newest report.
    """

    id: str
    kind: str
    title: str
    log: EventLog
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    finish: Callable[[Any], dict[str, Any]]
    watch: Callable[[dict[str, Any]], dict[str, Any]]
    keep: Callable[[dict[str, Any]], None] | None = None
    state: JobState = "queued"
    stopping: bool = False
    cancelled: bool = False
    result: dict[str, Any] | None = None
    error: str = ""
    progress: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The job as the page sees it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "stopping": self.stopping,
            "progress": self.progress,
            "result": self.result,
            "error": self.error,
        }

    def tell(self) -> None:
        """Add its present state to the events of the session."""
        self.log.append({"type": "job", "job": self.to_dict()}, replaces=self.id)


class Jobs:
    """The queue."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, _Worker] = {}
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._closed = False

    def submit(
        self,
        log: EventLog,
        kind: str,
        title: str,
        function: Callable[..., Any],
        *arguments: Any,
        finish: Callable[[Any], dict[str, Any]],
        watch: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        keep: Callable[[dict[str, Any]], None] | None = None,
        lane: Lane = "make",
    ) -> Job:
        """Queue a job.

        Args:
          log: events of the session that it belongs to.
          kind: what it does.
          title: for the page.
          function: runs in the worker, with a `Report` before the arguments.
          *arguments: pickled.
          finish: in the server: from the result to JSON.
          watch: in the server: from a report to JSON.
          keep: in the server: keeps the JSON of the job when it is done.
          lane: "search" for what takes long, "make" for what a player waits for, "library" for what goes on meanwhile.
        """
        job = Job(secrets.token_hex(8), kind, title, log, function, arguments, finish, watch, keep)
        with self._lock:
            self._jobs[job.id] = job
        job.tell()
        self._worker(lane).put(job)
        return job

    def warm(self, lane: Lane, function: Callable[..., Any]) -> None:
        """Start a lane's worker and let it run something that loads what its jobs need."""
        job = Job("warm", "warm", "", EventLog(), function, (), lambda _: {}, dict)
        self._worker(lane).put(job)

    def of(self, log: EventLog) -> list[Job]:
        """Jobs of a session, oldest first."""
        return [job for job in list(self._jobs.values()) if job.log is log]

    def find(self, log: EventLog, job_id: str) -> Job | None:
        """A job of a session."""
        job = self._jobs.get(job_id)
        return job if job is not None and job.log is log else None

    def stop(self, job: Job) -> None:
        """Ask a job to end with what it has so far."""
        for worker in list(self._lanes.values()):
            worker.stop(job)

    def cancel(self, job: Job) -> None:
        """End a job and drop its result."""
        job.cancelled = True
        self.stop(job)
        for worker in list(self._lanes.values()):
            worker.end_after(job, _GRACE_S)

    def close(self) -> None:
        """End all workers at once."""
        self._closed = True
        for worker in list(self._lanes.values()):
            worker.close()

    def _worker(self, lane: Lane) -> "_Worker":
        with self._lock:
            if lane not in self._lanes:
                self._lanes[lane] = _Worker()
            return self._lanes[lane]


class _Worker:
    """One process, and the thread of the server that feeds it."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        """Queue a job."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()

    def stop(self, job: Job) -> None:
        """Ask a job to end; one that waits ends at once."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                job.state = "stopped"
            elif job is self._current and self._process and not job.stopping:
                job.stopping = True
                self._send(("stop", None))
            else:
                return
        job.tell()

    def end_after(self, job: Job, grace_s: float | int) -> None:
        """End the process if a job still runs in it after some time."""

        def end() -> None:
            with self._changed:
                if job is self._current and self._process:
                    self._process.kill()

        timer = threading.Timer(grace_s, end)
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """End the process and the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            if self._process:
                self._process.kill()
        self._thread.join(_CLOSING_S)  # which notices that the process has ended
        if self._process:
            _clear_up(self._process)

    def _send(self, message: Any) -> None:
        # An error means that the process has ended and its pipe may be closed; the reader notices.
        with self._sending, suppress(OSError, ValueError):
            send_message(_pipe(self._process and self._process.stdin), message)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                job = self._current = self._waiting.popleft()
                if self._process is None or self._process.poll() is not None:
                    self._process = _start()
                job.state = "running"
            job.tell()
            self._send(("run", (job.function, job.arguments)))
            self._follow(job)
            with self._changed:
                self._current = None
            job.function, job.arguments = _nothing, ()  # recordings must not stay in memory
            job.tell()

    def _follow(self, job: Job) -> None:
        """Read what the worker says about a job until it has ended."""
        process = self._process
        told = 0.0
        while True:
            try:
                kind, content = receive_message(_pipe(process and process.stdout))
            except (EOFError, OSError, ValueError):
                job.state = "stopped" if job.cancelled or self._closed else "failed"
                job.error = "" if job.cancelled else "the process that did this work ended; please try again"
                if process:
                    _clear_up(process)
                return
            if kind == "progress":
                job.progress = {**job.progress, **job.watch(content)}
                if time.monotonic() - told > 0.1:
                    told = time.monotonic()
                    job.tell()
                continue
            if kind == "done" and not job.cancelled:
                try:
                    job.result = job.finish(content)
                    job.state = "done"
                    if job.keep:
                        job.keep(job.to_dict())
                except Exception as error:
                    job.state, job.error = "failed", f"the result cannot be kept ({error})"
            elif kind == "failed" and not job.cancelled:
                job.state, job.error = "failed", content
            else:
                job.state = "stopped"
            return


def _start() -> "subprocess.Popen[bytes]":
    """A new worker process. Ctrl-C in the terminal does not reach it: it ends with the server."""
    return subprocess.Popen(
        [sys.executable, "-m", "ddx7.web.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def _clear_up(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a process that ends, and close its pipes."""
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()


def _pipe(stream: "IO[bytes] | None") -> BinaryIO:
    if stream is None:
        raise OSError("no process")
    return cast(BinaryIO, stream)


def _nothing(_report: Any) -> None:
    """The function of a job that has ended."""
