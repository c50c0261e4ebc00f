"""Audio to voice: the search behind `match`."""

from ddx7.inference.match import match as match
from ddx7.inference.result import Match as Match
from ddx7.inference.result import Progress as Progress
