"""Score two folders of sounds against a reference: FAD, FAD-infinity and KAD.

Without folders the script makes some: two banks of one kind of voice and one of another kind.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import ddx7
from ddx7.audio import write_audio
from ddx7.audio.metrics import embed_set, load_embedding, score_embedded

RATE = 16_000


def make_folder(folder: Path, voice: ddx7.Voice, *, seed: int, n_sounds: int, seconds: float) -> Path:
    """Write notes of one voice with random pitches and velocities."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    notes, velocities = rng.integers(48, 72, n_sounds), rng.integers(60, 120, n_sounds)
    sounds = ddx7.render(voice, notes, velocities, seconds - 0.2, seconds, RATE)
    for k, sound in enumerate(sounds):
        write_audio(folder / f"{k:02}.wav", sound, RATE)
    return folder


def score(reference: Path, tests: list[Path], embedding_name: str = "logmel") -> dict[str, float]:
    """KAD of each folder against the reference; prints all scores."""
    embedding = load_embedding(embedding_name)
    sets = {
        folder: embed_set(sorted(folder.glob("*.wav")), embedding, name=folder.name) for folder in (reference, *tests)
    }
    result = {}
    for folder in tests:
        scores = score_embedded(sets[reference], sets[folder], embedding)
        print(f"{folder.name}\n{scores}\n")
        result[folder.name] = scores.kad.value
    return result


def main() -> None:
    """Score the folders of the command line, or of a small experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="the reference, then folders to score")
    parser.add_argument("--sounds", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    if options.folders:
        score(options.folders[0], options.folders[1:])
        return
    mellow = ddx7.Voice(operators=(ddx7.Operator(output_level=99),) + (ddx7.Operator(output_level=60),) * 5)
    bright = replace(mellow, algorithm=16, feedback=5, operators=(ddx7.Operator(output_level=95),) * 6)
    with TemporaryDirectory() as place:
        size = {"n_sounds": options.sounds, "seconds": options.seconds}
        reference = make_folder(Path(place, "reference"), mellow, seed=0, **size)
        same = make_folder(Path(place, "same voice"), mellow, seed=1, **size)
        other = make_folder(Path(place, "other voice"), bright, seed=1, **size)
        score(reference, [same, other])


if __name__ == "__main__":
    main()
