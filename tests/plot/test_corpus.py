import numpy as np
import pytest

from ddx7.plot import corpus_figure


def test_bars_are_per_cent_of_the_voices() -> None:
    algorithms, fixed, feedback = np.zeros(32, int), np.zeros(7, int), np.zeros(8, int)
    algorithms[4], fixed[0], feedback[7] = 50, 200, 20
    figure = corpus_figure(
        n_voices=200,
        n_clusters=150,
        categories={"piano": 10, "brass": 40, "none": 150},
        diagnoses={"silent": 1},
        algorithms=algorithms,
        fixed_operators=fixed,
        feedback=feedback,
    )
    categories, diagnoses, *counts = figure.axes
    assert figure.get_suptitle() == "200 voices in 150 near-duplicate clusters"
    assert [bar.get_width() for bar in categories.patches] == pytest.approx([5, 20, 75])
    assert [label.get_text() for label in categories.get_yticklabels()] == ["piano", "brass", "none"]
    assert [bar.get_width() for bar in diagnoses.patches] == pytest.approx([0.5])
    heights = [[bar.get_height() for bar in axes.patches] for axes in counts]
    assert [np.argmax(row) for row in heights] == [4, 0, 7]
    assert [max(row) for row in heights] == pytest.approx([25, 100, 10])
    assert [len(row) for row in heights] == [32, 7, 8]


def test_an_empty_corpus_can_be_drawn() -> None:
    figure = corpus_figure(
        n_voices=0,
        n_clusters=0,
        categories={},
        diagnoses={},
        algorithms=np.zeros(32, int),
        fixed_operators=np.zeros(7, int),
        feedback=np.zeros(8, int),
    )
    assert len(figure.axes) == 5


def test_a_clean_corpus_has_no_negative_shares() -> None:
    figure = corpus_figure(
        n_voices=10,
        n_clusters=10,
        categories={"piano": 10},
        diagnoses={"repaired": 0, "stuck note": 0},
        algorithms=np.full(32, 1),
        fixed_operators=np.ones(7, int),
        feedback=np.ones(8, int),
    )
    assert figure.axes[1].get_xlim()[0] == 0
