"""Screening on voices with one fault each, and measures of sounds whose values are known in closed form."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ddx7.library import measure_notes, measure_voices, screen_measures, screen_voices
from ddx7.library.notes import RATE
from ddx7.library.screening import RULES
from ddx7.voice import Voice

CARRIER = replace(Voice().operators[0], rates=(99, 50, 50, 70), levels=(99, 90, 90, 0), output_level=90)
SILENT = replace(CARRIER, output_level=0)


def voice(*operators, algorithm: int = 32, **fields) -> Voice:
    return Voice(operators=(*operators, *[SILENT] * (6 - len(operators))), algorithm=algorithm, **fields)


FEEDING_BACK = replace(CARRIER, output_level=99, levels=(99, 99, 99, 0))
VOICES = {
    "": voice(CARRIER, replace(CARRIER, coarse=2)),
    "silent": voice(SILENT),
    "stuck-note": voice(replace(CARRIER, levels=(99, 95, 95, 90))),
    "off-pitch": voice(replace(CARRIER, fine=12)),
    "quiet": voice(replace(CARRIER, output_level=50)),
    "loud": voice(*[replace(CARRIER, output_level=99, coarse=4, levels=(99, 99, 99, 0))] * 6),
    "shrieks": voice(*[replace(CARRIER, output_level=99, fixed=1, coarse=3, fine=70)] * 2),
    # Two operators that modulate each other's feedback to the full make noise.
    "noise": voice(CARRIER, *[FEEDING_BACK] * 5, algorithm=17, feedback=7),
}
SLOW_PAD = voice(replace(CARRIER, rates=(9, 50, 50, 70), output_level=99))


def bytes_of(*voices: Voice) -> np.ndarray:
    return np.array([list(v.to_vced()) for v in voices], np.uint8)


@pytest.fixture(scope="module")
def measures():
    return measure_voices(bytes_of(*VOICES.values(), SLOW_PAD))


@pytest.mark.parametrize("code", VOICES)
def test_every_rule_finds_its_voice(measures, code: str) -> None:
    k = list(VOICES).index(code)
    codes = screen_measures(measures).codes(k)
    assert code in codes if code else codes == ()


def test_reasons_name_the_measured_value(measures) -> None:
    reasons = screen_measures(measures).reasons(list(VOICES).index("off-pitch"))
    # Fine 12 is a ratio of 1.12, or 1.96 semitones.
    assert reasons == ("out of tune: +2.0 semitones from the note, octaves aside",)


def test_a_slow_pad_is_not_silent(measures) -> None:
    assert measures.middle.peak[-1] < 1e-3 < measures.long_peak[-1]
    assert "silent" not in screen_measures(measures).codes(len(VOICES))


def test_drums_and_effects_need_no_pitch(measures) -> None:
    screening = screen_measures(measures, without_pitch=True)
    assert not {"off-pitch", "noise"} & {code for k in range(len(measures)) for code in screening.codes(k)}
    assert screening.codes(list(VOICES).index("silent")) == ("silent",)


def test_the_level_limits_depend_on_the_other_voices(measures) -> None:
    k = list(VOICES).index("loud")
    assert "loud" in screen_measures(measures).codes(k)
    assert "loud" not in screen_measures(measures, neighbours_db=measures.middle.level_db[k] - 3).codes(k)
    assert "quiet" in screen_measures(measures, neighbours_db=40.0).codes(k)


def test_screening_voices_measures_and_applies_the_rules(measures) -> None:
    rows = bytes_of(*VOICES.values())
    assert (screen_voices(rows).rejected == screen_measures(measures).rejected[:-1]).all()
    assert screen_voices(rows).rejected.tolist() == [code != "" for code in VOICES]


def test_every_rule_is_explained() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.why and rule.sentence.format(1.0) for rule in RULES)


def test_stored_shards_give_the_same_measures(tmp_path: Path, measures) -> None:
    rows = bytes_of(*VOICES.values(), SLOW_PAD)
    measure_voices(rows, folder=tmp_path)
    stored = measure_voices(rows, folder=tmp_path)
    assert np.allclose(stored.middle.coarse_log_mel, measures.middle.coarse_log_mel, atol=1e-3)
    assert np.allclose(stored.long_peak, measures.long_peak)


def test_measures_of_known_sounds() -> None:
    t = np.arange(2 * RATE) / RATE
    held = t < 1
    sounds = {
        "sine": 0.1 * np.sin(2 * np.pi * 1000 * t) * np.where(held, 1, 10 ** (-(t - 1) * 40 / 20)),
        "string": 0.1 * np.sin(2 * np.pi * 440 * t) * 10 ** (-t * 30 / 20),
        "fade": 0.1 * np.sin(2 * np.pi * 1000 * t) * np.minimum(t / 0.8, 1) * held,
        "noise": 0.1 * np.random.default_rng(0).normal(size=len(t)),
        "nothing": np.zeros_like(t),
    }
    m = measure_notes(np.stack(list(sounds.values())).astype(np.float32), 1.0)
    at = {name: k for k, name in enumerate(sounds)}
    assert m.peak[at["sine"]] == pytest.approx(0.1, rel=1e-3)
    assert m.level_db[at["sine"]] == pytest.approx(-23.0, abs=0.1)  # A-weighting is 0 dB at 1 kHz
    assert m.release_s[at["sine"]] == pytest.approx(1.5, abs=0.08)  # 60 dB at 40 dB a second, half of it extrapolated
    assert m.held_db[at["string"]] == pytest.approx(-30, abs=2.5)
    assert m.attack_s[at["fade"]] == pytest.approx(0.8 * 10 ** (-3 / 20), abs=0.05)
    assert m.pitch[at["string"]] == pytest.approx(69, abs=0.02)
    assert m.noise[at["sine"]] < 0.01 < 0.8 < m.noise[at["noise"]]
    assert m.flatness[at["sine"]] < 0.01 < 0.4 < m.flatness[at["noise"]]
    assert m.centre_hz[at["sine"]] == pytest.approx(1000, abs=RATE / 1024)
    assert m.bright_share[at["sine"]] < 0.01 < 0.5 < m.bright_share[at["noise"]]
    assert m.level_db[at["nothing"]] == pytest.approx(-90, abs=0.1)
    # A note of 1 kHz stands out in the band that holds it, and in time where it is. The filter of the band is 250 Hz
    # wide and has an area of 1 Hz, which takes some 20 dB from the -23 dB of the sine; the floor is at -90 dB.
    band = m.coarse_log_mel[at["sine"]].mean(0).argmax()
    assert m.coarse_log_mel[at["sine"], 2, band] > m.coarse_log_mel[at["sine"], 2].min() + 45
    assert m.coarse_log_mel[at["fade"], 0, band] < m.coarse_log_mel[at["fade"], 6, band] - 6
