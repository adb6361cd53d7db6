"""Symbolic tensors, recorded calls, and the Plan they compile to."""
