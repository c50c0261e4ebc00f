from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from ddx7.plot import comparison_figure

RATE = 44_100


def sine(hz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def test_the_figure_shows_level_and_frequency_of_both_sounds() -> None:
    target = sine(261.6, 0.5)
    quieter = target * 10 ** (-20 / 20)
    figure = comparison_figure(target, quieter, RATE, "caption $")
    left, right, _, difference, _, envelopes, means = figure.axes
    peaks = []
    for axes in (left, right):
        [mesh] = axes.collections
        levels = mesh.get_array()
        peaks.append(levels.max())
        row = np.unravel_index(levels.argmax(), levels.shape)[0]
        f_hz = mesh.get_coordinates()[row : row + 2, 0, 1]
        assert f_hz[0] < 261.6 < f_hz[1] * 1.03
        assert mesh.get_clim() == (-80, 0)
    assert peaks == pytest.approx([0, -20], abs=0.1)
    # The voice is 20 dB softer on its one partial, and nowhere louder.
    [mesh] = difference.collections
    assert mesh.get_array().min() == pytest.approx(-20, abs=0.1)
    assert mesh.get_array().max() < 0.1
    for axes in (envelopes, means):
        tops = [line.get_ydata().max() for line in axes.lines]
        assert tops == pytest.approx([0, -20], abs=0.1)
    assert {axes.get_xlabel() for axes in (left, envelopes)} == {"time, s"}
    assert (means.get_xlabel(), means.get_ylabel()) == ("frequency, Hz", "level, dB")


@pytest.mark.parametrize(("rate", "seconds"), [(8000, 0.05), (44_100, 0.02), (96_000, 3.0)])
def test_any_rate_and_length_is_drawn(tmp_path: Path, rate: int, seconds: float) -> None:
    figure = comparison_figure(sine(440, seconds, rate), np.zeros(7, np.float32), rate, "")
    figure.savefig(tmp_path / "x.png")
    assert imread(tmp_path / "x.png").shape[:2] == (800, 1200)


def test_words_and_names_of_several_recordings_are_drawn() -> None:
    sound = sine(440, 1.0)
    parts = [(0.0, 0.4, "soft"), (0.6, 1.0, "a very long name of a recording")]
    figure = comparison_figure(sound, sound, RATE, "HORN", words="noise missing", parts=parts)
    assert figure.get_suptitle() == "HORN\nnoise missing"
    names = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert names == ["soft", "a very long name of a r…"]
