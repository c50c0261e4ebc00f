"""Playing an instrument through a DX7: a neural network turns pitch and loudness into operator levels."""
