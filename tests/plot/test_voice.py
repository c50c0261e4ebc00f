from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from ddx7.plot import NoteTraces, draw_algorithm, traces_figure
from ddx7.voice import Voice
from ddx7.voice.algorithms import ALGORITHMS

SAMPLE_RATE = 16_000
BLOCK_S = 64 / SAMPLE_RATE
N_BLOCKS = 125


def sine(hz: float, amplitude: float, seconds: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def drawn(voice: Voice, level_db: np.ndarray, audio: np.ndarray) -> Figure:
    traces = NoteTraces(
        note=60,
        velocity=100,
        gate_s=0.3,
        audio=audio,
        sample_rate=SAMPLE_RATE,
        level_db=level_db,
        pitch_cents=np.zeros(N_BLOCKS),
        block_s=BLOCK_S,
    )
    return traces_figure(voice, traces)


def panels(figure: Figure) -> dict[str, object]:
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a.number)
def test_algorithm_panel_has_a_box_with_number_frequency_and_level_for_each_operator(algorithm) -> None:
    axes = Figure().subplots()
    draw_algorithm(axes, Voice(algorithm=algorithm.number))
    words = [text.get_text() for text in axes.texts]
    assert sorted(word for word in words if len(word) == 1) == list("123456")
    assert words.count("1.00\n99") == 1
    assert words.count("1.00\n0") == 5
    assert sum(isinstance(patch, FancyBboxPatch) for patch in axes.patches) == 6
    # One wire for each modulation, one from each carrier, the output and the loop.
    assert len(axes.lines) == sum(map(len, algorithm.modulators)) + len(algorithm.carriers) + 2


def test_levels_panel_shows_the_six_envelopes_that_it_was_given(tmp_path: Path) -> None:
    level_db = -np.arange(6)[:, None] * 10.0 - np.linspace(0, 20, N_BLOCKS)
    figure = drawn(Voice(algorithm=5), level_db, sine(440, 0.1))
    lines = panels(figure)["operator levels, modulators dashed"].get_lines()[:6]
    np.testing.assert_allclose([line.get_ydata() for line in lines], level_db)
    assert [line.get_linestyle() for line in lines] == ["-", "--"] * 3  # 1, 3 and 5 are carriers
    assert lines[0].get_xdata()[-1] == pytest.approx((N_BLOCKS - 1) * BLOCK_S)
    figure.savefig(tmp_path / "voice.png")
    assert (tmp_path / "voice.png").stat().st_size > 10_000


def test_silence_can_be_drawn(tmp_path: Path) -> None:
    figure = drawn(Voice(name="$X^$"), np.full((6, N_BLOCKS), -200.0), np.zeros(8000))
    figure.savefig(tmp_path / "silence.png")
    assert (tmp_path / "silence.png").read_bytes().startswith(b"\x89PNG")
