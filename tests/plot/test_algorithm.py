"""The tests read the drawings back by following the lines, and compare them with the algorithm table."""

import itertools

import pytest

from ddx7.plot.algorithm import algorithm_text, place_operators
from ddx7.voice.algorithms import ALGORITHMS, Algorithm

# From the DX7's front panel. One with a loop over three operators, one with three modulators on one, one shared.
ALGORITHM_4 = """
┌───┐ ┌───┬╮
│ 3 │ │ 6 ││
└─┬─┘ └─┬─┘│
┌─┴─┐ ┌─┴─┐│
│ 2 │ │ 5 ││
└─┬─┘ └─┬─┘│
┌─┴─┐ ┌─┴─┐│
│ 1 │ │ 4 ││
└─┬─┘ └─┬─┴╯
──┴─────┴──
"""
ALGORITHM_17 = """
      ┌───┐ ┌───┐
      │ 4 │ │ 6 │
      └─┬─┘ └─┬─┘
┌───┬╮┌─┴─┐ ┌─┴─┐
│ 2 │││ 3 │ │ 5 │
└─┬─┴╯└─┬─┘ └─┬─┘
  └─────┼─────┘
      ┌─┴─┐
      │ 1 │
      └─┬─┘
      ──┴──
"""
ALGORITHM_21 = """
   ┌───┬╮      ┌───┐
   │ 3 ││      │ 6 │
   └─┬─┴╯      └─┬─┘
  ┌──┴──┐     ┌──┴──┐
┌─┴─┐ ┌─┴─┐ ┌─┴─┐ ┌─┴─┐
│ 1 │ │ 2 │ │ 4 │ │ 5 │
└─┬─┘ └─┬─┘ └─┬─┘ └─┬─┘
──┴─────┴─────┴─────┴──
"""

# The ways in which each character reaches out: (dy, dx).
_UP, _DOWN, _LEFT, _RIGHT = (-1, 0), (1, 0), (0, -1), (0, 1)
_REACH = {
    "─": {_LEFT, _RIGHT},
    "│": {_UP, _DOWN},
    "┌": {_DOWN, _RIGHT},
    "┐": {_DOWN, _LEFT},
    "└": {_UP, _RIGHT},
    "┘": {_UP, _LEFT},
    "├": {_UP, _DOWN, _RIGHT},
    "┤": {_UP, _DOWN, _LEFT},
    "┬": {_DOWN, _LEFT, _RIGHT},
    "┴": {_UP, _LEFT, _RIGHT},
    "┼": {_UP, _DOWN, _LEFT, _RIGHT},
    "╮": {_DOWN, _LEFT},
    "╯": {_UP, _LEFT},
}
Cell = tuple[int, int]


class Drawing:
    """The drawing as boxes and nets of wire; a net leaves a box below and enters one above."""

    def __init__(self, lines: list[str]) -> None:
        self.cells = {(y, x): c for y, line in enumerate(lines) for x, c in enumerate(line) if c != " "}
        self.digits = [(int(c), cell) for cell, c in self.cells.items() if c.isdigit()]
        self.centre = dict(self.digits)
        self.boxed = {
            (y + dy, x + dx): op for op, (y, x) in self.centre.items() for dy in (-1, 0, 1) for dx in range(-2, 3)
        }

    def net(self, start: Cell) -> set[Cell]:
        """The wire outside all boxes that can be reached from a cell outside them."""
        seen, todo = set(), [start]
        while todo:
            cell = todo.pop()
            if cell in seen or cell in self.boxed or cell not in self.cells:
                continue
            seen.add(cell)
            todo += [
                there
                for way in _REACH[self.cells[cell]]
                if (there := (cell[0] + way[0], cell[1] + way[1])) in self.cells
                and (-way[0], -way[1]) in _REACH.get(self.cells[there], ())
            ]
        return seen

    def modulations(self) -> set[tuple[int, int]]:
        """(modulator, target) for every pair whose bottom and top are joined."""
        pairs = set()
        for modulator, (y, x) in self.centre.items():
            below = (y + 2, x)
            touching = {self.boxed[below]} if below in self.boxed else set()
            wire = self.net(below)
            pairs |= {
                (modulator, op)
                for op, (oy, ox) in self.centre.items()
                if op != modulator and ((oy - 2, ox) in wire or op in touching)
            }
        return pairs


