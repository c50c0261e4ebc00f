import numpy as np

from ddx7.audio.partials import Partials
from ddx7.matching.prior import Prior
from ddx7.matching.vced import columns
from ddx7.voice.packing import in_range

PRIOR = Prior(Partials(np.array([1.0, 2.01, 3.5]), np.zeros(3)), cents=5.0, sustains=True)


def test_drawn_voices_are_legal_end_and_keep_to_what_one_note_determines(rng):
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
