"""Playing an instrument through a DX7: a neural network turns pitch and loudness into operator levels."""

from ddx7.resynthesis.player import Instrument as Instrument
from ddx7.resynthesis.player import Knobs as Knobs
from ddx7.resynthesis.player import Stream as Stream
from ddx7.resynthesis.player import load as load
from ddx7.resynthesis.player import save as save
from ddx7.resynthesis.player import shipped as shipped
from ddx7.resynthesis.transfer import Transfer as Transfer
from ddx7.resynthesis.transfer import transfer as transfer
