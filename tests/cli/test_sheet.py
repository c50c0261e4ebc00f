import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddx7.cli.sheet import envelope_bars, note_name, voice_sheet
from ddx7.plot.algorithm import frequency_text
from ddx7.voice import Operator, Voice, init_voice
from ddx7.voice.packing import random_vced
from ddx7.voice.spec import CURVES

SEED = 7


def plain(voice: Voice, width: int = 80) -> list[str]:
    return [line.plain for line in voice_sheet(voice, "somewhere", width)]


def random_voices(count: int) -> list[Voice]:
    vced = random_vced(np.random.default_rng(SEED), count)
    vced[:, -10:] = np.frombuffer(b"A VOICE   ", np.uint8)
    return [Voice.from_vced(row) for row in vced]


@pytest.mark.parametrize(
    ("break_point", "name"),
    [(0, "A-1"), (1, "A#-1"), (2, "B-1"), (3, "C0"), (15, "C1"), (27, "C2"), (39, "C3"), (40, "C#3"), (99, "C8")],
)
def test_break_points_have_the_note_names_of_the_panel(break_point: int, name: str) -> None:
    assert note_name(break_point + 21) == name  # break point 0 is MIDI note 21


@pytest.mark.parametrize(
    ("coarse", "fine", "text"),
    [
        (0, 0, "0.50"),
        (0, 1, "0.505"),
        (0, 2, "0.51"),
        (1, 0, "1.00"),
        (1, 41, "1.41"),
        (14, 0, "14.00"),
        (31, 99, "61.69"),
    ],
)
def test_ratios(coarse: int, fine: int, text: str) -> None:
    assert frequency_text(Operator(coarse=coarse, fine=fine)) == text


@pytest.mark.parametrize(
    ("coarse", "fine", "text"),
    [
        (0, 0, "1.000 Hz"),
        (1, 0, "10.00 Hz"),
        (2, 50, "316.2 Hz"),
        (3, 0, "1000 Hz"),
        (3, 99, "9772 Hz"),
        (6, 50, "316.2 Hz"),  # the panel's coarse runs on past four decades, the sound does not
    ],
)
def test_fixed_frequencies(coarse: int, fine: int, text: str) -> None:
    assert frequency_text(Operator(fixed=1, coarse=coarse, fine=fine)) == text


def test_the_header_has_every_parameter_of_the_whole_voice() -> None:
    voice = Voice(
        name="HEADER",
        algorithm=22,
        feedback=6,
        transpose=-12,
        osc_sync=0,
        lfo_wave=5,
        lfo_speed=31,
        lfo_delay=32,
        lfo_sync=0,
        lfo_pitch_depth=33,
        lfo_amp_depth=34,
        pitch_mod_sensitivity=5,
        pitch_rates=(11, 12, 13, 14),
        pitch_levels=(51, 52, 53, 50),
    )
    text = [line[:43].rstrip() for line in plain(voice)[1:13]]
    assert plain(voice)[0] == "HEADER  somewhere"
    assert text == [
        "",
        "Algorithm  22",
        "Feedback   6",
        "Transpose  C2",
        "Osc sync   OFF",
        "",
        "LFO        S/HOLD",
        "           speed 31  delay 32  sync OFF",
        "           PMD 33  AMD 34  PMS 5",
        "Pitch EG   R 11 12 13 14",
        "           L 51 52 53 50",
        "             " + envelope_bars(voice.pitch_rates, voice.pitch_levels),
    ]


def test_an_operator_row_has_every_parameter_of_an_operator() -> None:
    operator = Operator(
        rates=(95, 29, 20, 50),
        levels=(99, 95, 0, 1),
        break_point=27,
        left_depth=54,
        right_depth=5,
        left_curve=2,
        right_curve=0,
        rate_scaling=3,
        amp_mod_sensitivity=2,
        velocity_sensitivity=7,
        output_level=89,
        coarse=14,
        detune=-7,
    )
    voice = Voice(operators=(operator, *init_voice().operators[1:]))
    row = next(line for line in plain(voice) if line.startswith(" 1 "))
    assert " ".join(row.split()) == "1 14.00 -7 89 95 29 20 50 99 95 0 1 C2 +EXP 54 -LIN 5 3 2 7"
    wide = next(line for line in plain(voice, 100) if line.startswith(" 1 "))
    assert wide == f"{row} {envelope_bars(operator.rates, operator.levels)}"


@pytest.mark.parametrize("width", [80, 100])
def test_every_voice_fits_and_its_columns_stand_under_their_headings(width: int) -> None:
    for voice in random_voices(64):
        lines = plain(voice, width)
        assert max(map(len, lines)) <= width
        heading, *rows = lines[-7:]
        assert [row.split()[0] for row in rows] == list("123456")
        left = heading.index("left")
        assert {row[left : left + 4] for row in rows} <= set(CURVES)
        assert all(row[left - 1] == " " and row[left + 4] == " " for row in rows)


def test_a_blank_name_is_marked() -> None:
    assert plain(init_voice().renamed(""))[0].startswith("(no name)")


def test_envelope_of_a_held_note_is_flat_on_top() -> None:
    assert envelope_bars((99, 99, 99, 99), (99, 99, 99, 0), 12)[3:9] == "█" * 6


def test_envelope_of_silence_is_the_base_line() -> None:
    assert envelope_bars((50, 50, 50, 50), (0, 0, 0, 0), 8) == "▁" * 8


def test_envelope_gives_a_slow_stage_more_room_than_a_quick_one() -> None:
    slow_attack, slow_release = (
        envelope_bars((20, 99, 99, 90), (99, 99, 99, 0)),
        envelope_bars((90, 99, 99, 20), (99, 99, 99, 0)),
    )
    assert slow_attack.index("█") > slow_release.index("█")


four = st.tuples(*[st.integers(0, 99)] * 4)


@given(four, four, st.integers(4, 40))
@settings(max_examples=60, deadline=None)
def test_envelope_stays_between_the_levels(rates: tuple[int, ...], levels: tuple[int, ...], width: int) -> None:
    bars = envelope_bars(rates, levels, width)
    heights = ["▁▂▃▄▅▆▇█".index(bar) for bar in bars]
    assert len(bars) == width
    assert round(min(levels) / 99 * 7) <= min(heights)
    assert max(heights) <= round(max(levels) / 99 * 7)
