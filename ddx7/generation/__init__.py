"""New voices: banks generated from noise, variations of a voice, and morphs between two."""

from ddx7.generation.generate import generate as generate
from ddx7.generation.morph import morph as morph
from ddx7.generation.vary import SECTIONS as SECTIONS
from ddx7.generation.vary import vary as vary
