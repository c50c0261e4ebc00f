import json
from pathlib import Path

from running import Run

from ddx7.library.corpus import load_corpus


def test_a_folder_becomes_a_corpus_with_a_picture(run: Run, bank: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "corpus.npz"
    outcome = run("corpus", "scan", bank.parent, "-o", output)
    assert (outcome.code, outcome.err) == (0, f"32 voices are in {output}, a picture in {output.with_suffix('.png')}\n")
    rows = dict(reversed(line.split(maxsplit=1)) for line in outcome.out.splitlines()[:10])
    assert rows["voices found"] == rows["voices"] == "32"
    assert "stuck note: a carrier" in outcome.out
    assert "audible-l4" not in outcome.out
    assert "families" not in outcome.out
    assert output.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert len(load_corpus(output)) == 32


def test_json_holds_the_statistics(run: Run, bank: Path, tmp_path: Path) -> None:
    outcome = run("corpus", "scan", bank, "-o", tmp_path / "c.npz", "--json")
    content = json.loads(outcome.out)
    assert content["counts"]["voices"] == 32
    assert content["categories"]["brass"] == 2
    assert sum(content["algorithms"].values()) == 32


def test_existing_files_are_refused_before_the_work(run: Run, bank: Path, tmp_path: Path) -> None:
    (tmp_path / "c.png").write_text("mine")
    outcome = run("corpus", "scan", bank, "-o", tmp_path / "c.npz")
    assert (outcome.code, outcome.out) == (1, "")
    assert "c.png: exists already" in outcome.err
    assert not (tmp_path / "c.npz").exists()
    assert run("corpus", "scan", bank, "-o", tmp_path / "c.npz", "--force").code == 0


def test_wrong_usage(run: Run, bank: Path, tmp_path: Path) -> None:
    assert run("corpus", "scan", "-o", tmp_path / "c.npz").code == 2
    outcome = run("corpus", "scan", bank, "-o", tmp_path / "c.syx")
    assert (outcome.code, outcome.out) == (2, "")
    assert "ends in .npz" in outcome.err
    outcome = run("corpus", "scan", tmp_path / "nowhere", "-o", tmp_path / "c.npz")
    assert outcome.code == 1
    assert "there is no such file or folder" in outcome.err
