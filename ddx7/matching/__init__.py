"""Audio to voice by search: `match`, and its four steps; `propose`, the preset model alone; `steer`, from a voice."""

from ddx7.matching.match import match as match
from ddx7.matching.proposed import ProposedVoices as ProposedVoices
from ddx7.matching.proposed import propose as propose
from ddx7.matching.result import Match as Match
from ddx7.matching.result import MatchReport as MatchReport
from ddx7.matching.result import Progress as Progress
from ddx7.matching.steer import WISHES as WISHES
from ddx7.matching.steer import SteeredVoices as SteeredVoices
from ddx7.matching.steer import steer as steer
