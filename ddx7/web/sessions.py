"""Sessions: what a page holds, kept in the folder, so that closing the page or the server loses nothing.

A session is a folder with `session.json` and the sounds that it names. The page sends the state of each view whenever
it changes; the server writes it atomically. An id from the page is looked up, and never becomes a path.
"""

import json
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from ddx7.errors import AudioError
from ddx7.files import atomic_write
from ddx7.web.event_log import EventLog
from ddx7.web.problems import RequestProblem
from ddx7.web.sounds import Sound, SoundCache, write_sound

MAX_SESSIONS = 200
"""Sessions that the folder keeps; beyond it the oldest are offered no more, but stay on the disk."""
MAX_FINISHED = 60
"""Finished jobs that a session keeps."""
MAX_SOUNDS = 400
"""Sounds of a session."""
_FILE = "session.json"


@dataclass(eq=False)
class Session:
    """One session.

    Attributes:
      id: unguessable name; also that of its folder.
      folder: where it is kept.
      title: for the list of sessions.
      changed: time of the last change, seconds since 1970.
      views: state of each view, as its page sent it.
      sounds: id of a sound to its name, rate and length.
      finished: jobs that are done, oldest first, so that a page that comes back finds their results.
      log: its events.
      memory: what routes keep while the server runs, by key.
    """

    id: str
    folder: Path
    cache: SoundCache
    title: str = ""
    changed: float = field(default_factory=time.time)
    views: dict[str, Any] = field(default_factory=dict)
    sounds: dict[str, dict[str, Any]] = field(default_factory=dict)
    finished: list[dict[str, Any]] = field(default_factory=list)
    log: EventLog = field(default_factory=EventLog)
    memory: dict[str, Any] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    def to_dict(self) -> dict[str, Any]:
        """The session as the page sees it."""
        return {**self.summary(), "views": self.views, "sounds": self.sounds, "last_event": self.log.last}

    def summary(self) -> dict[str, Any]:
        """A line of the list of sessions."""
        return {"id": self.id, "title": self.title, "changed": self.changed, "sounds_kept": len(self.sounds)}

    def keep_view(self, name: str, state: Any) -> None:
        """Keep the state of a view."""
        with self.lock:
            self.views[name] = state
            self.write()

    def keep_finished(self, job: dict[str, Any]) -> None:
        """Keep a job that is done."""
        with self.lock:
            self.finished = [*self.finished, {**job, "progress": {}}][-MAX_FINISHED:]
            self.write()

    def add_sound(self, sound: Sound, name: str, kind: str, **facts: Any) -> dict[str, Any]:
        """Keep a sound.

        Args:
          sound: the sound.
          name: for the page.
          kind: "recording", "target" or "match".
          **facts: more about it, JSON-ready.

        Returns:
          its description, with its `id`.
        """
        with self.lock:
            if len(self.sounds) >= MAX_SOUNDS:
                raise RequestProblem(422, f"this session holds {MAX_SOUNDS} sounds, the most it keeps; begin a new one")
            sound_id = secrets.token_hex(8)
            described = {
                "id": sound_id,
                "name": name[:200],
                "kind": kind,
                "sample_rate": sound.sample_rate,
                "seconds": round(sound.seconds, 6),
                "samples": len(sound.samples),
                **facts,
            }
            write_sound(sound, self._path(sound_id))
            self.cache.put(self._path(sound_id), sound)
            self.sounds[sound_id] = described
            self.write()
            return described

    def sound(self, sound_id: str) -> Sound:
        """A sound of this session.

        Raises:
          RequestProblem: there is none of that id (404).
        """
        if sound_id not in self.sounds:
            raise RequestProblem(404, "this session holds no such sound")
        try:
            return self.cache.get(self._path(sound_id))
        except AudioError:
            raise RequestProblem(404, "the file of this sound is gone from the folder") from None

    def _path(self, sound_id: str) -> Path:
        return self.folder / f"{sound_id}.flac"

    def write(self) -> None:
        """Write the session to its folder."""
        with self.lock:
            self.changed = time.time()
            data = {
                "title": self.title,
                "changed": self.changed,
                "views": self.views,
                "sounds": self.sounds,
                "finished": self.finished,
            }
            text = json.dumps(data, ensure_ascii=False)
            atomic_write(self.folder / _FILE, text.encode("utf-8", "surrogatepass"), force=True)


class Sessions:
    """All sessions of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "sessions"
        self._cache = SoundCache()
        self._sessions: dict[str, Session] = {}
        self._lock = RLock()
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                    session = _read(path, self._cache)
                    self._sessions[session.id] = session

    def new(self) -> Session:
        """Begin a session; its folder is written when it first holds something."""
        with self._lock:
            session_id = secrets.token_hex(8)
            session = Session(session_id, self._folder / session_id, self._cache)
            self._sessions[session_id] = session
            return session

    def find(self, session_id: str) -> Session:
        """A session.

        Raises:
          RequestProblem: there is none of that id (404).
        """
        if session_id not in self._sessions:
            raise RequestProblem(404, "this session is not there any more; reload the page to begin a new one")
        return self._sessions[session_id]

    def kept(self) -> list[Session]:
        """Sessions that hold something, newest first."""
        held = [session for session in self._sessions.values() if session.views or session.sounds]
        return sorted(held, key=lambda session: -session.changed)[:MAX_SESSIONS]

    def forget(self, session: Session) -> None:
        """Delete a session and its sounds."""
        with self._lock:
            self._sessions.pop(session.id, None)
            shutil.rmtree(session.folder, ignore_errors=True)


def _read(folder: Path, cache: SoundCache) -> Session:
    data = json.loads((folder / _FILE).read_text(encoding="utf-8", errors="surrogatepass"))
    return Session(
        folder.name,
        folder,
        cache,
        str(data["title"]),
        float(data["changed"]),
        dict(data["views"]),
        {str(key): dict(value) for key, value in data["sounds"].items() if (folder / f"{key}.flac").is_file()},
        [dict(job) for job in data.get("finished", [])],
    )
