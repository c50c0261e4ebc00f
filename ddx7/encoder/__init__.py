"""Audio to voice by a model: the preset model, its training examples, and sampling."""

import importlib
from typing import TYPE_CHECKING, Any

from ddx7.encoder.tokens import to_tokens as to_tokens
from ddx7.encoder.tokens import to_vced as to_vced

if TYPE_CHECKING:
    from ddx7.encoder.latent import decode as decode
    from ddx7.encoder.latent import encode as encode
    from ddx7.encoder.network import PresetModel as PresetModel
    from ddx7.encoder.sampler import NoteInputs as NoteInputs
    from ddx7.encoder.sampler import VoiceSampler as VoiceSampler
    from ddx7.encoder.sampler import load_default as load_default
    from ddx7.encoder.sampler import load_weights as load_weights
    from ddx7.encoder.sampler import save_weights as save_weights
    from ddx7.encoder.size import EncoderSize as EncoderSize
    from ddx7.encoder.spectrogram import log_frequency_spectrogram as log_frequency_spectrogram
    from ddx7.encoder.training import EncoderConfig as EncoderConfig

# These start JAX, which tokens do not need.
_LATE = {
    **dict.fromkeys(("decode", "encode"), "latent"),
    "EncoderSize": "size",
    "PresetModel": "network",
    **dict.fromkeys(("NoteInputs", "VoiceSampler", "load_default", "load_weights", "save_weights"), "sampler"),
    "log_frequency_spectrogram": "spectrogram",
    "EncoderConfig": "training",
}


def __getattr__(name: str) -> Any:
    """A public name whose module is loaded only now."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
