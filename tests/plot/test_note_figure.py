from pathlib import Path

import numpy as np
import pytest
from running import Run

from ddx7.plot.note import GATE_S, picture
from ddx7.voice import Operator, Voice, init_voice, save


def lines_of(figure, title: str) -> list[np.ndarray]:
    axes = next(axes for axes in figure.axes if axes.get_title(loc="left") == title)
    return [np.asarray(line.get_data()) for line in axes.get_lines()]


def test_levels_are_those_of_the_voice() -> None:
    # Output level 99 is full level; from 20 up a step is 0.75 dB. EG level 79 lies 20 steps, of 1.5 dB in pairs, lower.
    voice = Voice(
        algorithm=32,
        operators=(
            Operator(output_level=99),
            Operator(output_level=59),
            Operator(output_level=99, levels=(79, 79, 79, 0)),
            *(Operator(),) * 3,
        ),
    )
    one, two, three, four, *_ = lines_of(picture(voice, 60), "operator levels, modulators dashed")
    held = (one[0] > 0.2) & (one[0] < GATE_S)
    over = one[0] > GATE_S + 0.1
    np.testing.assert_allclose(one[1][held], 0, atol=1e-3)
    np.testing.assert_allclose(two[1][held], -40 * 0.7526, atol=0.01)
    np.testing.assert_allclose(three[1][held], -10 * 1.505, atol=0.01)
    assert np.all(four[1] < -80)
    assert np.all(one[1][over] < -80)


@pytest.mark.parametrize(("level", "octaves"), [(50, 0), (0, -4), (99, 127 / 32), (51, 1 / 32)])
def test_pitch_is_in_cents(level: int, octaves: float) -> None:
    voice = Voice(pitch_levels=(level,) * 4, pitch_rates=(99,) * 4, name="$X^$")  # no formula, a name
    pitch = lines_of(picture(voice, 60), "pitch envelope")[0]
    np.testing.assert_allclose(pitch[1], 1200 * octaves, atol=0.01)


@pytest.mark.parametrize(("name", "start"), [("v.png", b"\x89PNG"), ("v.SVG", b"<?xml")])
def test_show_writes_a_picture(run: Run, tmp_path: Path, name: str, start: bytes) -> None:
    single = save(init_voice(), tmp_path / "one.syx")[0]
    outcome = run("show", single, "--plot", tmp_path / name)
    assert (outcome.code, outcome.err) == (0, f"picture in {tmp_path / name}\n")
    assert (tmp_path / name).read_bytes().startswith(start)
    assert outcome.out.startswith("INIT VOICE")


def test_show_replaces_no_picture_unless_forced(run: Run, single: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(b"mine")
    outcome = run("show", single, "--plot", path)
    assert (outcome.code, outcome.out, path.read_bytes()) == (1, "", b"mine")
    assert run("show", single, "--plot", path, "--force").code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("words", "code"), [((), 2), (("--index", "1,2"), 2), (("--index", "1", "--note", "128"), 1)])
def test_show_draws_one_voice_on_a_key_of_midi(
    run: Run, bank: Path, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    outcome = run("show", bank, "--plot", tmp_path / "v.png", *words)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith("ddx7: ")
    assert not (tmp_path / "v.png").exists()


def test_show_knows_what_is_no_picture(run: Run, single: Path, tmp_path: Path) -> None:
    outcome = run("show", single, "--plot", tmp_path / "v.wav")
    assert outcome.code == 2
    assert "wanted a file that ends in .png, .svg, .pdf" in outcome.err
