"""`match` from a recording to named voices, by its proposals and by its search."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ddx7
from ddx7.audio import find_notes
from ddx7.encoder import sampler
from ddx7.engine import renderer
from ddx7.errors import AudioError, Ddx7Error
from ddx7.generation.gan import voice_generator
from ddx7.matching import objective
from ddx7.matching.folder import match_to_dict
from ddx7.matching.match import FAST_ROUNDS
from ddx7.matching.objective import NoteTarget
from ddx7.matching.population import ISLANDS
from ddx7.matching.prepare import read_excerpt
from ddx7.matching.search import RENDERS_PER_STEP
from ddx7.voice import Operator, Voice

RATE = 44_100


@pytest.fixture(scope="module")
def fast_match(note: np.ndarray) -> ddx7.Match:
    return ddx7.match((note, RATE), fast=True, candidates=2, name="ORGAN")


def test_fast_ranks_the_proposals_refines_a_few_and_is_done(fast_match: ddx7.Match):
    report = fast_match.report
    assert fast_match.distances[0] < 5
    assert report.proposals == 256
    assert 256 < report.renders <= 256 + FAST_ROUNDS * ISLANDS * RENDERS_PER_STEP
    assert [stage.name for stage in report.stages] == ["rendering proposals", "refining"]
    assert not report.late
    assert (report.cut, report.from_s, report.to_s) == (False, 0.0, pytest.approx(0.6))


def test_a_match_holds_voices_sounds_notes_and_events(fast_match: ddx7.Match):
    assert [voice.name for voice in fast_match.voices] == ["ORGAN", "ORGAN 2"]
    assert len(fast_match.distances) == len(fast_match.perceptual_distances) == 2
    assert fast_match.strongest_event == fast_match.events[0]
    assert fast_match.strongest_event.note == fast_match.strongest_note.note == 57
    assert fast_match.strongest_event.gate_s == pytest.approx(0.4, rel=0.1)
    assert fast_match.audio.shape == fast_match.target.shape


def test_a_match_has_the_floor_of_its_recording(fast_match: ddx7.Match):
    floor = match_to_dict(fast_match)["floor"]
    assert floor["peaks"] == 48
    assert 0 < floor["distance"] < 3 > floor["distance_db"] > 0  # two operators make few partials


def test_a_decoded_recording_and_named_weights_give_the_same_match(fast_match: ddx7.Match, note: np.ndarray):
    again = ddx7.match(read_excerpt((note, RATE)), fast=True, candidates=2, name="ORGAN", weights=sampler.WEIGHTS)
    assert list(again.voices) == list(fast_match.voices)
    assert again.distances == fast_match.distances


@pytest.mark.usefixtures("fast_match")
def test_a_later_match_makes_no_program_and_plays_what_it_reports(
    bright: Voice, programs_made: Callable[[], int], monkeypatch: pytest.MonkeyPatch
):
    """Counts of another note of as long a sound: they tell a slower search on any machine."""
    assert renderer.warm().state == "ready"
    rendered, compared, differentiated = [], [], []

    def counted(count: list[int], function: Callable, argument: int) -> Callable:
        def call(*arguments):
            count.append(len(arguments[argument]))
            return function(*arguments)

        return call

    player = renderer.loaded_renderer()
    monkeypatch.setattr(player, "play", counted(rendered, player.play, 1))
    monkeypatch.setattr(objective, "fast_distances", counted(compared, objective.fast_distances, 2))
    monkeypatch.setattr(NoteTarget, "errors", counted(differentiated, NoteTarget.errors, 1))
    sound = ddx7.render(bright, 62, 90, 0.35, 0.6, RATE)
    del rendered[:]
    before = programs_made()
    report = ddx7.match((sound, RATE), fast=True, candidates=2).report
    assert programs_made() == before
    assert sum(differentiated) == report.renders - report.proposals
    assert report.proposals <= sum(compared) < 2 * report.proposals
    # Beside the search: fits of structures, the tries of the final tuning, and the candidates at full rate.
    assert report.renders < sum(rendered) < report.renders + 3 * report.proposals
    assert len(rendered) < 80  # in large batches


@pytest.mark.slow
def test_a_slow_release_is_told_from_a_long_gate():
    slow = Operator(output_level=99, rates=(99, 99, 99, 36))
    sound = ddx7.render(Voice(operators=(slow, slow, *Voice().operators[2:])), note=57, gate=1.0, duration=2.0)
    assert ddx7.match((sound, RATE), fast=True).events[0].gate_s == pytest.approx(1.0, rel=0.2)


@pytest.mark.slow
def test_match_comes_nearer_to_a_rendered_voice_than_its_first_draw():
    carrier = Operator(rates=(99, 99, 99, 70), output_level=99)
    modulator = Operator(rates=(99, 99, 99, 70), output_level=80, coarse=2)
    voice = Voice(operators=(carrier, modulator, *Voice().operators[2:]))
    target = ddx7.render(voice, note=57, gate=0.4, duration=0.7)
    found = ddx7.match((target, RATE), seconds=8, candidates=3, seed=1, name="ORGAN")
    event = found.strongest_event
    assert event.note == 57
    assert len(found.voices) == len(found.distances) == len(found.perceptual_distances) == 3
    assert found.perceptual_distances[0] <= 1.2 * min(found.perceptual_distances)
    assert found.voices[0].name == "ORGAN"
    assert len(set(found.voices)) == 3
    stages = {stage.name: stage.distance for stage in found.report.stages}
    assert stages["polishing"] < 0.8 * stages["drawing"]
    again = ddx7.render(found.voices[0], note=event.note, velocity=event.velocity, gate=event.gate_s, duration=0.7)
    n = min(len(again), len(found.audio))
    correlation = np.corrcoef(again[:n], found.audio[:n])[0, 1]
    assert correlation > 0.999, "the sound reported is that of the voice returned"


def test_bad_arguments_are_named():
    sound = (np.ones(1000, np.float32), RATE)
    with pytest.raises(Ddx7Error, match="candidates: found 0, wanted 1 to 32"):
        ddx7.match(sound, candidates=0)
    with pytest.raises(Ddx7Error, match=r"seconds: found 0\.5, wanted 1 to 3600"):
        ddx7.match(sound, seconds=0.5)
    with pytest.raises(Ddx7Error, match="fast without the encoder"):
        ddx7.match(sound, fast=True, use_encoder=False)
    with pytest.raises(Ddx7Error, match=r"gan\.safetensors: found weights of something else, wanted those of a preset"):
        ddx7.match(sound, weights=voice_generator.WEIGHTS)
    with pytest.raises(AudioError, match="finite samples"):
        ddx7.match((np.full(1000, np.nan, np.float32), RATE))


@pytest.mark.slow
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
    assert len(find_notes(sound, RATE)) >= 3
    found = ddx7.match((sound, RATE), fast=True)
    assert len(found.notes) == (1 if gliding else 3)


@pytest.mark.slow
def test_a_voice_of_the_users_library_is_named_and_found(tmp_path: Path, bright: Voice, note: np.ndarray):
    ddx7.save([bright.renamed("MINE"), replace(Voice(), name="OTHER")], tmp_path / "own.syx")
    found = ddx7.match((note, RATE), seconds=1, library=[tmp_path])
    [nearest, *_] = found.report.library
    assert nearest.voice == "MINE (own.syx, voice 1)"
    assert found.distances[0] <= nearest.distance_db + 0.1
