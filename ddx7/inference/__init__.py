"""Audio to voice: the search behind `match`, and steps between two voices by how they sound."""

from ddx7.inference.match import match as match
from ddx7.inference.morph import morph as morph
from ddx7.inference.result import Match as Match
from ddx7.inference.result import Progress as Progress
