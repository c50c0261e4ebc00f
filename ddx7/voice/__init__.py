"""What a DX7 voice is: the parameter table, `Voice`, `Bank`, SysEx bytes, health checks and names."""

from ddx7.voice.bank import Bank as Bank
from ddx7.voice.voice import Operator as Operator
from ddx7.voice.voice import Voice as Voice
from ddx7.voice.voice import init_voice as init_voice
