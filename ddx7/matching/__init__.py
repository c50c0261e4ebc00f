"""Audio to voice by search: the target, the objective, the search, and `match`."""

from ddx7.matching.match import match as match
from ddx7.matching.result import Match as Match
from ddx7.matching.result import Progress as Progress
