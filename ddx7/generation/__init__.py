"""New voices: banks generated from noise, variations of a voice, and morphs between two."""

from ddx7.generation.generate import generate as generate
from ddx7.generation.morph import morph as morph
from ddx7.generation.vary import vary as vary
from ddx7.voice.sections import SECTIONS as SECTIONS
