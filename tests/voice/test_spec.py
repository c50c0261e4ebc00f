import numpy as np
from lookalikes import VCED_MAX, VCED_MIN

from ddx7.voice import packing, spec


def test_fields_cover_the_edit_form_once_in_order():
    assert [field.vced for field in spec.FIELDS] == list(range(155))


def test_packed_bits_do_not_overlap_and_stay_within_seven():
    used = [0] * 128
    for field in spec.FIELDS:
        bits = ((1 << field.parameter.bits) - 1) << field.parameter.shift
        assert used[field.vmem] & bits == 0, field.label
        used[field.vmem] |= bits
    assert all(0 < bits < 128 for bits in used)


def test_every_range_fits_its_bits_and_matches_the_manual():
    assert [field.parameter.maximum for field in spec.FIELDS] == VCED_MAX
    assert [field.parameter.minimum for field in spec.FIELDS] == VCED_MIN
    for field in spec.FIELDS:
        assert field.parameter.maximum < 1 << field.parameter.bits, field.label


def test_labels_tell_all_fields_apart():
    assert len({field.label for field in spec.FIELDS}) == 155
    assert spec.FIELDS[0].label == "operator 6 R1"
    assert spec.FIELDS[105 + 16].label == "operator 1 output level"
    assert spec.FIELDS[130 + 3].label == "pitch EG L4"
    assert spec.FIELDS[137].label == "LFO speed"


def test_labels_of_categories_match_their_ranges():
    for row in (*spec.OPERATOR_PARAMETERS, *spec.VOICE_PARAMETERS):
        assert len(row.defaults) == row.count
        if row.labels:
            assert len(row.labels) == row.maximum + 1, row.name


def test_random_voices_are_legal_and_reach_both_ends():
    vced = packing.random_vced(np.random.default_rng(1), 4000)
    assert np.array_equal(vced.min(0), VCED_MIN)
    assert np.array_equal(vced.max(0), VCED_MAX)
