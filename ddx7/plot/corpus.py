"""The statistics of a corpus of voices in one figure."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddx7.plot.axes import BLUE, GREEN, ORANGE, new_figure


def corpus_figure(
    *,
    n_voices: int,
    n_clusters: int,
    categories: Mapping[str, int],
    diagnoses: Mapping[str, int],
    algorithms: Int[np.ndarray, " 32"],
    fixed_operators: Int[np.ndarray, " 7"],
    feedback: Int[np.ndarray, " 8"],
) -> Figure:
    """Bars of categories, diagnoses, algorithms, fixed operators and feedback, in per cent of the voices.

    Args:
      n_voices: voices in the corpus.
      n_clusters: clusters of near-duplicates among them.
      categories: voices of each category.
      diagnoses: voices with each diagnosis.
      algorithms: voices of each algorithm, algorithm 1 first.
      fixed_operators: voices with 0 to 6 operators of fixed frequency.
      feedback: voices with feedback 0 to 7.
    """
    figure = new_figure(13.0, 9.0, f"{n_voices:,} voices in {n_clusters:,} near-duplicate clusters", title_size=12.0)
    grid = figure.add_gridspec(2, 4, height_ratios=(1.5, 1))
    share = 100 / max(n_voices, 1)
    _horizontal_bars(figure.add_subplot(grid[0, :2]), "category in the name", categories, share, BLUE)
    _horizontal_bars(figure.add_subplot(grid[0, 2:]), "diagnosis", diagnoses, share, ORANGE)
    _vertical_bars(figure.add_subplot(grid[1, :2]), "algorithm", range(1, 33), algorithms * share)
    _vertical_bars(figure.add_subplot(grid[1, 2]), "fixed operators", range(7), fixed_operators * share)
    _vertical_bars(figure.add_subplot(grid[1, 3]), "feedback", range(8), feedback * share)
    return figure


def _horizontal_bars(axes: Axes, title: str, counts: Mapping[str, int], share: float, colour: str) -> None:
    ordered = sorted(counts.items(), key=lambda item: item[1])
    bars = axes.barh([name for name, _ in ordered], [count * share for _, count in ordered], color=colour)
    axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
    _finish(axes, title)
    axes.set_xlabel("% of voices")
    axes.margins(x=0.1)
    axes.set_xlim(0, max(axes.get_xlim()[1], 1.0))  # all may be 0


def _vertical_bars(axes: Axes, title: str, labels: Sequence[int], values: np.ndarray) -> None:
    axes.bar(list(labels), values, color=GREEN)
    axes.set_xticks(list(labels))
    axes.tick_params(axis="x", labelsize=7)
    _finish(axes, title)
    axes.set_ylabel("% of voices")


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
