"""A corpus: all voices of folders of banks in one file, with what a training needs to know about them."""

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int32, UInt8

from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write
from ddx7.library.categories import CATEGORIES, categories_of_name
from ddx7.library.clusters import byte_clusters, sound_clusters
from ddx7.library.collection import Collection
from ddx7.voice.health import has_stuck_note
from ddx7.voice.packing import pack, unpack
from ddx7.voice.spec import NAME_SIZE, VMEM_SIZE
from ddx7.voice.voice import decode_name

if TYPE_CHECKING:
    import ddx7.library.screening

FORMAT = "ddx7 corpus 1"
BYTE_DIAGNOSES = ("repaired", "audible-l4")
"""Codes of diagnoses by the bytes alone: repaired voices, and voices with a stuck note (a carrier's L4 is audible)."""
UNMEASURED = -1

# Attributes of a corpus and the names of their arrays in the file.
_ARRAYS = {
    "byte_cluster": "family",
    "sound_cluster": "sound_family",
    "times_seen": "times_seen",
    "diagnosis": "diagnosis",
    "categories": "categories",
}


@dataclass(frozen=True, eq=False)
class Corpus:
    """Audible voices, each once, and what is known about them.

    Attributes:
      voices: packed (VMEM), legal.
      byte_cluster: near-duplicates by their bytes share a number; training and test data are split by it.
      sound_cluster: voices that sound the same share a number; -1 without measures.
      times_seen: number of places in which the sound of each voice was found.
      diagnosis: faults of each voice.
      codes: of the columns of `diagnosis`: `BYTE_DIAGNOSES` and, with measures, the rules of `ddx7.library.screening`.
      categories: that the name tells, in the order of `CATEGORIES`.
      sources: where each voice was first found, ``path: voice``.
      counts: of voices read and left out, by label.
    """

    voices: UInt8[np.ndarray, "voice 128"]
    byte_cluster: Int32[np.ndarray, " voice"]
    sound_cluster: Int32[np.ndarray, " voice"]
    times_seen: Int32[np.ndarray, " voice"]
    diagnosis: Bool[np.ndarray, "voice code"]
    codes: tuple[str, ...]
    categories: Bool[np.ndarray, "voice category"]
    sources: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of voices."""
        return len(self.voices)

    @property
    def vced(self) -> UInt8[np.ndarray, "voice 155"]:
        """The voices in the edit form."""
        return unpack(self.voices)

    @property
    def names(self) -> list[str]:
        """Names of the voices."""
        return names_of(self.voices)

    @property
    def clean(self) -> Bool[np.ndarray, " voice"]:
        """Which voices have no fault."""
        return np.asarray(~self.diagnosis.any(axis=1))

    @property
    def is_measured(self) -> bool:
        """Whether the voices were rendered and measured."""
        return bool(len(self)) and bool(self.sound_cluster[0] != UNMEASURED)


def names_of(voices: UInt8[np.ndarray, "voice form"]) -> list[str]:
    """Names of voices in either form, 128 or 155 bytes."""
    return [decode_name(row.tobytes()) for row in voices[:, -NAME_SIZE:]]


def make_corpus(collection: Collection, measures: "ddx7.library.screening.VoiceMeasures | None" = None) -> Corpus:
    """Make a corpus of the voices of a scan.

    Args:
      collection: result of `ddx7.library.scan`.
      measures: of ``collection.vced``, for faults and clusters by sound; None leaves them out.
    """
    codes, columns = list(BYTE_DIAGNOSES), [collection.repaired, has_stuck_note(collection.vced)]
    names = names_of(collection.vced)
    labels = [categories_of_name(name) for name in names]
    categories = np.array([[c in label for c in CATEGORIES] for label in labels])
    sound_cluster = np.full(len(collection), UNMEASURED, np.int32)
    if measures is not None:
        from ddx7.library.screening import RULES, screen_measures, unpitched

        screening = screen_measures(measures, without_pitch=unpitched(categories))
        codes += [rule.code for rule in RULES]
        columns += list(screening.broken.T)
        sound_cluster = sound_clusters(measures.middle.coarse_log_mel)
    return Corpus(
        voices=pack(collection.vced),
        byte_cluster=byte_clusters(collection.vced),
        sound_cluster=sound_cluster,
        times_seen=collection.times_seen.astype(np.int32),
        diagnosis=np.stack(columns, 1),
        codes=tuple(codes),
        categories=categories,
        sources=tuple(f"{source.path}: {source.index}" for source in collection.sources),
        counts={
            "files": collection.n_files,
            "files passed over": len(collection.problems),
            "files of other kinds": len(collection.skipped),
            "voices found": collection.n_found,
            "duplicates": collection.n_duplicates,
            "INIT VOICE": collection.n_init,
            "silent or damaged": collection.n_broken,
        },
    )


def save_corpus(corpus: Corpus, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a corpus as an .npz file, completely or not at all.

    Raises:
      Ddx7Error: the file exists (without `force`), or it cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        format=np.array(FORMAT),
        voices=corpus.voices,
        codes=np.array(corpus.codes),
        category_names=np.array(CATEGORIES),
        # One array of bytes, because file names may contain what no array of characters can hold.
        sources=np.frombuffer(json.dumps(corpus.sources).encode(), np.uint8),
        counts=np.array(json.dumps(dict(corpus.counts))),
        **{stored: getattr(corpus, name) for name, stored in _ARRAYS.items()},
    )
    return atomic_write(path, buffer.getvalue(), force=force)


def load_corpus(path: str | os.PathLike[str]) -> Corpus:
    """Read what `save_corpus` wrote.

    Raises:
      Ddx7Error: the file cannot be read, or is no corpus.
    """
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise Ddx7Error(f"{path}: there is no such file") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise Ddx7Error(f"{path}: cannot be read as a corpus ({error})") from None
    found = str(arrays.get("format", "something else"))
    if found != FORMAT:
        raise Ddx7Error(f"{path}: found {found}, wanted {FORMAT!r} as ddx7 corpus scan writes it")
    if tuple(arrays["category_names"]) != CATEGORIES:
        raise Ddx7Error(f"{path}: found other categories than {', '.join(CATEGORIES)}; scan the folders again")
    return Corpus(
        voices=arrays["voices"].reshape(-1, VMEM_SIZE),
        **{name: arrays[stored] for name, stored in _ARRAYS.items()},
        codes=_strings(arrays["codes"]),
        sources=tuple(json.loads(arrays["sources"].tobytes())),
        counts=json.loads(str(arrays["counts"])),
    )


def _strings(values: Sequence[object] | np.ndarray) -> tuple[str, ...]:
    return tuple(map(str, values))
