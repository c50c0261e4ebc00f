"""The parts of the search: voices drawn, crossed, mutated, heard and improved by gradient."""

from dataclasses import replace

import numpy as np
import pytest

import ddx7
from ddx7.audio import find_notes
from ddx7.audio.partials import Partials
from ddx7.errors import AudioError, Ddx7Error
from ddx7.matching.gradient import refine
from ddx7.matching.objective import NoteEvent, NoteTarget, Objective, fit_length
from ddx7.matching.prior import Prior, columns, cross, force_release, mutate
from ddx7.matching.search import Search
from ddx7.voice import Operator, Voice
from ddx7.voice.packing import in_range, random_vced

PRIOR = Prior(Partials(np.array([1.0, 2.01, 3.5]), np.zeros(3)), cents=5.0, sustains=True)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def organ(level: int = 80) -> np.ndarray:
    """Two operators of algorithm 1: a carrier and its modulator."""
    carrier = Operator(rates=(99, 99, 99, 70), output_level=99)
    modulator = Operator(rates=(99, 99, 99, 70), output_level=level, coarse=2)
    voice = Voice(operators=(carrier, modulator, *Voice().operators[2:]))
    return np.frombuffer(voice.to_vced(), np.uint8)


def audition_of(vced: np.ndarray) -> Objective:
    nothing = NoteTarget(fit_length(np.zeros(100, np.float32)), 44100, NoteEvent(60, 100, 0.4), 1.0)
    return Objective((replace(nothing, target=nothing.hear(vced[None])[0]),))


def test_drawn_voices_are_legal_end_and_keep_to_what_one_note_can_tell(rng):
    voices = PRIOR.draw(rng, 500)
    assert in_range(voices).all()
    assert (voices[:, columns("levels")[:, 3]] == 0).all()
    for name in ("left_depth", "right_depth", "velocity_sensitivity", "rate_scaling"):
        assert (voices[:, columns(name)] == 0).all(), name
    assert len(np.unique(voices[:, columns("algorithm")])) == 32


def test_partials_of_the_recording_are_among_the_ratios(rng):
    voices = PRIOR.draw(rng, 200)
    coarse, fine = voices[:, columns("coarse")[:, 0]], voices[:, columns("fine")[:, 0]]
    # 3.5 is 3 and 17 % more.
    assert ((coarse == 3) & (fine == 17)).mean() > 0.03


@pytest.mark.parametrize("reach", [1.0, 0.15])
def test_mutants_are_legal_differ_from_their_parent_and_end(rng, reach):
    parents = PRIOR.draw(rng, 300)
    children = mutate(rng, parents, PRIOR, reach)
    assert in_range(children).all()
    assert (children != parents).any(axis=1).mean() > 0.95
    assert (children[:, columns("levels")[:, 3]] == 0).all()


def test_polishing_moves_fewer_bytes_than_exploring(rng):
    parents = PRIOR.draw(rng, 300)
    far, near = ((mutate(rng, parents, PRIOR, reach) != parents).sum() for reach in (1.0, 0.15))
    assert near < 0.7 * far


def test_a_child_takes_each_operator_whole_from_a_parent_and_the_mothers_algorithm(rng):
    mothers, fathers = random_vced(rng, 100), random_vced(rng, 100)
    children = cross(rng, mothers, fathers)
    blocks = [x[:, :126].reshape(100, 6, 21) for x in (children, mothers, fathers)]
    from_mother, from_father = ((blocks[0] == parent).all(axis=-1) for parent in blocks[1:])
    assert (from_mother | from_father).all()
    assert 0.3 < from_father.mean() < 0.7
    np.testing.assert_array_equal(children[:, 126:], mothers[:, 126:])


def test_let_end_changes_the_last_level_and_nothing_else(rng):
    voices = random_vced(rng, 20)
    ended = force_release(voices)
    assert (ended[:, columns("levels")[:, 3]] == 0).all()
    others = np.setdiff1d(np.arange(155), columns("levels")[:, 3])
    np.testing.assert_array_equal(ended[:, others], voices[:, others])


