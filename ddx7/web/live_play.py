"""The live microphone, played by a learned instrument: a stream for each session, fed with blocks by requests."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ddx7.audio.features import HOP
from ddx7.web.problems import RequestProblem

if TYPE_CHECKING:
    from ddx7.resynthesis import Instrument, InstrumentStream, PlaybackControls

BLOCK = 4 * HOP
"""Samples that a page sends at once, or a multiple; other sizes compile programs of their own."""
MOST_BLOCKS = 64
_COMPILED_BLOCKS = (1, 2, 4)
_LONGEST_PLAYED = max(_COMPILED_BLOCKS) * BLOCK
_MOST_STREAMS = 4


def _tone(n_samples: int, sample_rate: int) -> Float[np.ndarray, " time"]:
    return (0.1 * np.sin(2 * np.pi * 440 / sample_rate * np.arange(n_samples))).astype(np.float32)


@dataclass(eq=False)
class _Live:
    stream: "InstrumentStream"
    name: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    lock: Lock = field(default_factory=Lock)


class LiveStreams:
    """The streams of one server, one for each session; a new one ends the last of its session."""

    def __init__(self) -> None:
        self._of_session: dict[str, _Live] = {}
        self._lock = Lock()

    def begin(
        self, session: str, instrument: "Instrument", playback: "PlaybackControls", gain_db: float
    ) -> dict[str, Any]:
        """Begin a stream, compiled, and describe it.

        Args:
          session: id of the session.
          instrument: that plays.
          playback: its settings.
          gain_db: added to the level of the microphone before the instrument.

        Returns:
          `id`, `sample_rate` in Hz, `block` in samples, and `latency_s` of the instrument alone.
        """
        from ddx7.resynthesis.instrument import LATENCY_S

        rate = instrument.model.sample_rate
        warm = instrument.stream(playback)
        for n in _COMPILED_BLOCKS:
            # Two of each, since the first answer is silence. A tone, because silence needs no pitch.
            for _ in range(2):
                warm.play_audio(_tone(n * BLOCK, rate))
        stream = instrument.stream(playback)
        stream.input_gain_db = gain_db
        live = _Live(stream)
        with self._lock:
            self._of_session.pop(session, None)
            self._of_session[session] = live
            while len(self._of_session) > _MOST_STREAMS:
                del self._of_session[next(iter(self._of_session))]
        return {"id": live.name, "sample_rate": rate, "block": BLOCK, "latency_s": round(LATENCY_S, 4)}

    def play(self, session: str, name: str, block: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """The answer to the next samples, as many as come in.

        Raises:
          RequestProblem: the stream has ended (404).
          AudioError: the block is not finite.
        """
        # Page and network may stall; what has waited is played in compiled sizes, or it would wait for a compiler, too.
        parts = np.split(block, range(_LONGEST_PLAYED, len(block), _LONGEST_PLAYED))
        return self._with(session, name, lambda stream: np.concatenate([stream.play_audio(part) for part in parts]))

    def turn(self, session: str, name: str, playback: "PlaybackControls", gain_db: float) -> None:
        """Change the settings of a stream while it plays; errors as of `play`."""

        def change(stream: "InstrumentStream") -> None:
            stream.playback, stream.input_gain_db = playback, gain_db

        self._with(session, name, change)

    def end(self, session: str, name: str) -> None:
        """End a stream, if it is still there."""
        with self._lock:
            if (live := self._of_session.get(session)) and live.name == name:
                del self._of_session[session]

    def _with(self, session: str, name: str, use: "Callable[[InstrumentStream], Any]") -> Any:
        with self._lock:
            live = self._of_session.get(session)
        if live is None or live.name != name:
            raise RequestProblem(404, "this stream has ended; begin the live microphone again")
        with live.lock:
            return use(live.stream)
