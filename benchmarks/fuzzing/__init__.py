"""Readers under test, by name; each module draws files of one format and states what must be said about them."""

from fuzzing import midi, sound, voices
from fuzzing.reader import Reader

READERS: dict[str, Reader] = {reader.name: reader for reader in (*sound.READERS, *midi.READERS, *voices.READERS)}