def test_a_voice_is_nearest_to_itself_and_silence_is_infinitely_far():
    audition = audition_of(organ())
    silent = np.frombuffer(Voice(operators=(Operator(),) * 6).to_vced(), np.uint8)
    own, brighter, nothing = audition.distances(np.stack([organ(), organ(95), silent]))
    assert own < 1e-3
    assert brighter > 0.5
    assert np.isinf(nothing)


@pytest.mark.slow
def test_gradient_brings_a_wrong_level_nearer():
    audition = audition_of(organ(80)).at(22050)
    start = organ(68)
    found = refine(audition, start[None])
    assert found.shape == (4, 1, 155)
    before = audition.distances(start[None])[0]
    after = audition.distances(found.reshape(-1, 155)).min()
    assert after < 0.6 * before


@pytest.mark.slow
def test_the_search_finds_how_long_the_key_was_held():
    right = audition_of(organ())
    search = Search(right.held(0.45), PRIOR, np.random.default_rng(0), 2.0, seeds=organ()[None].repeat(4, axis=0))
    search.run()
    assert search.full.listeners[0].hand.gate_s == pytest.approx(0.4, rel=0.04)
    assert search.half.listeners[0].hand == search.full.listeners[0].hand
    assert right.distances(search.ranked()[:1])[0] < 0.5


@pytest.mark.slow
def test_a_slow_release_is_heard_for_one():
    slow = Operator(output_level=99, rates=(99, 99, 99, 36))
    sound = ddx7.render(Voice(operators=(slow, slow, *Voice().operators[2:])), note=57, gate=1.0, duration=2.0)
    assert ddx7.match((sound, 44100), fast=True).hands[0].gate_s == pytest.approx(1.0, rel=0.2)


@pytest.mark.slow
def test_match_comes_nearer_to_a_rendered_voice_than_its_first_draw():
    target = ddx7.render(Voice.from_vced(organ()), note=57, gate=0.4, duration=0.7)
    found = ddx7.match((target, 44100), seconds=8, candidates=3, seed=1, name="ORGAN")
    assert found.key == 57
    assert len(found.voices) == len(found.distances) == 3
    assert list(found.distances) == sorted(found.distances)
    assert found.voices[0].name == "ORGAN"
    assert len(set(found.voices)) == 3
    stages = {entry["stage"]: entry.get("distance") for entry in found.report["stages"]}
    assert stages["polishing"] < 0.8 * stages["drawing"]
    again = ddx7.render(found.voices[0], note=found.key, velocity=found.velocity, gate=found.note.gate_s, duration=0.7)
    n = min(len(again), len(found.audio))
    correlation = np.corrcoef(again[:n], found.audio[:n])[0, 1]
    assert correlation > 0.999, "the sound reported is that of the voice returned"


def test_bad_arguments_are_named():
    sound = (np.ones(1000, np.float32), 44100)
    with pytest.raises(Ddx7Error, match="candidates: found 0, wanted 1 to 32"):
        ddx7.match(sound, candidates=0)
    with pytest.raises(Ddx7Error, match=r"seconds: found 0\.5, wanted 1 to 3600"):
        ddx7.match(sound, seconds=0.5)
    with pytest.raises(AudioError, match="finite samples"):
        ddx7.match((np.full(1000, np.nan, np.float32), 44100))


@pytest.mark.parametrize("gliding", [True, False])
def test_a_glide_of_one_voice_is_one_note_and_a_melody_is_not(gliding: bool):
    carrier = Operator(output_level=99, rates=(99, 99, 99, 60))
    modulator = Operator(output_level=80, rates=(99, 40, 99, 60), levels=(80, 60, 60, 0))
    voice = Voice(operators=(carrier, modulator, *[Operator(output_level=0)] * 4))
    if gliding:
        falling = replace(voice, pitch_levels=(30, 30, 30, 50), pitch_rates=(30, 99, 99, 99))
        sound = ddx7.render(falling, note=57, gate=2.0, duration=2.5)
    else:
        sound = ddx7.render(voice, note=[57, 64, 60], gate=0.5, duration=0.7).reshape(-1)
    assert len(find_notes(sound, 44100)) >= 3
    found = ddx7.match((sound, 44100), fast=True)
    assert len(found.notes) == (1 if gliding else 3)
