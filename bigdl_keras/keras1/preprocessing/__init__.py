"""Keras 1's package of this name: `sequence`."""
