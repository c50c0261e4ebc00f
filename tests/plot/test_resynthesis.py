import numpy as np

from ddx7.plot import resynthesis_figure

RATE = 16_000


def noise(seconds: float) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE)).astype(np.float32)


def test_operator_levels_are_drawn_over_the_length_of_the_sound() -> None:
    sound = noise(0.5)
    operator_db = -np.arange(6) * 10.0 - np.linspace(0, 20, 125)[:, None]
    figure = resynthesis_figure(sound, 0.5 * sound, RATE, "title $", operator_db=operator_db, carriers=[1, 3])
    assert [axes.get_title(loc="left") for axes in figure.axes[:4]] == [
        "recording", "resynthesis", "loudness, A-weighted", "operator levels, modulators dashed",
    ]  # fmt: skip
    assert figure.axes[4].get_ylabel() == "dB from the sound's peak"
    lines = figure.axes[3].get_lines()
    np.testing.assert_allclose([line.get_ydata() for line in lines], operator_db.T)
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-", "--", "--", "--"]
    assert figure.axes[3].get_xlim() == (0, 0.5)


def test_loudness_of_both_sounds_is_drawn_and_operators_are_optional() -> None:
    sound = noise(0.5)
    figure = resynthesis_figure(sound, 0.5 * sound, RATE, "title")
    assert len(figure.axes) == 4
    recording, resynthesis = (line.get_ydata() for line in figure.axes[2].get_lines())
    np.testing.assert_allclose(recording - resynthesis, 20 * np.log10(2), atol=0.01)


def test_a_long_recording_is_cut_to_twelve_seconds() -> None:
    figure = resynthesis_figure(noise(13), noise(13), RATE, "title")
    assert [axes.get_xlim()[1] for axes in figure.axes[:3]] == [12, 12, 12]
