"""The library of a session: the voices of all files that were dropped, each sound once, and what was measured of them.

It is kept as `library.npz` in the session's folder.
"""

import io
import json
import secrets
import zipfile
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

import numpy as np
from jaxtyping import Bool, Float, Int32, UInt8

from ddx7.files import atomic_write
from ddx7.library import CATEGORIES, Collection, Problem, VoiceSource, categories_of_name, join
from ddx7.library.timbre import TimbreDescriptor
from ddx7.voice.spec import NAME_SIZE, VCED_SIZE
from ddx7.voice.voice import decode_name
from ddx7.web.problems import RequestProblem
from ddx7.web.sessions import Session

DESCRIPTORS: tuple[str, ...] = get_args(TimbreDescriptor)
MAX_VOICES = 60_000
"""Voices of a library."""
_FILE = "library.npz"
_KEY, _REMOVED = "library", "library removed"
_SHOWN = 400  # problems and repairs that the page gets
_LONGEST_S = 99.0


@dataclass(frozen=True, eq=False)
class LibrarySounds:
    """Measures of voices.

    Attributes:
      level_db: A-weighted level of the louder of a low and a middle note.
      centre_hz: frequency that halves the power of a middle C; this and the next are of that note.
      attack_s: time to its loudest moment.
      held_db: level before note-off, over the loudest moment.
      release_s: time to fall by 60 dB.
      coarse_log_mel: levels in dB over time and bands.
      categories: of name or sound, in the order of `CATEGORIES`.
      descriptors: of timbre, in the order of `DESCRIPTORS`.
      faults: rules of `ddx7.library.screening` that a voice breaks.
    """

    level_db: Float[np.ndarray, " voice"]
    centre_hz: Float[np.ndarray, " voice"]
    attack_s: Float[np.ndarray, " voice"]
    held_db: Float[np.ndarray, " voice"]
    release_s: Float[np.ndarray, " voice"]
    coarse_log_mel: Float[np.ndarray, "voice 12 24"]
    categories: Bool[np.ndarray, "voice category"]
    descriptors: Bool[np.ndarray, "voice descriptor"]
    faults: Bool[np.ndarray, "voice rule"]

    def __len__(self) -> int:
        """Number of voices."""
        return len(self.level_db)

    @classmethod
    def concatenate(cls, parts: "list[LibrarySounds]") -> "LibrarySounds":
        """The measures of several sets of voices, one after the other."""
        names = [f.name for f in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True, eq=False)
class SessionLibrary:
    """A library.

    Attributes:
      collection: its voices.
      uploads: digests of the files that it was made of, so that the same file is not read twice.
      sounds: measures of its first voices; None before the first was measured.
      places: on the map, of its first voices, from 0 to 1.
      clusters: voices that sound the same share a number; of its first voices.
      token: tells it from another library of the session.
    """

    collection: Collection
    uploads: frozenset[str] = frozenset()
    sounds: LibrarySounds | None = None
    places: Float[np.ndarray, "voice 2"] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    clusters: Int32[np.ndarray, " voice"] = field(default_factory=lambda: np.zeros(0, np.int32))
    token: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def n_measured(self) -> int:
        """Number of measured voices; they come first."""
        return len(self.sounds) if self.sounds else 0


def library_of(session: Session) -> SessionLibrary | None:
    """The library of a session; None where it has none, or its file is damaged."""
    with session.lock:
        if _KEY not in session.memory:
            session.memory[_KEY] = _read(session)
        return session.memory[_KEY]


def wanted_library(session: Session) -> SessionLibrary:
    """The library of a session.

    Raises:
      RequestProblem: there is none (404).
    """
    library = library_of(session)
    if library is None:
        raise RequestProblem(404, "the library is empty; drop files of voices on it first")
    return library


def keep_library(session: Session, library: SessionLibrary | None, *, write: bool = True) -> None:
    """Make a library that of the session; None empties it."""
    with session.lock:
        session.memory[_KEY] = library
        if write and library is None:
            (session.folder / _FILE).unlink(missing_ok=True)
        elif write and library is not None:
            atomic_write(session.folder / _FILE, _to_bytes(library), force=True)


def empty_library(session: Session) -> None:
    """Empty the library; `restore_library` brings it back while the server runs."""
    with session.lock:
        session.memory[_REMOVED] = library_of(session)
        keep_library(session, None)


def restore_library(session: Session) -> None:
    """Bring back the library that was emptied last.

    Raises:
      RequestProblem: there is none (404).
    """
    with session.lock:
        removed = session.memory.get(_REMOVED)
        if removed is None:
            raise RequestProblem(404, "there is no library to bring back")
        keep_library(session, removed)


def add_to_library(session: Session, collection: Collection, digest: str) -> SessionLibrary:
    """Add voices to the library of a session.

    Raises:
      RequestProblem: it would hold more than `MAX_VOICES` (422).
    """
    with session.lock:
        library = library_of(session)
        joined = join(library.collection, collection) if library else collection
        if len(joined) > MAX_VOICES:
            raise RequestProblem(422, f"the library would hold {len(joined):,} voices, at most {MAX_VOICES:,} fit")
        uploads = (library.uploads if library else frozenset()) | {digest}
        grown = (
            replace(library, collection=joined, uploads=uploads) if library else SessionLibrary(joined, uploads=uploads)
        )
        keep_library(session, grown)
        return grown


