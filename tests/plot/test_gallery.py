import numpy as np
import pytest

from ddx7.plot import gallery_figure
from ddx7.voice import Voice

RATE = 16_000


@pytest.mark.parametrize(("n_voices", "rows", "columns"), [(1, 1, 1), (8, 1, 8), (9, 2, 8), (32, 4, 8)])
def test_eight_voices_stand_in_a_row(n_voices: int, rows: int, columns: int) -> None:
    voices = [Voice(name=f"V{k}", algorithm=k % 32 + 1) for k in range(n_voices)]
    figure = gallery_figure(voices, np.zeros((n_voices, 1600)), RATE, 0.05, "caption $")
    panels = figure.axes[:n_voices]
    assert len({round(axes.get_position().y0, 4) for axes in panels}) == rows
    assert len({round(axes.get_position().x0, 4) for axes in panels}) == columns
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == [f"{k + 1} V{k}\nalgorithm {k % 32 + 1}, silent" for k in range(n_voices)]


def test_panels_share_their_axes_and_count_from_their_own_peaks() -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(3200) / RATE)
    figure = gallery_figure([Voice(name="LOUD"), Voice(name="SOFT")], np.stack([sine, 0.1 * sine]), RATE, 0.1, "")
    loud, soft, scale = figure.axes
    assert [axes.collections[0].get_clim() for axes in (loud, soft)] == [(-70, 0)] * 2
    assert [axes.get_title(loc="left").splitlines()[1] for axes in (loud, soft)] == [
        "algorithm 1, peak 0 dB",
        "algorithm 1, peak -20 dB",
    ]
    assert (loud.get_xlim(), loud.get_ylim()) == (soft.get_xlim(), soft.get_ylim())
    assert (loud.get_yscale(), soft.get_yscale()) == ("log", "log")
    assert scale.get_ylabel().startswith("dB")
    assert (loud.get_xlabel(), loud.get_ylabel()) == ("time, s", "frequency, Hz")
