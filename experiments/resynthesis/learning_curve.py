"""Picture of what more training and more sound bring to an instrument, from output folders of `minute.py`.

    python experiments/resynthesis/learning_curve.py docs/img/learning_curve.png --training RUN... --sound RUN...

The runs of `--training` differ in their steps, those of `--sound` in the seconds that they learned from. All have the
same held-out seconds. Left: the spectral distance, right: KAD; lower is better.
"""

import argparse
import json
from pathlib import Path

from matplotlib.axes import Axes

from ddx7.files import atomic_write
from ddx7.plot import figure_bytes
from ddx7.plot.axes import BLUE, LINE_COLOUR, VERMILION, new_figure
from ddx7.training.checkpoint import read_metrics

QUANTITIES = {"mss": ("spectral distance", BLUE), "kad": ("KAD by YAMNet", VERMILION)}


def points(runs: list[Path], *, by_steps: bool) -> list[dict[str, float]]:
    """Scores of runs in order of their steps or seconds, which are "x"; of several runs at one x, their mean."""
    at: dict[float, list[dict[str, float]]] = {}
    for run in runs:
        scores = json.loads((run / "scores.json").read_text())
        x = read_metrics(run / "run")[-1]["step"] if by_steps else scores["seconds"]
        at.setdefault(x, []).append(scores)
    return [{"x": x} | {key: sum(s[key] for s in at[x]) / len(at[x]) for key in QUANTITIES} for x in sorted(at)]


def draw_curve(axes: Axes, found: list[dict[str, float]], quantity: str, x_label: str) -> None:
    """One quantity against steps or seconds, on a logarithmic axis."""
    label, colour = QUANTITIES[quantity]
    xs, values = [p["x"] for p in found], [p[quantity] for p in found]
    axes.plot(xs, values, "o-", color=colour)
    for x, value in zip(xs, values, strict=True):
        axes.annotate(
            f"{value:.2f}" if quantity == "mss" else f"{value:.1f}",
            (x, value),
            (5, 7),
            textcoords="offset points",
            ha="left",
            color=LINE_COLOUR,
        )
    axes.set_xscale("log")
    axes.set_xticks(xs, [f"{x:,.0f}" for x in xs])
    axes.minorticks_off()
    axes.set_xlabel(x_label)
    axes.set_ylabel(label)
    axes.margins(0.15, 0.2)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Read the runs and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--training", type=Path, nargs="+", required=True)
    parser.add_argument("--sound", type=Path, nargs="+", required=True)
    parser.add_argument("--title", default="What training and sound bring")
    options = parser.parse_args()
    figure = new_figure(9, 6, options.title)
    rows = figure.subplots(2, 2)
    curves = (
        (points(options.training, by_steps=True), "steps of training"),
        (points(options.sound, by_steps=False), "seconds of sound to learn from"),
    )
    for row, (found, x_label) in zip(rows, curves, strict=True):
        print(json.dumps({x_label: found}))
        for axes, quantity in zip(row, QUANTITIES, strict=True):
            draw_curve(axes, found, quantity, x_label)
    atomic_write(options.picture, figure_bytes(figure), force=True)


if __name__ == "__main__":
    main()
