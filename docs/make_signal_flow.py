"""Draw `docs/img/signal_flow.png`: `python docs/make_signal_flow.py`."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

TARGET = Path(__file__).parent / "img" / "signal_flow.png"
WIDTH, HEIGHT = 1.9, 0.7
EXACT, RELAXED, TEXT = "#00695c", "#b35c00", "#333333"
NODES = {
    "voice": (0.0, 2.0, "Voice\nintegers", EXACT),
    "plan": (2.6, 2.0, "Plan\nNumPy, one note", EXACT),
    "patch": (0.0, 0.0, "Patch\nfloats", RELAXED),
    "relaxed": (2.6, 0.0, "Plan\nJAX, one note", RELAXED),
    "controls": (5.2, 1.0, "Controls\none per 64 samples", TEXT),
    "operators": (7.8, 1.0, "Operators\nfeedback, then five", TEXT),
    "audio": (10.4, 1.0, "Audio\n[voice, time]", TEXT),
    "loss": (10.4, 0.0, "Distance\nto a recording", RELAXED),
}
FORWARD = (
    ("voice", "plan"),
    ("plan", "controls"),
    ("patch", "relaxed"),
    ("relaxed", "controls"),
    ("controls", "operators"),
    ("operators", "audio"),
    ("audio", "loss"),
)


def draw(axes: Axes) -> None:
    """The whole picture."""
    for x, y, label, colour in NODES.values():
        corner = x - WIDTH / 2, y - HEIGHT / 2
        style = "round,pad=0,rounding_size=0.12"
        axes.add_patch(FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle=style, fc="white", ec=colour, lw=1.5))
        axes.text(x, y, label, ha="center", va="center", fontsize=8, color=colour)
    for source, target in FORWARD:
        arrow(axes, edge(source, target), edge(target, source), TEXT)
    arrow(axes, (-0.2, 2.0 - HEIGHT / 2), (-0.2, HEIGHT / 2), RELAXED, label="relax", shift=-0.35)
    arrow(axes, (0.2, HEIGHT / 2), (0.2, 2.0 - HEIGHT / 2), EXACT, label="quantise", shift=0.5)
    back = {"arrowstyle": "-|>", "color": RELAXED, "lw": 1.4, "ls": "--", "connectionstyle": "arc3,rad=-0.18"}
    axes.annotate("", (0.0, -HEIGHT / 2), (10.4, -HEIGHT / 2), arrowprops=back)
    axes.text(5.2, -1.75, "gradient in every continuous parameter", ha="center", color=RELAXED, fontsize=9)
    axes.set(xlim=(-1.1, 11.5), ylim=(-1.9, 2.5))
    axes.axis("off")


def edge(source: str, target: str) -> tuple[float, float]:
    """Where an arrow between two boxes touches the first."""
    (x, y, *_), (to_x, to_y, *_) = NODES[source], NODES[target]
    if abs(to_x - x) > 1:
        return x + WIDTH / 2 * (1 if to_x > x else -1), y
    return x, y + HEIGHT / 2 * (1 if to_y > y else -1)


def arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, *, label: str = "", shift: float = 0
) -> None:
    """A straight arrow with a word beside it."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.4})
    if label:
        x, y = (start[0] + end[0]) / 2 + shift, (start[1] + end[1]) / 2
        axes.text(x, y, label, ha="center", va="center", fontsize=8, color=colour)


if __name__ == "__main__":
    figure, axes = plt.subplots(figsize=(10, 3.6))
    draw(axes)
    figure.savefig(TARGET, dpi=110, bbox_inches="tight")
