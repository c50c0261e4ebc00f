"""Audio to voice by a model: the preset model, its training examples, and sampling."""