def draw(algorithm: Algorithm) -> Drawing:
    return Drawing(algorithm_text(algorithm))


every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a.number)


@pytest.mark.parametrize(("number", "expected"), [(4, ALGORITHM_4), (17, ALGORITHM_17), (21, ALGORITHM_21)])
def test_the_drawing_is_that_of_the_panel(number: int, expected: str) -> None:
    assert algorithm_text(ALGORITHMS[number - 1]) == expected.strip("\n").splitlines()


@every_algorithm
def test_each_operator_is_drawn_once_in_a_whole_box(algorithm: Algorithm) -> None:
    drawing = draw(algorithm)
    assert sorted(op for op, _ in drawing.digits) == [1, 2, 3, 4, 5, 6]
    assert len(drawing.boxed) == 6 * 15  # no two boxes overlap
    for y, x in drawing.centre.values():
        corners = [drawing.cells[y + dy, x + dx] for dy in (-1, 1) for dx in (-2, 2)]
        assert [c in allowed for c, allowed in zip(corners, ("┌", "┐┬", "└", "┘┴"), strict=True)] == [True] * 4


@every_algorithm
def test_lines_join_exactly_what_modulates_what(algorithm: Algorithm) -> None:
    expected = {(m, op) for op, sources in enumerate(algorithm.modulators, start=1) for m in sources}
    assert draw(algorithm).modulations() == expected


@every_algorithm
def test_every_line_ends_at_something(algorithm: Algorithm) -> None:
    drawing = draw(algorithm)
    bus = max(y for y, _ in drawing.cells)
    for (y, x), character in drawing.cells.items():
        for dy, dx in () if character.isdigit() else _REACH[character]:
            neighbour = drawing.cells.get((y + dy, x + dx), " ")
            joined = (-dy, -dx) in _REACH.get(neighbour, ())
            assert joined or (y == bus and dy == 0), f"loose end at line {y}, column {x}"


@every_algorithm
def test_carriers_and_they_alone_stand_on_the_output_line(algorithm: Algorithm) -> None:
    drawing = draw(algorithm)
    bus = max(y for y, _ in drawing.cells)
    wire = drawing.net(next(cell for cell in drawing.cells if cell[0] == bus))
    assert {op for op, (y, x) in drawing.centre.items() if (y + 2, x) in wire} == set(algorithm.carriers)
    assert {y for op, (y, _) in drawing.centre.items() if op in algorithm.carriers} == {bus - 2}


@every_algorithm
def test_modulators_stand_above_what_they_modulate(algorithm: Algorithm) -> None:
    centre = draw(algorithm).centre
    for op, sources in enumerate(algorithm.modulators, start=1):
        assert all(centre[m][0] < centre[op][0] for m in sources)


@every_algorithm
def test_one_loop_marks_feedback(algorithm: Algorithm) -> None:
    drawing = draw(algorithm)
    loop = {cell: c for cell, c in drawing.cells.items() if c in "╮╯"}
    assert sorted(loop.values()) == ["╮", "╯"]
    ends = {character: drawing.boxed[y, x - 1] for (y, x), character in loop.items()}
    assert ends["╮"] == algorithm.feedback
    assert ends["╯"] == {4: 4, 6: 5}.get(algorithm.number, algorithm.feedback)


@every_algorithm
def test_fits_beside_the_header(algorithm: Algorithm) -> None:
    lines = algorithm_text(algorithm)
    assert len(lines) <= 15
    assert max(map(len, lines)) <= 36
    assert not any(line.endswith(" ") for line in lines)


@every_algorithm
def test_places_do_not_collide(algorithm: Algorithm) -> None:
    places = place_operators(algorithm)
    for a, b in itertools.combinations(places.values(), 2):
        assert a.row != b.row or abs(a.column - b.column) >= 1
