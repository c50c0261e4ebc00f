"""HTML for notebooks: a picture and a player of a voice, of a bank, and of a recording beside a voice."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from ddx7.audio.files import peak_limit, peak_normalise
from ddx7.engine import render
from ddx7.plot.axes import figure_bytes
from ddx7.plot.comparison import comparison_figure
from ddx7.plot.gallery import gallery_figure
from ddx7.plot.traces import trace_note
from ddx7.plot.voice import traces_figure
from ddx7.voice import Voice

_NOTE, _VELOCITY, _GATE_S, _EACH_S = 60, 100, 1.0, 2.0
_BANK = 32  # voices that are shown
_BANK_RATE = 22_050


def voice_html(voice: Voice) -> str:
    """A voice: its page and a player of C3.

    Args:
      voice: any voice.
    """
    traces = trace_note(voice, _NOTE)
    return picture_html(traces_figure(voice, traces)) + player_html(traces.audio, traces.sample_rate)


def bank_html(voices: Sequence[Voice]) -> str:
    """The first 32 voices of a bank: spectrograms of C3, and a player of one after the other.

    Args:
      voices: any number; of none the HTML says so.
    """
    shown = list(voices[:_BANK])
    if not shown:
        return "<p>a bank without voices</p>"
    sound = render(shown, _NOTE, _VELOCITY, _GATE_S, _EACH_S, _BANK_RATE)
    more = f", the first {_BANK} of {len(voices)} voices" if len(voices) > _BANK else ""
    caption = f"C3 at velocity {_VELOCITY}, held {_GATE_S:g} s of {_EACH_S:g} s{more}"
    figure = gallery_figure(shown, sound, _BANK_RATE, _GATE_S, caption)
    return picture_html(figure) + player_html(sound.reshape(-1), _BANK_RATE)


def comparison_html(
    target: Float[np.ndarray, " time"], audio: Float[np.ndarray, " audio_time"], sample_rate: int, caption: str
) -> str:
    """A recording beside a voice: spectrograms, envelopes, and a player of each.

    Args:
      target: the recording, not silent.
      audio: the sound of the voice.
      sample_rate: of both, in Hz.
      caption: the title.
    """
    length = max(len(target), len(audio))
    sounds = peak_normalise(np.stack([np.pad(sound, (0, length - len(sound))) for sound in (target, audio)]))
    players = [
        f"<div>{name} {player_html(sound, sample_rate)}</div>"
        for name, sound in zip(("recording", "DX7 voice"), sounds, strict=True)
    ]
    return picture_html(comparison_figure(target, audio, sample_rate, caption)) + "".join(players)


def picture_html(figure: Figure) -> str:
    """A figure as HTML that needs no other file."""
    data = base64.b64encode(figure_bytes(figure)).decode()
    return f'<img style="max-width:100%" src="data:image/png;base64,{data}">'


def player_html(samples: Float[np.ndarray, " time"], sample_rate: int) -> str:
    """A player of a sound as HTML that needs no other file; the sound is FLAC of 16 bits.

    Args:
      samples: full scale 1.
      sample_rate: in Hz.
    """
    import soundfile

    data = io.BytesIO()
    soundfile.write(data, peak_limit(np.asarray(samples)), sample_rate, format="FLAC", subtype="PCM_16")
    text = base64.b64encode(data.getvalue()).decode()
    return f'<audio controls src="data:audio/flac;base64,{text}"></audio>'
