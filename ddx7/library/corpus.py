"""A corpus: all that folders of banks hold, as a training wants it, in one file."""

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
    from ddx7.library.screening import VoiceMeasures

FORMAT = "ddx7 corpus 1"
FROM_BYTES = ("mended", "hanging")
"""Diagnoses that need no listening: something was illegal and was clamped; L4 of a carrier is not silence."""
NOT_HEARD = -1


@dataclass(frozen=True, eq=False)
class Corpus:
    """Voices that sound, each once, and what is known about each.

    Attributes:
      voices: uint8 [voice, 128], packed (VMEM), legal.
      family: int32 [voice], near-copies by their bytes share a number: split by it what is learned from and tested on.
      sound_family: int32 [voice], voices that sound the same share a number; -1 where nobody listened.
      times_seen: int32 [voice], in how many places its sound was found.
      diagnosis: bool [voice, code], what is to be said about it.
      codes: what the columns of `diagnosis` are called: `FROM_BYTES` and, after listening, the rules that duds break.
      categories: bool [voice, 17], what its name says it is, in the order of `CATEGORIES`.
      sources: where it was first found, ``path: voice``.
      counts: what was read and left out, by name.
    """

    voices: np.ndarray
    family: np.ndarray
    sound_family: np.ndarray
    times_seen: np.ndarray
    diagnosis: np.ndarray
    codes: tuple[str, ...]
    categories: np.ndarray
    sources: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many voices there are."""
        return len(self.voices)

    @property
    def vced(self) -> np.ndarray:
        """The voices in the edit form, uint8 [voice, 155]."""
        return unpack(self.voices)

    @property
    def names(self) -> list[str]:
        """The voices' names."""
        return names_of(self.voices)

    @property
    def clean(self) -> np.ndarray:
        """Voices about which nothing is to be said, bool [voice]."""
        return np.asarray(~self.diagnosis.any(axis=1))

    @property
    def heard(self) -> bool:
        """Whether somebody listened to the voices."""
        return bool(len(self)) and self.sound_family[0] != NOT_HEARD


def names_of(voices: np.ndarray) -> list[str]:
    """Names of voices in either form, uint8 [voice, 128] or [voice, 155]."""
    return [decode_name(row.tobytes()) for row in voices[:, -NAME_SIZE:]]


def make_corpus(found: Collection, heard: "VoiceMeasures | None" = None) -> Corpus:
    """A corpus of what was found in folders.

    Args:
      found: what `ddx7.library.scan` read.
      heard: what `ddx7.library.listen` heard of ``found.vced``, if anybody listened.
    """
    codes, columns = list(FROM_BYTES), [found.mended, has_stuck_note(found.vced)]
    names = names_of(found.vced)
    labels = [categories_of_name(name) for name in names]
    categories = np.array([[c in label for c in CATEGORIES] for label in labels])
    sound_family = np.full(len(found), NOT_HEARD, np.int32)
    if heard is not None:
        from ddx7.library.screening import RULES, screen_measures, unpitched

        verdicts = screen_measures(heard, without_pitch=unpitched(categories))
        codes += [rule.code for rule in RULES]
        columns += list(verdicts.broken.T)
        sound_family = sound_clusters(heard.middle.sketch)
    return Corpus(
        voices=pack(found.vced),
        family=byte_clusters(found.vced),
        sound_family=sound_family,
        times_seen=found.times_seen.astype(np.int32),
        diagnosis=np.stack(columns, 1),
        codes=tuple(codes),
        categories=categories,
        sources=tuple(f"{source.path}: {source.index}" for source in found.sources),
        counts={
            "files": found.n_files,
            "files passed over": len(found.problems),
            "voices found": found.n_found,
            "duplicates": found.n_duplicates,
            "INIT VOICE": found.n_init,
            "silent or damaged": found.n_broken,
        },
    )


def save_corpus(corpus: Corpus, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a corpus as an .npz file: whole or not at all.

    Raises:
      Ddx7Error: the file exists (without `force`), or it cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        format=np.array(FORMAT),
        voices=corpus.voices,
        family=corpus.family,
        sound_family=corpus.sound_family,
        times_seen=corpus.times_seen,
        diagnosis=corpus.diagnosis,
        codes=np.array(corpus.codes),
        categories=corpus.categories,
        category_names=np.array(CATEGORIES),
        # One array of bytes: file names may hold what no array of characters can.
        sources=np.frombuffer(json.dumps(corpus.sources).encode(), np.uint8),
        counts=np.array(json.dumps(dict(corpus.counts))),
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
        **{name: arrays[name] for name in ("family", "sound_family", "times_seen", "diagnosis", "categories")},
        codes=_strings(arrays["codes"]),
        sources=tuple(json.loads(arrays["sources"].tobytes())),
        counts=json.loads(str(arrays["counts"])),
    )


def _strings(values: Sequence[object] | np.ndarray) -> tuple[str, ...]:
    return tuple(map(str, values))
