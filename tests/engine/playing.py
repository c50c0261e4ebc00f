"""Voices that tests of several parts of the engine play."""

from dataclasses import replace

from ddx7.voice import Voice, init_voice


def organ(levels: dict[int, int], coarse: dict[int, int], **changes: int) -> Voice:
    """Operators that are on at once and stay on."""
    base = init_voice()
    operators = (
        replace(base.operators[0], levels=(99,) * 4, output_level=levels.get(op, 0), coarse=coarse.get(op, op))
        for op in range(1, 7)
    )
    return replace(base, operators=tuple(operators), **changes)
