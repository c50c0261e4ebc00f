"""Resynthesis with DDX7: a neural network turns pitch and loudness into levels of DX7 operators."""

from ddx7.resynthesis.instrument import Instrument as Instrument
from ddx7.resynthesis.instrument import InstrumentStream as InstrumentStream
from ddx7.resynthesis.instrument import load as load
from ddx7.resynthesis.instrument import save as save
from ddx7.resynthesis.instrument import shipped as shipped
from ddx7.resynthesis.note_curves import PlayingStyle as PlayingStyle
from ddx7.resynthesis.performance import PlayedNotes as PlayedNotes
from ddx7.resynthesis.performance import perform as perform
from ddx7.resynthesis.playback import PlaybackControls as PlaybackControls
from ddx7.resynthesis.transfer import Transfer as Transfer
from ddx7.resynthesis.transfer import transfer as transfer
