"""Size of the preset model, apart from the network, which takes longer to import."""

from typing import NamedTuple


class EncoderSize(NamedTuple):
    """Size of a preset model."""

    patch: tuple[int, int] = (8, 8)
    """Frames and bands of a spectrogram that become one vector."""
    encoder_width: int = 128
    """Width of the mixer blocks."""
    layers: int = 2
    """Number of mixer blocks."""
    embedding_width: int = 320
    """Width of a sound's embedding."""
    decoder_width: int = 192
    """Width of the token embeddings and of the decoder's state."""
