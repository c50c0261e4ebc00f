"""Voices from voices: variations of one, and steps between two."""

from ddx7.generation.morph import morph as morph
from ddx7.generation.vary import SECTIONS as SECTIONS
from ddx7.generation.vary import vary as vary
