"""Fields: no audible parameter is lost, all field values are legal voices, and modes share no frequency field."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ddx7.generation.gan.representation import (
    ABSENT,
    N_OPERATOR,
    N_VOICE,
    OPERATOR_FIELDS,
    VOICE_FIELDS,
    Fields,
    parameter_vectors,
    reset_inaudible,
    smooth_basis,
    to_fields,
    to_vced,
)
from ddx7.library.canonical import canonical, sound_key
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, in_range, random_vced
from ddx7.voice.symmetry import permuted, sorted_operators

NAMES = [field.name for field in OPERATOR_FIELDS]


def some_voices(seed, n=64):
    """Random voices in which operators are off now and then, and depths often 0."""
    rng = np.random.default_rng(seed)
    vced = random_vced(rng, n)
    for name, share in (("output_level", 0.4), ("left_depth", 0.7), ("right_depth", 0.7), ("lfo_pitch_depth", 0.5)):
        columns = VCED_COLUMNS[name]
        vced[:, columns] *= rng.random(vced[:, columns].shape) > share
    return vced


def algorithm_of(vced):
    return vced[:, VCED_COLUMNS["algorithm"]]


@given(st.integers(0, 2**32))
def test_fields_keep_the_sound(seed):
    vced = some_voices(seed)
    fields, order = to_fields(vced)
    back = to_vced(algorithm_of(vced), fields)
    np.testing.assert_array_equal(sound_key(back), sound_key(permuted(canonical(vced), order)))
    np.testing.assert_array_equal(sound_key(back), sound_key(sorted_operators(canonical(vced))))
    again, identity = to_fields(back)
    np.testing.assert_array_equal(again.operators, fields.operators)
    np.testing.assert_array_equal(identity, np.tile(np.arange(6), (len(vced), 1)))


@given(st.integers(0, 2**32))
def test_all_field_values_are_legal_voices(seed):
    rng = np.random.default_rng(seed)
    voice = rng.integers(0, [field.size for field in VOICE_FIELDS], (32, N_VOICE))
    operators = rng.integers(0, [field.size for field in OPERATOR_FIELDS], (32, 6, N_OPERATOR))
    vced = to_vced(rng.integers(0, 32, 32), Fields(voice, operators))
    assert in_range(vced).all()
    # Each mode takes the frequency from its own fields.
    fixed = operators[..., NAMES.index("fixed")] == 1
    on = vced[:, VCED_COLUMNS["output_level"]] > 0
    coarse, fine = (vced[:, VCED_COLUMNS[name]] for name in ("coarse", "fine"))
    for own, other, found in (("coarse", "decade", coarse), ("fine", "fixed fine", fine)):
        expected = np.where(fixed, operators[..., NAMES.index(other)], operators[..., NAMES.index(own)])
        np.testing.assert_array_equal(found[on], expected[on])


def test_fields_of_the_other_mode_and_of_silent_operators_are_absent():
    vced = np.tile(INIT_VCED, (1, 1))
    vced[:, VCED_COLUMNS["algorithm"]] = 31
    vced[:, VCED_COLUMNS["output_level"]] = [99, 99, 0, 0, 0, 0]
    vced[:, VCED_COLUMNS["fixed"]] = [0, 1, 0, 0, 0, 0]
    vced[:, VCED_COLUMNS["coarse"]] = [5, 6, 7, 7, 7, 7]
    fields, order = to_fields(vced)
    operators = fields.operators[0][np.argsort(order[0])]  # as they stood in the voice
    values = dict(zip(NAMES, operators[0], strict=True))
    assert (values["coarse"], values["fine"], values["decade"], values["fixed fine"]) == (5, 0, ABSENT, ABSENT)
    values = dict(zip(NAMES, operators[1], strict=True))
    assert (values["coarse"], values["fine"], values["decade"], values["fixed fine"]) == (ABSENT, ABSENT, 2, 0)
    for silent in operators[2:]:
        assert silent[NAMES.index("output_level")] == 0
        assert (np.delete(silent, NAMES.index("output_level")) == ABSENT).all()


def test_resetting_inaudible_parameters_keeps_the_sound():
    vced = some_voices(3)
    voices = to_vced(algorithm_of(vced), to_fields(vced)[0])
    reset = reset_inaudible(voices)
    np.testing.assert_array_equal(sound_key(reset), sound_key(voices))
    level = reset[:, VCED_COLUMNS["pitch_levels"]]
    flat = (level == level[:, :1]).all(axis=1)
    inaudible = (canonical(reset)[:, VCED_COLUMNS["pitch_rates"]] == 0).all(axis=1)
    assert (flat & inaudible).any()
    assert (reset[flat & inaudible][:, VCED_COLUMNS["pitch_rates"]] == 99).all()
    depths = reset[:, VCED_COLUMNS["left_depth"]] + reset[:, VCED_COLUMNS["right_depth"]]
    assert (reset[:, VCED_COLUMNS["break_point"]][depths == 0] == 39).all()


def test_smooth_functions_sum_to_one_over_ordered_fields_and_vanish_elsewhere():
    fields = OPERATOR_FIELDS
    size = max(field.size for field in fields)
    found = smooth_basis(fields, size).reshape(len(fields), size, -1, 9)
    for k, field in enumerate(fields):
        if field.ordered and field.size > 8:
            np.testing.assert_allclose(found[k, : field.size, :, :8].sum(axis=(1, 2)), 1, rtol=1e-6)
        else:
            assert not found[k].any()
        assert not found[k, field.size :].any()


def test_distances_weigh_ranges_and_categories_alike():
    vced = np.tile(INIT_VCED, (3, 1))
    vced[1, VCED_COLUMNS["output_level"][0]] = 0
    vced[1, VCED_COLUMNS["output_level"][1]] = 99
    vced[2, VCED_COLUMNS["algorithm"]] = 1
    vced[:, VCED_COLUMNS["feedback"]] = 0
    points = parameter_vectors(vced[[0, 2]])
    assert points.dtype == np.float32
    np.testing.assert_allclose(np.square(points[0] - points[1]).sum(), 1, rtol=1e-5)  # another algorithm, no more
