"""Errors that ddx7 raises when the input, not the program, is at fault."""


class Ddx7Error(ValueError):
    """An input cannot be used; the message names the input, what was found and what is wanted."""


class ArgumentError(Ddx7Error):
    """An argument is out of its range or of the wrong kind; the message begins with its name and a colon."""

    @property
    def name(self) -> str:
        """The argument, such as "count"."""
        return str(self).partition(":")[0]


class SysexError(Ddx7Error):
    """A file or a sequence of bytes holds no DX7 voice."""


class NotVoicesError(SysexError):
    """A file is of a kind that holds no voices, such as a picture or plain text, so nothing is lost."""


class AudioError(Ddx7Error):
    """A recording cannot be read or has no usable sound: it is silent, too short, not finite, or without pitch."""