def library_to_json(library: SessionLibrary | None) -> dict[str, Any]:
    """The library as the page gets it: a column for each fact, without the bytes of the voices."""
    from ddx7.library.screening import RULES  # here, as it starts JAX

    names = {"categories": list(CATEGORIES), "descriptors": list(DESCRIPTORS), "faults": [rule.code for rule in RULES]}
    if library is None:
        return {"n": 0, "measured": 0, "names": names}
    found, sounds, n = library.collection, library.sounds, library.n_measured
    numbers = {path: k for k, path in enumerate(dict.fromkeys(source.path for source in found.sources))}
    repeated = np.flatnonzero(found.times_seen > 1)
    named = [_mask(named_categories(row)) for row in found.vced[n:]]
    return {
        "n": len(found),
        "measured": n,
        "token": library.token,
        "names": names,
        "n_files": found.n_files,
        "n_found": found.n_found,
        "n_duplicates": found.n_duplicates,
        "n_init": found.n_init,
        "n_broken": found.n_broken,
        "n_repairs": len(found.repairs),
        "repairs": [list(problem) for problem in found.repairs[:_SHOWN]],
        "n_problems": len(found.problems) + len(found.skipped),
        "problems": [list(problem) for problem in (found.problems + found.skipped)[:_SHOWN]],
        "paths": list(numbers),
        "path": [numbers[source.path] for source in found.sources],
        "index": [source.index for source in found.sources],
        "times_seen": found.times_seen.tolist(),
        "repaired": np.flatnonzero(found.repaired).tolist(),
        "places": {int(k): [[place.path, place.index] for place in found.places[k]] for k in repeated},
        "category": [*(_mask(row) for row in sounds.categories), *named] if sounds else named,
        "level_db": _rounded(sounds.level_db, 1) if sounds else [],
        "centre_hz": _rounded(sounds.centre_hz, 0) if sounds else [],
        "attack_s": _rounded(sounds.attack_s, 3) if sounds else [],
        "held_db": _rounded(sounds.held_db, 1) if sounds else [],
        "release_s": _rounded(np.minimum(sounds.release_s, _LONGEST_S), 2) if sounds else [],
        "descriptor": [_mask(row) for row in sounds.descriptors] if sounds else [],
        "fault": [_mask(row) for row in sounds.faults] if sounds else [],
        "x": _rounded(library.places[:, 0], 4),
        "y": _rounded(library.places[:, 1], 4),
        "cluster": library.clusters.tolist(),
    }


def named_categories(vced: UInt8[np.ndarray, " 155"]) -> Bool[np.ndarray, " category"]:
    """Categories that a voice's name tells."""
    told = categories_of_name(decode_name(vced[-NAME_SIZE:].tobytes()))
    return np.array([category in told for category in CATEGORIES])


def _mask(row: np.ndarray) -> int:
    """Bits that are set, the first as 1."""
    return sum(1 << int(k) for k in np.flatnonzero(row))


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    return [round(float(x), digits) for x in values]


def _to_bytes(library: SessionLibrary) -> bytes:
    found = library.collection
    facts = {
        "token": library.token,
        "uploads": sorted(library.uploads),
        "places": [[(place.path, place.index) for place in places] for places in found.places],
        "counts": {name: getattr(found, name) for name in _COUNTS},
        **{name: [list(problem) for problem in getattr(found, name)] for name in _PROBLEMS},
    }
    arrays: dict[str, Any] = {"vced": found.vced, "times_seen": found.times_seen, "repaired": found.repaired}
    arrays |= {"map": library.places, "clusters": library.clusters}
    if library.sounds:
        arrays |= {f"sounds_{f.name}": getattr(library.sounds, f.name) for f in fields(LibrarySounds)}
    buffer = io.BytesIO()
    text = json.dumps(facts).encode()
    np.savez_compressed(buffer, facts=np.frombuffer(text, np.uint8), **arrays)
    return buffer.getvalue()


_COUNTS = ("n_files", "n_found", "n_duplicates", "n_init", "n_broken")
_PROBLEMS = ("problems", "skipped", "repairs")


def _read(session: Session) -> SessionLibrary | None:
    try:
        with (session.folder / _FILE).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = dict(file)
        facts = json.loads(arrays["facts"].tobytes())
        vced: UInt8[np.ndarray, "voice 155"] = arrays["vced"].reshape(-1, VCED_SIZE)
        places = tuple(tuple(VoiceSource(*place) for place in own) for own in facts["places"])
        kept: dict[str, Any] = {name: tuple(Problem(*problem) for problem in facts[name]) for name in _PROBLEMS}
        collection = Collection(
            vced=vced,
            sources=tuple(own[0] for own in places),
            times_seen=arrays["times_seen"],
            repaired=arrays["repaired"],
            places=places,
            **facts["counts"],
            **kept,
        )
        measured = "sounds_level_db" in arrays
        names = [f.name for f in fields(LibrarySounds)]
        sounds = LibrarySounds(**{name: arrays[f"sounds_{name}"] for name in names}) if measured else None
        return SessionLibrary(
            collection, frozenset(facts["uploads"]), sounds, arrays["map"], arrays["clusters"], facts["token"]
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError, zipfile.BadZipFile):
        return None
