"""Voices from noise and from voices: whole banks, and variations of one."""

from ddx7.generation.generate import generate as generate
from ddx7.generation.morph import morph as morph
from ddx7.generation.vary import SECTIONS as SECTIONS
from ddx7.generation.vary import vary as vary
