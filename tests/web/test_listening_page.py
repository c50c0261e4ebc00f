"""The page of a listening test in a real browser: one listener walks through it and saves answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from ddx7.audio.files import write_audio
from ddx7.cli import main


def test_a_listener_rates_decides_and_saves(browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for name in ("flute", "horn"):
        (tmp_path / "ours" / name).mkdir(parents=True)
        for file in ("target.wav", "match.wav"):
            write_audio(tmp_path / "ours" / name / file, 0.1 * rng.uniform(-1, 1, 4410), 44_100)
    assert main(["listen-test", str(tmp_path / "ours"), "-o", str(tmp_path / "page")]) == 0
    context = browser.new_context(accept_downloads=True, offline=True)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((tmp_path / "page" / "index.html").as_uri())
    page.get_by_role("textbox").fill("listener 1")
    page.get_by_role("button", name="Begin").click()
    for _ in range(2):
        page.get_by_role("button", name="Reference").wait_for()
        assert page.get_by_role("button", name="Next").is_disabled()
        for letter in "ABC":
            page.get_by_role("button", name=f"Sound {letter}", exact=True).click()
            slider = page.get_by_role("slider", name=f"rating of sound {letter}")
            slider.focus()
            slider.press("End")
        page.get_by_role("button", name="Next").click()
    for _ in range(2):
        for sound in ("Sound A", "Sound B", "Sound X"):
            page.get_by_role("button", name=sound, exact=True).click()
        page.get_by_role("button", name="X is A").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save answers").click()
    answers = tmp_path / download.value.suggested_filename
    download.value.save_as(answers)
    context.close()
    assert faults == []
    assert answers.name == "answers-listener_1.json"
    found = json.loads(answers.read_text())
    assert sorted((r["trial"], r["kind"], r["score"]) for r in found["ratings"]) == [
        (trial, kind, 100) for trial in ("flute", "horn") for kind in ("anchor", "reference", "system")
    ]
    assert len(found["abx"]) == 2
    capsys.readouterr()
    assert main(["listen-test", str(answers)]) == 0
    out = capsys.readouterr()
    assert "100.0 (100.0 to 100.0)  ours, 2 ratings; told from the recording" in out.out
    assert "1 listeners; 0 set aside" in out.err
