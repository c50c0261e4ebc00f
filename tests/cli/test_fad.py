import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from running import Run

from ddx7.audio.metrics import score_sets

RATE = 16_000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `white` and `dark` of noises, one of them with a folder inside."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for name, smoothing in (("white", 1), ("dark", 8)):
        for k in range(6):
            noise = np.convolve(rng.normal(0, 0.05, 3 * RATE), np.ones(smoothing), "same")
            path = folder / name / ("inside" if k == 5 else ".") / f"{k}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, noise, RATE, subtype="FLOAT")
    (folder / "list.txt").write_text("white/0.wav\n\nwhite/inside/5.wav\n")
    return folder


def test_lines_name_the_data(run: Run, sounds: Path) -> None:
    outcome = run("fad", sounds / "white", sounds / "dark")
    expected = score_sets(
        sorted((sounds / "white").rglob("*.wav")),
        sorted((sounds / "dark").rglob("*.wav")),
        reference_name=str(sounds / "white"),
    )
    assert outcome.code == 0
    assert outcome.out.splitlines() == str(expected).splitlines()
    assert f"{sounds / 'dark'}: 30 windows of sound in 6 recordings" in outcome.err
    assert expected.kad.value > 10


def test_json_lists_and_the_cache(run: Run, sounds: Path, tmp_path: Path) -> None:
    words = ("fad", sounds / "white", sounds / "list.txt", "--json", "--cache", tmp_path / "cache")
    outcome = run(*words)
    assert outcome.code == 0
    scores = json.loads(outcome.out)
    assert scores["test"] == str(sounds / "list.txt")
    assert (scores["kad"]["n"], scores["kad"]["n_reference"]) == (10, 30)
    assert "singular" in scores["fad"]["notes"][0]
    assert len(list((tmp_path / "cache").iterdir())) == 6
    assert run(*words).out == outcome.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("white", "empty"), "found a folder without recordings"),
        (("white", "white/0.wav"), "found a single file"),
        (("white", "none.txt"), "none.txt: there is no such file or folder"),
        (("nowhere", "white"), "nowhere: there is no such file or folder"),
        (("white", "binary.txt"), "binary.txt: cannot be read"),
        (("white", "blank.txt"), "names no recordings"),
        (("white", "wrong.txt"), "wrong.txt: names "),
    ],
)
def test_sets_that_cannot_be_compared(run: Run, sounds: Path, words: tuple[str, ...], message: str) -> None:
    (sounds / "empty").mkdir(exist_ok=True)
    (sounds / "binary.txt").write_bytes(b"\xff\xfe")
    (sounds / "blank.txt").write_text("\n")
    (sounds / "wrong.txt").write_text("white/9.wav\n")
    outcome = run("fad", sounds / words[0], sounds / words[1])
    assert (outcome.code, outcome.out) == (1, "")
    assert message in outcome.err
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        ("musicnn", "--weights: found none for the embedding musicnn, wanted a file"),
        ("clap", "--embedding: found 'clap', wanted one of logmel"),
    ],
)
def test_an_embedding_without_weights_or_with_no_known_name_is_wrong_usage(
    run: Run, sounds: Path, embedding: str, message: str
) -> None:
    outcome = run("fad", sounds / "white", sounds / "dark", "--embedding", embedding)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
