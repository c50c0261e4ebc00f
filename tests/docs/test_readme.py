"""The README's code fits a voice."""

import shutil
from pathlib import Path

import pytest
from pages import ROOT, code_blocks

import ddx7
from ddx7.audio import log_mel_distance, read_audio


# By default `test_differentiable.py` and `test_transforms.py` prove the gradient that the fit follows.
@pytest.mark.slow
def test_the_fit_comes_nearer_to_the_trumpet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = code_blocks(ROOT / "README.md")
    sounds = tmp_path / "docs" / "sounds"
    sounds.mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "sounds" / "trumpet_target.flac", sounds)
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, "README.md", "exec"), {"__name__": "readme"})

    target = read_audio(sounds / "trumpet_target.flac").samples[:22016]
    operator = ddx7.Operator(output_level=80, rates=(70, 50, 30, 60), levels=(99, 90, 90, 0))
    start = ddx7.Voice(algorithm=16, operators=(operator,) * 6)
    start_db, fitted_db = (
        log_mel_distance(target, ddx7.render(voice, note=67, gate=0.25, duration=0.5)[:22016])
        for voice in (start, ddx7.load("fitted.syx")[0])
    )
    assert fitted_db < 0.6 * start_db, (start_db, fitted_db)
