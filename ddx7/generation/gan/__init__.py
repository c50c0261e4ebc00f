"""The conditional generative adversarial network that generates DX7 voices from noise."""
