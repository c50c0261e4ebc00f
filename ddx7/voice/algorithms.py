"""The 32 algorithms as data: modulators, carriers and feedback. NumPy only.

Source: Yamaha DX7 owner's manual, algorithm chart; identical in msfa's flags and in the OPS chip's ROM as read
in VDX7. Algorithms 4 and 6 feed back across three and two operators on the real machine (OP4 into OP6, OP5 into
OP6); Dexed's "Modern" engine lets OP6 feed itself there.
"""

from dataclasses import dataclass

import numpy as np

# carriers | carrier or modulator <- its modulators | operator that feedback enters, <- the one it comes from if another
_CHART = """
 1: 1 3        | 1<2 3<4 4<5 5<6     | 6
 2: 1 3        | 1<2 3<4 4<5 5<6     | 2
 3: 1 4        | 1<2 2<3 4<5 5<6     | 6
 4: 1 4        | 1<2 2<3 4<5 5<6     | 6<4
 5: 1 3 5      | 1<2 3<4 5<6         | 6
 6: 1 3 5      | 1<2 3<4 5<6         | 6<5
 7: 1 3        | 1<2 3<45 5<6        | 6
 8: 1 3        | 1<2 3<45 5<6        | 4
 9: 1 3        | 1<2 3<45 5<6        | 2
10: 1 4        | 1<2 2<3 4<56        | 3
11: 1 4        | 1<2 2<3 4<56        | 6
12: 1 3        | 1<2 3<456           | 2
13: 1 3        | 1<2 3<456           | 6
14: 1 3        | 1<2 3<4 4<56        | 6
15: 1 3        | 1<2 3<4 4<56        | 2
16: 1          | 1<235 3<4 5<6       | 6
17: 1          | 1<235 3<4 5<6       | 2
18: 1          | 1<234 4<5 5<6       | 3
19: 1 4 5      | 1<2 2<3 4<6 5<6     | 6
20: 1 2 4      | 1<3 2<3 4<56        | 3
21: 1 2 4 5    | 1<3 2<3 4<6 5<6     | 3
22: 1 3 4 5    | 1<2 3<6 4<6 5<6     | 6
23: 1 2 4 5    | 2<3 4<6 5<6         | 6
24: 1 2 3 4 5  | 3<6 4<6 5<6         | 6
25: 1 2 3 4 5  | 4<6 5<6             | 6
26: 1 2 4      | 2<3 4<56            | 6
27: 1 2 4      | 2<3 4<56            | 3
28: 1 3 6      | 1<2 3<4 4<5         | 5
29: 1 2 3 5    | 3<4 5<6             | 6
30: 1 2 3 6    | 3<4 4<5             | 5
31: 1 2 3 4 5  | 5<6                 | 6
32: 1 2 3 4 5 6|                     | 6
"""


@dataclass(frozen=True)
class Algorithm:
    """One algorithm; operators are numbered 1-6 as on the panel.

    Attributes:
      number: 1-32.
      carriers: the operators whose outputs sum to the audio.
      modulators: for each operator, in order OP1 to OP6, those that modulate it.
      feedback: the operator that feedback enters.
      feedback_source: the operator whose output feeds back: another one only in algorithms 4 and 6.
    """

    number: int
    carriers: tuple[int, ...]
    modulators: tuple[tuple[int, ...], ...]
    feedback: int
    feedback_source: int


def _parse(line: str) -> Algorithm:
    number, chart = line.split(":")
    carriers, edges, feedback = chart.split("|")
    modulators: dict[int, tuple[int, ...]] = {}
    for edge in edges.split():
        target, sources = edge.split("<")
        modulators[int(target)] = tuple(int(source) for source in sources)
    enters, *leaves = (int(op) for op in feedback.split("<"))
    return Algorithm(
        number=int(number),
        carriers=tuple(int(c) for c in carriers.split()),
        modulators=tuple(modulators.get(op, ()) for op in range(1, 7)),
        feedback=enters,
        feedback_source=leaves[0] if leaves else enters,
    )


ALGORITHMS: tuple[Algorithm, ...] = tuple(_parse(line) for line in _CHART.strip().splitlines())
"""Algorithm n is at index n - 1."""

MODULATION = np.zeros((32, 6, 6), np.float32)
"""MODULATION[a, i, j] is 1 where operator j + 1 modulates operator i + 1 (always j > i)."""
CARRIERS = np.zeros((32, 6), np.float32)
"""CARRIERS[a, i] is 1 where operator i + 1 is a carrier."""
FEEDBACK_OPERATOR = np.array([a.feedback - 1 for a in ALGORITHMS], np.int32)
"""Index of the operator that feedback enters, 0 for OP1."""
FEEDBACK_SOURCE = np.array([a.feedback_source - 1 for a in ALGORITHMS], np.int32)
"""Index of the operator whose output feeds back on the real machine."""

for _a, _algorithm in enumerate(ALGORITHMS):
    CARRIERS[_a, [c - 1 for c in _algorithm.carriers]] = 1
    for _i, _sources in enumerate(_algorithm.modulators):
        MODULATION[_a, _i, [j - 1 for j in _sources]] = 1
