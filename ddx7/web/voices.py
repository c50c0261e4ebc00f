"""Voices as the page holds them: 155 numbers of the edit form, in the order of the parameter table."""

from typing import Any

from ddx7.plot.algorithm import place_operators
from ddx7.voice import Voice
from ddx7.voice.algorithms import ALGORITHMS
from ddx7.voice.spec import FIELDS, VCED_SIZE
from ddx7.web.problems import RequestProblem


def voice_of(numbers: Any, what: str = "voice") -> Voice:
    """A voice from JSON.

    Args:
      numbers: 155 whole numbers.
      what: for messages.

    Raises:
      RequestProblem: no list of 155 bytes (422).
      Ddx7Error: a byte out of range.
    """
    if not isinstance(numbers, list) or len(numbers) != VCED_SIZE:
        found = f"{len(numbers)} of them" if isinstance(numbers, list) else type(numbers).__name__
        raise RequestProblem(422, f"{what}: found {found}, wanted {VCED_SIZE} whole numbers")
    for value in numbers:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 127:
            raise RequestProblem(422, f"{what}: found {str(value)[:40]}, wanted whole numbers from 0 to 127")
    return Voice.from_vced(bytes(numbers))


def voice_to_json(voice: Voice) -> dict[str, Any]:
    """A voice for the page: its name and its 155 numbers."""
    return {"name": voice.name, "vced": list(voice.to_vced())}


def parameter_table() -> dict[str, Any]:
    """The table of `ddx7.voice.spec` for the page: one row for each byte, and the algorithms."""
    return {
        "fields": [
            {
                "offset": field.vced,
                "name": field.parameter.name,
                "label": field.label,
                "operator": field.operator,
                "index": field.index,
                "minimum": field.parameter.minimum,
                "maximum": field.parameter.maximum,
                "default": field.parameter.defaults[field.index],
                "panel": field.parameter.panel,
                "kind": field.parameter.kind,
                "unit": field.parameter.unit,
                "categorical": field.parameter.categorical,
                "audible": field.parameter.audible,
                "labels": list(field.parameter.labels),
            }
            for field in FIELDS
        ],
        "init": list(Voice().to_vced()),
        "algorithms": [
            {
                "number": algorithm.number,
                "carriers": algorithm.carriers,
                "modulators": algorithm.modulators,
                "feedback": algorithm.feedback,
                "feedback_source": algorithm.feedback_source,
                "places": {op: [place.column, place.row] for op, place in place_operators(algorithm).items()},
            }
            for algorithm in ALGORITHMS
        ],
    }
