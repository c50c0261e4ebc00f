"""A published model of sound to DX7 voice, made again: a variational autoencoder with normalising flows.

Source of the architecture and its settings: Le Vaillant, Dutoit and Dekeyser, Improving synthesizer programming from
variational autoencoders latent space, DAFx20in21, and the configuration of their public code.
"""
