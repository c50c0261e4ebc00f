"""Sound: files, notes, pitch, loudness, spectra, losses and distances; `metrics` scores sets of sounds."""

import importlib
from typing import TYPE_CHECKING, Any

from ddx7.audio.distance import MelTarget as MelTarget
from ddx7.audio.distance import log_mel_distance as log_mel_distance
from ddx7.audio.distance import mel_target as mel_target
from ddx7.audio.files import DecodingReport as DecodingReport
from ddx7.audio.files import Recording as Recording
from ddx7.audio.files import peak_limit as peak_limit
from ddx7.audio.files import read_audio as read_audio
from ddx7.audio.files import resample as resample
from ddx7.audio.files import write_audio as write_audio
from ddx7.audio.limiter import LimitedSound as LimitedSound
from ddx7.audio.limiter import limit_level as limit_level
from ddx7.audio.mel import mel_filterbank as mel_filterbank
from ddx7.audio.note import Note as Note
from ddx7.audio.note import analyse_note as analyse_note
from ddx7.audio.notes import find_notes as find_notes
from ddx7.audio.partials import Partials as Partials
from ddx7.audio.partials import partials as partials
from ddx7.audio.pitch import cents_between as cents_between
from ddx7.audio.pitch import hz_to_midi as hz_to_midi
from ddx7.audio.pitch import midi_to_hz as midi_to_hz
from ddx7.audio.pitch_hypotheses import PitchHypothesis as PitchHypothesis
from ddx7.audio.transcription import midi_bytes as midi_bytes
from ddx7.audio.transcription import velocities as velocities

if TYPE_CHECKING:
    from ddx7.audio.perceptual import TargetFeatures as TargetFeatures
    from ddx7.audio.perceptual import distance_terms as distance_terms
    from ddx7.audio.perceptual import perceptual_distance as perceptual_distance
    from ddx7.audio.perceptual import target_features as target_features
    from ddx7.audio.spectra import log_mel as log_mel
    from ddx7.audio.spectra import stft_magnitude as stft_magnitude

# These modules start JAX; reading and writing files does not need it.
_LATE = {
    **dict.fromkeys(("TargetFeatures", "distance_terms", "perceptual_distance", "target_features"), "perceptual"),
    **dict.fromkeys(("log_mel", "stft_magnitude"), "spectra"),
}


def __getattr__(name: str) -> Any:
    """Load the module of a public name on first use."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
