"""Ears: a model that looks at notes and proposes voices, and what it learns from."""
