"""``ddx7 generate``."""

import json
from pathlib import Path

import matplotlib.image
import pytest
import soundfile
from running import Run

import ddx7
from ddx7.encoder import sampler
from ddx7.generation.gan import voice_generator


def test_generate_writes_bank_sound_picture_and_report(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "bells.syx"
    outcome = run("generate", "--category", " Bell", "--algorithm", 5, "--count", 5, "--seed", 3, "-o", out)
    assert outcome.code == 0
    files = [out, *(out.with_suffix(suffix) for suffix in (".wav", ".png", ".json"))]
    assert outcome.out.splitlines() == list(map(str, files))
    assert "screening rejected" in outcome.err
    bank = ddx7.load(out)
    assert len(bank) == 32  # a bank is filled up
    assert [voice.algorithm for voice in bank[:5]] == [5] * 5
    assert soundfile.info(files[1]).duration == pytest.approx(10)
    assert matplotlib.image.imread(files[2]).shape[1] > 500
    report = json.loads(files[3].read_text())
    assert [voice["name"] for voice in report["voices"]] == [voice.name for voice in bank[:5]]
    assert (report["category"], report["algorithm"], report["seed"]) == (["bell"], 5, 3)
    before = out.read_bytes()
    assert run("generate", "--count", 2, "-o", out).code == 1
    assert out.read_bytes() == before


def test_generate_takes_weights_from_a_file(run: Run, tmp_path: Path) -> None:
    words = ("generate", "--no-screen", "--count", 2, "--weights")
    assert run(*words, voice_generator.WEIGHTS, "-o", tmp_path / "same.syx").code == 0
    assert run(*words[:-1], "-o", tmp_path / "shipped.syx").code == 0
    assert (tmp_path / "same.syx").read_bytes() == (tmp_path / "shipped.syx").read_bytes()
    outcome = run(*words, sampler.WEIGHTS, "-o", tmp_path / "other.syx")
    assert outcome.code == 1
    assert "found weights of something else, wanted those of a generator" in outcome.err


def test_generate_refuses_wrong_requests_before_it_works(run: Run, tmp_path: Path) -> None:
    assert run("generate", "-o", tmp_path / "made.wav").code == 2
    outcome = run("generate", "--category", "bell,kazoo", "-o", tmp_path / "made.syx")
    assert outcome.code == 2
    assert "--category: found kazoo, wanted some of" in outcome.err
    outcome = run("generate", "--category", "brass,trumpt", "-o", tmp_path / "made.syx")
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1  # no word of hybrids that there will not be
    for words in (("--each",), ("--each", "--category", "bell")):
        outcome = run("generate", *words, "-o", tmp_path / "made.syx")
        assert (outcome.code, "wanted two or more" in outcome.err) == (2, True)
    (tmp_path / "made.json").write_text("mine")
    assert run("generate", "-o", tmp_path / "made.syx").code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["made.json"]


def test_generate_without_screening_and_with_random_names(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "any.syx"
    outcome = run("generate", "--no-screen", "--names", "random", "--count", 3, "--fixed", "no", "-o", out)
    assert outcome.code == 0
    assert "rejected" not in outcome.err
    assert all(not operator.fixed for voice in ddx7.load(out)[:3] for operator in voice.operators)


def test_two_categories_are_hybrids_or_some_of_each(run: Run, tmp_path: Path) -> None:
    words = ("generate", "--no-screen", "--count", 5, "--category", "brass,bell")
    both = run(*words, "-o", tmp_path / "both.syx")
    assert "every voice is brass and bell at once; --each makes some of each" in both.err
    assert {tuple(kinds) for kinds in _categories(tmp_path / "both.json")} == {("brass", "bell")}
    each = run(*words, "--each", "-o", tmp_path / "each.syx")
    assert each.code == 0
    assert "at once" not in each.err
    assert _categories(tmp_path / "each.json") == [["brass"]] * 3 + [["bell"]] * 2
    too_few = run("generate", "--count", 1, "--category", "brass,bell", "--each", "-o", tmp_path / "one.syx")
    assert (too_few.code, "--count: found 1" in too_few.err) == (2, True)


def _categories(report: Path) -> list[list[str]]:
    return [voice["categories"] for voice in json.loads(report.read_text())["voices"]]
