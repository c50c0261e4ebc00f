"""Voices from noise: a conditional generative adversarial network over DX7 voices."""
