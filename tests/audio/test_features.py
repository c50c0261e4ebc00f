import numpy as np
import pytest

from ddx7.audio.f0 import EXTRACTORS, follow, tones_outside, yin
from ddx7.audio.features import HOP, extract, extract_cached
from ddx7.audio.loudness import FLOOR_DB, a_weighting, loudness
from ddx7.errors import AudioError, Ddx7Error

RATE = 16_000


def harmonic_tone(f0_hz: np.ndarray, partials: int = 6) -> np.ndarray:
    phase = np.cumsum(f0_hz) / RATE
    return sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, partials + 1)) / 4


def test_a_weighting_is_that_of_the_standard():
    # IEC 61672-1, table 3: rounded to 0.1 dB.
    table = {31.62: -39.4, 100.0: -19.1, 199.5: -10.9, 1000.0: 0.0, 2512.0: 1.3, 7943.0: -1.1, 15849.0: -6.6}
    result = 10 * np.log10(a_weighting(np.array(list(table))))
    np.testing.assert_allclose(result, list(table.values()), atol=0.06)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_loudness_of_a_sine_is_its_power(rate: int):
    t = np.arange(rate) / rate
    level = loudness(0.5 * np.sin(2 * np.pi * 1000 * t), rate, HOP)
    assert len(level) == -(-rate // HOP)
    np.testing.assert_allclose(level[40:-40], 20 * np.log10(0.5) - 3.01, atol=0.05)


def test_silence_is_at_the_floor_and_frames_are_centred():
    x = np.zeros(RATE)
    x[8000] = 1.0
    level = loudness(x, RATE, HOP)
    assert level.min() == FLOOR_DB
    assert np.argmax(level) == 8000 // HOP


def test_a_vibrato_is_followed():
    t = np.arange(2 * RATE) / RATE
    f0_hz = 440 * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 5.5 * t))
    times = np.arange(125, 375) * HOP / RATE
    result, confidence = follow(harmonic_tone(f0_hz), RATE, times, "yin")
    cents = 1200 * np.abs(np.log2(result / np.interp(times, t, f0_hz)))
    assert np.median(cents) < 8  # windows of 60 ms take a tenth off half a semitone
    assert cents.max() < 25
    assert confidence.min() > 0.8


