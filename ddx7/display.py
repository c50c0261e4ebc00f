"""What a notebook shows of a voice or a bank.

Pictures and sound come from layers above that of the voices, so their module is resolved when a notebook shows one.
"""

from importlib import import_module


def voice_html(voice: object) -> str:
    """A voice as HTML: picture and player."""
    return import_module("ddx7.plot.notebook").voice_html(voice)


def bank_html(bank: object) -> str:
    """A bank as HTML: pictures of its voices, and a player for all."""
    return import_module("ddx7.plot.notebook").bank_html(bank)
