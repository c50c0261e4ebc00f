import base64
import io
import re

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from ddx7.plot import comparison_html
from ddx7.voice import Bank, Voice


def parts(html: str) -> tuple[list[np.ndarray], list[tuple[np.ndarray, int]]]:
    """The pictures and the sounds in a piece of HTML."""
    found = re.findall(r'src="data:(image/png|audio/flac);base64,([^"]+)"', html)
    data = [(kind, io.BytesIO(base64.b64decode(text))) for kind, text in found]
    pictures = [imread(file) for kind, file in data if kind == "image/png"]
    return pictures, [soundfile.read(file) for kind, file in data if kind == "audio/flac"]


def test_a_voice_shows_its_page_and_plays() -> None:
    pictures, [(sound, rate)] = parts(Voice()._repr_html_())
    assert [picture.shape[:2] for picture in pictures] == [(880, 1320)]
    assert len(sound) == 2 * rate
    assert np.abs(sound).max() == pytest.approx(0.125, rel=0.02)


def test_a_bank_shows_its_first_32_voices_and_plays_them() -> None:
    pictures, [(sound, rate)] = parts(Bank([Voice()] * 40)._repr_html_())
    assert len(pictures) == 1
    assert len(sound) == 32 * 2 * rate
    assert parts(Bank([])._repr_html_()) == ([], [])


def test_a_quiet_recording_beside_a_voice_can_be_heard() -> None:
    target = 1e-4 * np.sin(np.arange(22_050) / 20).astype(np.float32)
    pictures, sounds = parts(comparison_html(target, target / 2, 44_100, "caption"))
    assert len(pictures) == 1
    assert [np.abs(sound).max() for sound, _ in sounds] == pytest.approx([0.891, 0.446], rel=0.01)
