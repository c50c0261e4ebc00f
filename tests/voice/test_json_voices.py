"""ddx7 reads the voices in the JSON that its commands write."""

import json
from pathlib import Path

import numpy as np
import pytest

from ddx7.errors import SysexError
from ddx7.voice import Voice, load
from ddx7.voice.packing import random_vced

VOICES = [Voice.from_vced(row) for row in random_vced(np.random.default_rng(4), 3)]
DICTS = [voice.to_dict() for voice in VOICES]

REPORTS = {
    "a list": DICTS,
    "show": {"voices": DICTS},
    "generate": {"count": 3, "seed": 7, "voices": [{"categories": ["bell"], "voice": d} for d in DICTS]},
    "match": {"candidates": [{"distance_db": 3.1, "voice": d} for d in DICTS], "key": 60, "notes": [{"key": 60}]},
}


@pytest.mark.parametrize("report", REPORTS)
def test_several_voices(tmp_path: Path, report: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORTS[report]), encoding="utf-8")
    assert list(load(path)) == VOICES


@pytest.mark.parametrize("content", [DICTS[0], {"fitted": {"distance_db": 2.0}, "voice": DICTS[0]}])
def test_one_voice(tmp_path: Path, content: dict) -> None:
    path = tmp_path / "voice.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert list(load(path)) == VOICES[:1]


@pytest.mark.parametrize("content", [[], {"voices": []}, {"what": "a flute", "data": [], "range": {"loud_db": -10}}])
def test_json_without_voices_is_refused_as_such(tmp_path: Path, content: object) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps(content))
    with pytest.raises(SysexError, match=r"card\.json: found JSON without voices, wanted"):
        load(path)
