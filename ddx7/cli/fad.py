"""``ddx7 fad``: the distance of one set of recordings to another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from ddx7.cli.terminal import note, progress, result, result_json
from ddx7.errors import Ddx7Error

_LIST_SUFFIX = ".txt"
_WANTED = "a folder of recordings or a list of them in a .txt file is wanted"


@dataclass(frozen=True)
class Command:
    """Compare two sets of recordings: FAD, FAD-infinity and KAD, each with the data behind it.

    A set is a folder with its subfolders, or a text file with a recording on each line, relative to that file. Use the
    training recordings of a model as the reference. Score held-out recordings, too: their score is the best that a
    model can reach.

    Lower is nearer, 0 the nearest. For minutes of sound rather than hours, rely on KAD first. Compare figures only
    between runs with the same embedding and the same reference.

    The embedding logmel needs no weights. The others need the weights of a network, which do not come with ddx7: see
    docs/metrics.md.
    """

    reference: Annotated[Positional[Path], arg(metavar="REFERENCE", help_behavior_hint="")]
    """The reference recordings."""
    test: Annotated[Positional[Path], arg(metavar="TEST", help_behavior_hint="")]
    """The recordings to score."""
    embedding: Annotated[str, arg(metavar="NAME")] = "logmel"
    """logmel, vggish, vggish-relu, yamnet, yamnet-log-pca64 or musicnn."""
    weights: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """The file of the embedding's network."""
    cache: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Cache embeddings here, keyed by the content of the sound."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of the random subsets for FAD-infinity."""
    json: bool = False
    """Print JSON instead of lines."""

    def run(self) -> int:
        """Compare, print, and return the exit code."""
        from ddx7.audio.metrics import embed_set, load_embedding, score_embedded

        files = {path: _recordings(path) for path in (self.reference, self.test)}
        embedding = load_embedding(self.embedding, self.weights)
        sets = {
            path: embed_set(progress(found, str(path)), embedding, cache=self.cache, name=str(path))
            for path, found in files.items()
        }
        for path, embedded in sets.items():
            note(
                f"{path}: {_count(len(embedded.values), 'window')} of sound in {_count(embedded.n_clips, 'recording')}"
            )
        scores = score_embedded(sets[self.reference], sets[self.test], embedding, seed=self.seed)
        if self.json:
            result_json({"test": str(self.test), **scores.to_dict()})
        else:
            result(str(scores).splitlines())
        return 0


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _recordings(path: Path) -> list[Path]:
    from ddx7.audio.sound_folder import sound_files

    if not path.exists():
        raise Ddx7Error(f"{path}: there is no such file or folder, {_WANTED}")
    if path.is_dir():
        return sound_files(path)
    if path.suffix.lower() != _LIST_SUFFIX:
        raise Ddx7Error(f"{path}: found a single file, {_WANTED}")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Ddx7Error(f"{path}: cannot be read, a text file with a recording on each line is wanted") from error
    found = [path.parent / line.strip() for line in lines if line.strip()]
    if not found:
        raise Ddx7Error(f"{path}: names no recordings, one on each line is wanted")
    missing = [file for file in found if not file.is_file()]
    if missing:
        raise Ddx7Error(f"{path}: names {missing[0]}, there is no such file; recordings are wanted")
    return found
