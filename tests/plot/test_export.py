import numpy as np
import pytest

from ddx7.plot import NoteLevels, export_figure
from ddx7.plot.export import representative_notes
from ddx7.voice import Operator, Voice


@pytest.fixture
def levels() -> NoteLevels:
    n_notes, n_frames = 4, 20
    shape = (n_notes, n_frames, 6)
    fall = -np.linspace(0, 30, n_frames)[:, None] - np.arange(6)
    return NoteLevels(
        notes=np.array([48, 60, 60, 72]),
        velocities=np.array([100, 40, 100, 100]),
        gate_s=np.full(n_notes, 0.05),
        n_frames=np.array([20, 20, 10, 20]),
        frame_s=0.004,
        instrument_db=np.broadcast_to(fall, shape),
        voice_db=np.broadcast_to(fall - 1, shape),
    )


def test_four_columns_show_a_low_a_middle_a_high_and_a_soft_note(levels: NoteLevels) -> None:
    assert representative_notes(levels.notes, levels.velocities) == {"low": 0, "middle": 2, "high": 3, "soft": 1}
    voice = Voice(algorithm=5, operators=(Operator(output_level=99),) * 6)
    figure = export_figure(voice, levels, "title $")
    titles = [axes.get_title(loc="left") for axes in figure.axes[:4]]
    assert titles == [
        "low: note 48, velocity 100",
        "middle: note 60, velocity 100",
        "high: note 72, velocity 100",
        "soft: note 60, velocity 40",
    ]
    assert figure.get_size_inches().tolist() == [14, 7.5]


def test_carriers_stand_above_modulators_and_silent_operators_are_left_out(levels: NoteLevels) -> None:
    sounding, silent = Operator(output_level=99), Operator(output_level=0)
    voice = Voice(algorithm=5, operators=(sounding, sounding, silent, sounding, sounding, silent))
    axes = export_figure(voice, levels, "title").axes
    names = [[line.get_label() for line in row.get_lines()[1::2]] for row in (axes[0], axes[4])]
    assert names == [["OP1", "OP5"], ["OP2", "OP4"]]
    instrument, fitted = axes[1].get_lines()[:2]  # ten frames of the middle note, OP1
    np.testing.assert_allclose(instrument.get_ydata(), levels.instrument_db[2, :10, 0])
    np.testing.assert_allclose(fitted.get_ydata(), levels.voice_db[2, :10, 0])
    np.testing.assert_allclose(fitted.get_xdata(), np.arange(10) * 0.004)
