"""Voices bred from one voice come nearer to the recording, or change as wished, and keep what is locked."""

import numpy as np
import pytest

from ddx7 import Operator, Voice
from ddx7.audio import find_notes
from ddx7.engine import render
from ddx7.errors import Ddx7Error
from ddx7.matching import WISHES, steer
from ddx7.matching.steer import locked_bytes
from ddx7.matching.target import make_target
from ddx7.voice.packing import VCED_COLUMNS

RATE = 22_050
CARRIER = Operator(output_level=99, rates=(70, 40, 40, 60), levels=(99, 90, 80, 0))
VOICE = Voice(operators=(CARRIER, Operator(output_level=70), *(Operator(),) * 4), algorithm=1, name="BEGIN")
VCED = np.frombuffer(VOICE.to_vced(), np.uint8)


@pytest.fixture(scope="module")
def target():
    sound = render(VOICE, 60, gate=0.4, duration=0.7, sample_rate=RATE)
    return make_target(sound, RATE, find_notes(sound, RATE))


def centroid_octaves(sound):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return np.log2((spectrum * np.arange(len(spectrum))).sum() / spectrum.sum())


def rise_s(sound):
    level = np.convolve(np.abs(sound), np.ones(441) / 441, "same")
    return np.argmax(level > 0.7 * level.max()) / 44_100


def played(target, voices):
    return target.render(np.asarray(voices))


def test_brighter_is_brighter_and_darker_darker(target):
    [own] = played(target, [VCED])
    found = {wish: steer(target, VCED, wish, seconds=1, candidates=3) for wish in ("brighter", "darker")}
    for sound in played(target, found["brighter"].voices):
        assert centroid_octaves(sound) > centroid_octaves(own) + 0.1
    for sound in played(target, found["darker"].voices):
        assert centroid_octaves(sound) < centroid_octaves(own) - 0.1


def test_a_softer_attack_takes_longer(target):
    [own] = played(target, [VCED])
    found = steer(target, VCED, "softer attack", seconds=1, candidates=2)
    assert min(map(rise_s, played(target, found.voices))) > rise_s(own) + 0.01


def test_a_nearer_voice_is_nearer_to_the_recording(target):
    off = VCED.copy()
    off[VCED_COLUMNS["output_level"][1]] = 40
    found = steer(target, off, "nearer", seconds=1)
    [before] = target.distances_db(played(target, [off]))
    after = target.distances_db(played(target, found.voices[:1]))
    assert after[0] < before - 0.5
    for name in ("algorithm", "coarse", "fixed"):
        assert (found.voices[:, VCED_COLUMNS[name]] == off[VCED_COLUMNS[name]]).all()


@pytest.mark.parametrize("wish", ["target", "brighter"])
def test_locked_sections_stay(target, wish):
    lock = ("levels", "ratios", "algorithm")
    found = steer(target, VCED, wish, lock=lock, seconds=1, candidates=8, seed=2)
    kept = locked_bytes(lock)
    assert len(found.voices) == 8
    assert (found.voices[:, kept] == VCED[kept]).all()
    assert not (found.voices == VCED).all(axis=1).any()


def test_a_wish_for_another_sound_keeps_pitch_and_modulation_and_gives_different_voices(target):
    found = steer(target, VCED, "brighter", seconds=2, candidates=4, seed=3)
    for name in ("pitch_rates", "pitch_levels", "lfo_pitch_depth", "pitch_mod_sensitivity", "lfo_amp_depth"):
        assert (found.voices[:, VCED_COLUMNS[name]] == VCED[VCED_COLUMNS[name]]).all(), name
    differ = (found.voices[:, None] != found.voices[None]).sum(axis=-1)
    assert differ[np.triu_indices(4, 1)].min() >= 3
    assert (np.diff(found.scores) >= 0).all()


def test_one_seed_gives_the_same_voices(target):
    first, again = (steer(target, VCED, "longer", seconds=1, seed=5).voices for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize("wish", ["target", "brighter"])
def test_progress_has_the_distance_from_the_recording(target, wish):
    told = []
    steer(target, VCED, wish, seconds=0.3, seed=1, progress=told.append)
    voices = np.stack([np.frombuffer(now.best, np.uint8) for now in told])
    np.testing.assert_allclose([now.distance for now in told], target.objective().distances(voices), rtol=1e-3)


def test_an_interrupt_keeps_the_best_so_far(target):
    reports = []

    def stop(now):
        reports.append(now)
        if len(reports) == 3:
            raise KeyboardInterrupt

    found = steer(target, VCED, "target", seconds=20, progress=stop)
    assert found.interrupted
    assert len(found.voices) == 4
    assert len(reports) == 3
    assert len(reports[0].best) == 155


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("wish", "lock", "words"), [("louder", (), "wish: found"), ("brighter", ("name",), "lock: found name")]
)
def test_wrong_arguments_get_a_sentence(target, wish, lock, words):
    with pytest.raises(Ddx7Error, match=words):
        steer(target, VCED, wish, lock=lock)


def test_a_silent_voice_is_refused(target):
    silent = VCED.copy()
    silent[VCED_COLUMNS["output_level"]] = 0
    for wish in WISHES:
        with pytest.raises(Ddx7Error, match="silence"):
            steer(target, silent, wish, seconds=1)
