import numpy as np
import pytest

from ddx7.plot import gallery_figure
from ddx7.voice import Voice

RATE = 16_000


@pytest.mark.parametrize(("n_voices", "size"), [(1, (2.7, 2.35)), (8, (16.0, 2.35)), (9, (16.0, 4.0))])
def test_eight_voices_stand_in_a_row(n_voices: int, size: tuple[float, float]) -> None:
    voices = [Voice(name=f"V{k}", algorithm=k + 1) for k in range(n_voices)]
    figure = gallery_figure(voices, np.zeros((n_voices, 1600)), RATE, 0.05, "caption $")
    assert figure.get_size_inches() == pytest.approx(size)
    assert [axes.get_title() for axes in figure.axes] == [f"{k + 1} V{k}  A{k + 1}" for k in range(n_voices)]


def test_each_panel_ends_at_its_own_peak() -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(3200) / RATE)
    figure = gallery_figure([Voice(), Voice()], np.stack([sine, 0.1 * sine]), RATE, 0.1, "")
    peaks = [axes.collections[0].get_clim()[1] for axes in figure.axes]
    assert peaks == pytest.approx([0, -20], abs=0.5)