def test_steps_and_a_rest_are_found():
    f0_hz = np.repeat([220.0, 330.0, 0.0, 165.0], RATE // 2)
    x = np.where(
        f0_hz > 0, harmonic_tone(np.maximum(f0_hz, 1)), 1e-4 * np.random.default_rng(0).normal(size=len(f0_hz))
    )
    at, result, _ = yin(x, RATE)
    for second, expected in ((0.25, 220), (0.75, 330), (1.75, 165)):
        assert result[np.argmin(np.abs(at - second))] == pytest.approx(expected, rel=0.005)
    assert result[np.argmin(np.abs(at - 1.25))] == 0


def test_pitch_steps_in_the_middle_of_a_rest():
    EXTRACTORS["rest"] = lambda x, rate: (
        np.arange(11) * 0.1,
        np.array([200.0] * 4 + [0.0] * 3 + [400.0] * 4),
        np.ones(11),
    )
    try:
        result, _ = follow(np.ones(1), RATE, np.arange(0, 1.01, 0.05), "rest")
    finally:
        del EXTRACTORS["rest"]
    np.testing.assert_allclose(result[:10], 200, rtol=1e-5)
    np.testing.assert_allclose(result[11:], 400, rtol=1e-5)


def test_pitch_goes_on_through_silence():
    x = np.concatenate([harmonic_tone(np.full(RATE, 300.0)), np.zeros(RATE)])
    features = extract(x, RATE, "yin")
    assert (features.f0_hz > 0).all()
    np.testing.assert_allclose(features.f0_hz[20:], 300, rtol=0.02)
    assert features.confidence[-50:].max() == 0


def test_hum_in_a_rest_does_not_become_the_melody(tmp_path):
    rest = 2 * RATE
    x = np.concatenate([np.zeros(rest), harmonic_tone(np.full(RATE, 440.0)), np.zeros(rest)])
    x += 0.02 * np.sin(2 * np.pi * 50 * np.arange(len(x)) / RATE)
    assert 45 < yin(x, RATE)[1][60] < 55  # the tracker alone follows the hum
    for features in (extract(x, RATE, "yin"), extract_cached(x, RATE, tmp_path, "yin")):
        np.testing.assert_allclose(features.f0_hz, 440, rtol=0.01)
        assert features.confidence[:400].max() == 0


def test_a_soft_note_within_a_fifth_of_the_melody_keeps_its_pitch():
    x = np.concatenate([harmonic_tone(np.full(RATE, 440.0)), 0.003 * harmonic_tone(np.full(RATE, 330.0))])
    features = extract(x, RATE, "yin")
    assert features.loudness_db[375] < features.loudness_db.max() - 45
    np.testing.assert_allclose(features.f0_hz[275:475], 330, rtol=0.01)


def test_noise_has_no_confident_pitch():
    features = extract(np.random.default_rng(0).normal(size=RATE) * 0.1, RATE, "yin")
    assert np.mean(features.confidence > 0.5) < 0.1


def test_extractors_are_plug_ins():
    EXTRACTORS["flat"] = lambda x, rate: (np.array([0.0, 1.0]), np.array([100.0, 100.0]), np.ones(2))
    try:
        np.testing.assert_allclose(extract(np.ones(640), RATE, "flat").f0_hz, 100, rtol=1e-5)
    finally:
        del EXTRACTORS["flat"]
    with pytest.raises(Ddx7Error, match="extractor: found 'crepe', wanted one of yin, pyin"):
        extract(np.ones(640), RATE, "crepe")


def test_less_than_a_frame_is_refused():
    with pytest.raises(AudioError, match="63 samples, at least 64"):
        extract(np.ones(63), RATE, "yin")


def test_the_cache_is_keyed_by_content(tmp_path):
    calls = []

    def counting(x: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        calls.append(rate)
        return yin(x, rate)

    EXTRACTORS["counting"] = counting
    try:
        x = harmonic_tone(np.full(8000, 250.0)).astype(np.float32)
        first = extract_cached(x, RATE, tmp_path, "counting")
        again = extract_cached(x, RATE, tmp_path, "counting")
        np.testing.assert_array_equal(first.f0_hz, again.f0_hz)
        assert len(calls) == 1
        extract_cached(x * 0.5, RATE, tmp_path, "counting")
        extract_cached(x, 22_050, tmp_path, "counting")
        assert len(calls) == 3
        # A torn file, as a crash of another program may leave it, is measured anew.
        for path in tmp_path.glob("*.npz"):
            path.write_bytes(path.read_bytes()[:100])
        np.testing.assert_array_equal(extract_cached(x, RATE, tmp_path, "counting").f0_hz, first.f0_hz)
        assert len(calls) == 4
    finally:
        del EXTRACTORS["counting"]


_HIGH = [440.0, 1976.0, 2637.0, 3520.0, 4186.0]


@pytest.mark.parametrize(
    ("f0_hz", "partials"), [(f, 4) for f in (27.5, 41.2, 49.0, 55.0, *_HIGH)] + [(f, 1) for f in _HIGH]
)
def test_bass_and_piccolo_are_followed(f0_hz: float, partials: int):
    partials = min(partials, int(0.45 * RATE / f0_hz))
    f0, confidence = follow(harmonic_tone(np.full(RATE, f0_hz), partials), RATE, np.arange(50, 200) * HOP / RATE, "yin")
    np.testing.assert_allclose(f0, f0_hz, rtol=0.004)
    assert confidence.min() > 0.5


@pytest.mark.parametrize(
    ("f0_hz", "outside"), [(5000.0, True), (7000.0, True), (15.0, True), (4000.0, False), (41.2, False)]
)
def test_tones_outside_the_range_are_told(f0_hz: float, outside: bool):
    sound = 0.3 * np.sin(2 * np.pi * f0_hz * np.arange(RATE) / RATE)
    assert (tones_outside(sound, RATE, np.arange(20, 230) * HOP / RATE) == outside).all()


def test_a_bright_tone_and_noise_are_not_outside_the_range():
    t = np.arange(RATE) / RATE
    bright = 0.1 * np.sin(2 * np.pi * 1000 * t) + 0.3 * np.sin(2 * np.pi * 5000 * t)
    noise = np.random.default_rng(0).normal(size=RATE)
    for sound in (bright, noise, np.zeros(RATE)):
        assert not tones_outside(sound, RATE, np.arange(0, 1, 0.01)).any()


@pytest.mark.slow
@pytest.mark.parametrize("f0_hz", [32.7, 41.2, 49.0, 51.9, 220.0, 1976.0, 2093.0, 3136.0])
def test_pyin_goes_on_with_yin_outside_its_range(f0_hz: float):
    partials = min(6, int(0.45 * RATE / f0_hz))
    f0, _ = follow(harmonic_tone(np.full(RATE, f0_hz), partials), RATE, np.arange(50, 200) * HOP / RATE, "pyin")
    assert np.abs(1200 * np.log2(np.median(f0) / f0_hz)) < 20
