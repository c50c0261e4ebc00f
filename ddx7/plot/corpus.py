"""A corpus in one picture: what its voices are, how they are made, and what is wrong with them."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddx7.library.categories import CATEGORIES
from ddx7.library.statistics import Statistics

_BLUE, _ORANGE, _GREEN = "#0072B2", "#E69F00", "#009E73"


def picture_bytes(counted: Statistics) -> bytes:
    """A PNG of what was counted."""
    data = io.BytesIO()
    corpus_figure(counted).savefig(data, format="png")
    return data.getvalue()


def corpus_figure(counted: Statistics) -> Figure:
    """Bars of categories, algorithms, diagnoses, fixed operators and feedback."""
    figure = Figure(figsize=(13, 9), dpi=100, layout="constrained")
    n = counted.counts["voices"]
    figure.suptitle(f"{n:,} voices in {counted.counts['families by bytes']:,} families", x=0.01, ha="left")
    grid = figure.add_gridspec(2, 4, height_ratios=(1.5, 1))
    share = 100 / max(n, 1)
    names = [*CATEGORIES, "none"]
    order = np.argsort(counted.categories)
    _across(
        figure.add_subplot(grid[0, :2]), "category in the name", [names[k] for k in order],
        counted.categories[order] * share, _BLUE,
    )  # fmt: skip
    found = dict(sorted(counted.diagnoses.items(), key=lambda item: item[1]))
    _across(
        figure.add_subplot(grid[0, 2:]), "to be said about them", list(found),
        np.array(list(found.values())) * share, _ORANGE,
    )  # fmt: skip
    axes = figure.add_subplot(grid[1, :2])
    _upright(axes, "algorithm", range(1, len(counted.algorithms) + 1), counted.algorithms * share, _GREEN)
    _upright(figure.add_subplot(grid[1, 2]), "fixed operators", range(7), counted.fixed * share, _GREEN)
    _upright(figure.add_subplot(grid[1, 3]), "feedback", range(8), counted.feedback * share, _GREEN)
    return figure


def _across(axes: Axes, title: str, labels: list[str], values: np.ndarray, colour: str) -> None:
    bars = axes.barh(labels, values, color=colour)
    axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
    _dress(axes, title)
    axes.set_xlabel("% of voices")
    axes.margins(x=0.1)


def _upright(axes: Axes, title: str, labels: range, values: np.ndarray, colour: str) -> None:
    axes.bar(list(labels), values, color=colour)
    axes.set_xticks(list(labels))
    axes.tick_params(axis="x", labelsize=7)
    _dress(axes, title)
    axes.set_ylabel("% of voices")


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
