"""What ddx7 raises when the input, not the program, is at fault."""


class Ddx7Error(ValueError):
    """Something a person gave cannot be used; the message says what, where, found and wanted."""


class SysexError(Ddx7Error):
    """A file or a run of bytes holds no DX7 voice."""


class AudioError(Ddx7Error):
    """A recording cannot be read or holds nothing to work with."""
