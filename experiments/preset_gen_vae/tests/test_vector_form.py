"""The published forms: widths, exact round trips, and which parameters count."""

import numpy as np
import pytest
from preset_gen_vae.vector_form import FORM_NAMES, audible_parameters, vector_form

from ddx7.errors import Ddx7Error
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, in_range, random_vced
from ddx7.voice.spec import FIELDS

PUBLISHED = {"Num only": (144, 144, 0), "NumCat": (224, 122, 22), "NumCat++": (610, 90, 54)}


@pytest.mark.parametrize("name", FORM_NAMES)
def test_sizes_are_the_published_ones(name):
    form = vector_form(name)
    assert (form.width, len(form.numeric), len(form.categorical)) == PUBLISHED[name]
    assert form.to_vectors(INIT_VCED).shape == (form.width,)
    more = vector_form(name, transpose=True)
    assert more.width == form.width + 1
    assert len(more.categorical) == len(form.categorical)
    assert {FIELDS[c].parameter.name for c in set(more.columns) - set(form.columns)} == {"transpose"}


def test_categories_have_the_published_widths():
    """Widths of NumCat's categories as published: algorithm, two syncs, LFO wave; mode and two curves an operator."""
    assert sorted(vector_form("NumCat").legal.sum(axis=1)) == sorted([32, 2, 2, 6] + 6 * [2, 4, 4])
    added = [8, 8] + 6 * [32, 15, 8, 4, 8]
    assert sorted(vector_form("NumCat++").legal.sum(axis=1)) == sorted([32, 2, 2, 6] + 6 * [2, 4, 4] + added)


@pytest.mark.parametrize("name", FORM_NAMES)
@pytest.mark.parametrize("transpose", [False, True])
def test_round_trip_is_exact_except_for_omitted_parameters(name, transpose):
    voices = random_vced(np.random.default_rng(0), 300)
    extremes = np.array([[f.parameter.minimum for f in FIELDS], [f.parameter.maximum for f in FIELDS]], np.uint8)
    voices = np.concatenate([voices, extremes, INIT_VCED[None]])
    form = vector_form(name, transpose=transpose)
    vectors = form.to_vectors(voices)
    assert vectors.dtype == np.float32
    assert vectors.min() >= 0
    assert vectors.max() <= 1
    again = form.to_vced(vectors)
    omitted = [VCED_COLUMNS["name"]] + ([] if transpose else [[VCED_COLUMNS["transpose"]]])
    target = voices.copy()
    for columns in map(np.ravel, omitted):
        target[:, columns] = INIT_VCED[columns]
    np.testing.assert_array_equal(again, target)
    np.testing.assert_array_equal(form.restrict(voices), target)
    np.testing.assert_array_equal(form.to_vced(form.to_vectors(again[0])), again[0])


@pytest.mark.parametrize("name", FORM_NAMES)
def test_any_vector_is_a_legal_voice(name):
    form = vector_form(name, transpose=True)
    vectors = np.random.default_rng(1).normal(0.5, 5, (200, form.width))
    vectors[0], vectors[1] = np.inf, -np.inf
    assert in_range(form.to_vced(vectors)).all()
    vectors[3, 5] = np.nan
    with pytest.raises(Ddx7Error, match="not-a-number"):
        form.to_vced(vectors)


def test_logits_choose_the_greatest():
    form = vector_form("NumCat")
    voice = random_vced(np.random.default_rng(2), 1)
    np.testing.assert_array_equal(form.to_vced(form.to_vectors(voice) * 7 - 3)[:, 134], voice[:, 134])


def test_unknown_form_is_named():
    with pytest.raises(Ddx7Error, match="NumCat"):
        vector_form("num")  # pyright: ignore[reportArgumentType]


def off(voice, operator):
    voice[VCED_COLUMNS["output_level"][operator - 1]] = 0


def test_only_audible_parameters_count():
    voice = INIT_VCED.copy()
    mask = audible_parameters(voice[None])[0]

    def count(name):
        return mask[VCED_COLUMNS[name]]

    # INIT VOICE: only OP1 sounds, on algorithm 1.
    np.testing.assert_array_equal(count("coarse"), [True] + [False] * 5)
    assert count("output_level").all()
    assert count("levels")[0].all()
    assert not count("levels")[1:].any()
    assert not count("left_curve").any()
    assert not count("break_point").any()
    assert count("left_depth").all()  # of an operator that is off, too: with a rising curve it would turn it on
    assert not count("lfo_amp_depth")  # no operator has AMS
    assert count("lfo_pitch_depth")  # PMS is 3
    assert not count("lfo_delay")
    assert not count("pitch_rates").any()
    assert count("pitch_levels").all()
    assert not count("feedback")  # of OP6
    assert count("algorithm")
    assert not count("name").any()

    voice[VCED_COLUMNS["left_depth"][0]] = 20
    voice[VCED_COLUMNS["lfo_pitch_depth"]] = 20
    voice[VCED_COLUMNS["pitch_levels"][0]] = 60
    off(voice, 1)
    voice[VCED_COLUMNS["output_level"][2]] = 90
    mask = audible_parameters(voice[None])[0]
    np.testing.assert_array_equal(count("coarse"), [False, False, True, False, False, False])
    assert count("lfo_delay")
    assert count("pitch_rates").all()
    # Falling at OP1, which is off: a rising curve would turn it on.
    np.testing.assert_array_equal(count("left_curve"), [True] + [False] * 5)


def test_an_operator_that_is_off_twice_still_learns_its_output_level():
    voice = INIT_VCED.copy()
    voice[VCED_COLUMNS["levels"][1]] = 0
    mask = audible_parameters(voice[None])[0]
    assert mask[VCED_COLUMNS["output_level"][1]]
    assert mask[VCED_COLUMNS["left_depth"][1]]
    assert not mask[VCED_COLUMNS["levels"][1]].any()


def test_the_mask_of_a_form_holds_the_audible_bytes():
    voices = random_vced(np.random.default_rng(3), 300)
    form = vector_form("NumCat++")
    mask = form.audible(voices)
    assert mask.shape == (300, 144)
    np.testing.assert_array_equal(mask, audible_parameters(voices)[:, form.columns])
    assert 0.5 < mask.mean() < 1


def test_inaudible_bytes_do_not_change_the_sound():
    """Random inaudible bytes leave the samples as they were."""
    from ddx7.engine import Patch, plan, play

    rng = np.random.default_rng(4)
    voices, other = random_vced(rng, 32), random_vced(rng, 32)
    voices[:, VCED_COLUMNS["output_level"][1::2]] = 0
    voices[::2, VCED_COLUMNS["left_depth"]] = 0
    voices[::3, VCED_COLUMNS["right_depth"]] = 0
    voices[::4, VCED_COLUMNS["levels"][2]] = 0
    mask = audible_parameters(voices)
    assert (~mask).sum() > 32 * 20
    changed = np.where(mask, voices, other)

    def sound(vced):
        return play(plan(Patch.from_vced(vced), *(np.full(32, x) for x in (60, 100, 60)), 22050), 6000)

    np.testing.assert_array_equal(sound(voices), sound(changed))
