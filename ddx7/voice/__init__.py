"""A DX7 voice: the parameter table, `Voice`, `Bank`, SysEx bytes, health checks and names."""

from ddx7.voice.bank import Bank as Bank
from ddx7.voice.health import Finding as Finding
from ddx7.voice.health import diagnose as diagnose
from ddx7.voice.health import repair as repair
from ddx7.voice.minidexed import MinidexedPerformance as MinidexedPerformance
from ddx7.voice.minidexed import ToneGenerator as ToneGenerator
from ddx7.voice.reader import load as load
from ddx7.voice.reader import read_bytes as read_bytes
from ddx7.voice.sections import PART_NAMES as PART_NAMES
from ddx7.voice.sections import part_bytes as part_bytes
from ddx7.voice.single import load_one as load_one
from ddx7.voice.targets import SaveTarget as SaveTarget
from ddx7.voice.targets import save as save
from ddx7.voice.voice import Operator as Operator
from ddx7.voice.voice import Voice as Voice
from ddx7.voice.voice import init_voice as init_voice
from ddx7.voice.writer import to_bytes as to_bytes
