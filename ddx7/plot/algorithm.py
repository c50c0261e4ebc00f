"""Algorithms in characters, as on the DX7's panel: modulators above, carriers in the bottom row.

This module needs no matplotlib, so that ``ddx7 show`` starts at once.
"""

from dataclasses import dataclass

from ddx7.voice import Operator
from ddx7.voice.algorithms import Algorithm

_BOX_WIDTH = 5
_BOX_HEIGHT = 3
# Even, because an operator can stand half a column between two others; one column wider than a box, for the loop.
_COLUMN_PITCH = 6

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_LINES = " │││─┘┐┤─└┌├─┴┬┼"


def frequency_text(operator: Operator) -> str:
    """The frequency ratio as a number, or the fixed frequency in Hz.

    >>> frequency_text(Operator(coarse=0, fine=0)), frequency_text(Operator(coarse=1, fine=41))
    ('0.50', '1.41')
    >>> frequency_text(Operator(fixed=1, coarse=2, fine=50))
    '316.2 Hz'
    """
    if operator.fixed:
        return f"{operator.frequency:#.4g} Hz".replace(". ", " ")
    return f"{operator.frequency:.3f}".removesuffix("0")  # only the ratios of coarse 0 have a third decimal


@dataclass(frozen=True)
class Place:
    """The place of an operator in the drawing.

    Attributes:
      column: centre, in operator widths from the left; halves occur.
      row: 0 for carriers, 1 for their modulators, and so on upwards.
    """

    column: float
    row: int


def place_operators(algorithm: Algorithm) -> dict[int, Place]:
    """Place each operator by the modulations of the algorithm.

    Joined operators form a tree: its root is the one carrier, or the one modulator that several carriers share. The
    leaves of all trees take one column each, in order. Each other operator takes the middle of the operators it joins.

    Args:
      algorithm: to draw.

    Returns:
      the place of each operator, 1-6.
    """
    modulators = dict(enumerate(algorithm.modulators, start=1))
    targets = {op: tuple(t for t in modulators if op in modulators[t]) for op in modulators}
    columns: dict[int, float] = {}
    n_columns = 0

    def place(op: int, branches: dict[int, tuple[int, ...]]) -> float:
        nonlocal n_columns
        if branches[op]:
            columns[op] = sum(place(branch, branches) for branch in branches[op]) / len(branches[op])
        else:
            columns[op] = float(n_columns)
            n_columns += 1
        return columns[op]

    def height(op: int) -> int:
        return 1 + height(targets[op][0]) if targets[op] else 0

    for carrier in algorithm.carriers:
        if carrier not in columns:
            shared = next((m for m in modulators[carrier] if len(targets[m]) > 1), None)
            _ = place(carrier, modulators) if shared is None else place(shared, targets)
    return {op: Place(columns[op], height(op)) for op in sorted(columns)}


class _Canvas:
    """A grid of cells. Each cell keeps the directions of the lines that leave it, which give its corner or crossing."""

    def __init__(self) -> None:
        self._ways: dict[tuple[int, int], int] = {}
        self._characters: dict[tuple[int, int], str] = {}

    def horizontal(self, y: int, left: int, right: int) -> None:
        for x in range(left, right):
            self._join((y, x), _RIGHT, (y, x + 1), _LEFT)

    def vertical(self, x: int, top: int, bottom: int) -> None:
        for y in range(top, bottom):
            self._join((y, x), _DOWN, (y + 1, x), _UP)

    def write(self, y: int, x: int, character: str) -> None:
        self._characters[y, x] = character

    def lines(self) -> list[str]:
        cells = {cell: _LINES[ways] for cell, ways in self._ways.items()} | self._characters
        height, width = (1 + max(cell[axis] for cell in cells) for axis in (0, 1))
        return ["".join(cells.get((y, x), " ") for x in range(width)).rstrip() for y in range(height)]

    def _join(self, here: tuple[int, int], way: int, there: tuple[int, int], back: int) -> None:
        self._ways[here] = self._ways.get(here, 0) | way
        self._ways[there] = self._ways.get(there, 0) | back


def algorithm_text(algorithm: Algorithm) -> list[str]:
    """Draw an algorithm as lines of characters, at most 36 wide and 15 high.

    The bottom line joins the carriers; the line with round corners to the right of a box is the feedback loop.

    Args:
      algorithm: to draw.

    Returns:
      the lines from top to bottom, without trailing spaces.
    """
    places = place_operators(algorithm)
    top = _tops(algorithm, places)
    bottom = {op: y + _BOX_HEIGHT - 1 for op, y in top.items()}
    left = {op: round(place.column * _COLUMN_PITCH) for op, place in places.items()}
    middle = {op: x + _BOX_WIDTH // 2 for op, x in left.items()}
    right = {op: x + _BOX_WIDTH - 1 for op, x in left.items()}
    canvas = _Canvas()

    for op in places:
        for y in (top[op], bottom[op]):
            canvas.horizontal(y, left[op], right[op])
        for x in (left[op], right[op]):
            canvas.vertical(x, top[op], bottom[op])
        canvas.write(top[op] + 1, middle[op], str(op))
        for modulator in algorithm.modulators[op - 1]:
            branch = top[op] - 1
            canvas.vertical(middle[modulator], bottom[modulator], branch)
            canvas.horizontal(branch, *sorted((middle[modulator], middle[op])))
            canvas.vertical(middle[op], branch, top[op])

    enter, leave = algorithm.feedback, algorithm.feedback_source
    canvas.horizontal(top[enter], right[enter], right[enter] + 1)
    canvas.vertical(right[enter] + 1, top[enter], bottom[leave])
    canvas.horizontal(bottom[leave], right[leave], right[leave] + 1)
    canvas.write(top[enter], right[enter] + 1, "╮")
    canvas.write(bottom[leave], right[leave] + 1, "╯")

    output = max(bottom.values()) + 1
    for carrier in algorithm.carriers:
        canvas.vertical(middle[carrier], bottom[carrier], output)
    canvas.horizontal(output, min(left[c] for c in algorithm.carriers), max(right[c] for c in algorithm.carriers))
    return canvas.lines()


def _tops(algorithm: Algorithm, places: dict[int, Place]) -> dict[int, int]:
    """Top line of each box. Two rows stand one line further apart where a wire between them branches sideways."""
    bent = {
        place.row
        for op, place in places.items()
        for modulator in algorithm.modulators[op - 1]
        if places[modulator].column != place.column
    }
    highest = max(place.row for place in places.values())
    return {op: sum(_BOX_HEIGHT + (row in bent) for row in range(place.row, highest)) for op, place in places.items()}
