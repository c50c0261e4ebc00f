"""Sound to Yamaha DX7 voices and back."""

__version__ = "0.1.0"
