"""A piece is a few file arrays that become a few of our arrays, reversibly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Arrays = list[np.ndarray]
# What is done to one array: (from the file, back to the file).
Step = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]


@dataclass(frozen=True)
class Piece:
    """`count` arrays in the file, and the functions that turn them into ours and back."""

    count: int
    from_file: Callable[[Arrays], Arrays]
    to_file: Callable[[Arrays], Arrays]


def unchanged(count: int) -> Piece:
    """Arrays that lie in the file as in our layer."""
    return Piece(count, list, list)


def each(*steps: Step) -> Piece:
    """One array becomes one array; `steps` are (from file, to file) pairs."""
    return Piece(
        len(steps),
        lambda arrays: [step[0](array) for step, array in zip(steps, arrays, strict=True)],
        lambda arrays: [step[1](array) for step, array in zip(steps, arrays, strict=True)],
    )


def same(array: np.ndarray) -> np.ndarray:
    """The array itself."""
    return array


def transposed(axes: Sequence[int]) -> Step:
    """File array transposed by `axes`, and back."""
    order = tuple(axes)
    back = tuple(int(axis) for axis in np.argsort(order))
    return (lambda array: np.transpose(array, order)), (lambda array: np.transpose(array, back))


def reshaped(ours: Sequence[int], file: Sequence[int]) -> Step:
    """File array reshaped to `ours`, and back to `file`."""
    return (lambda array: np.reshape(array, tuple(ours))), (lambda array: np.reshape(array, tuple(file)))


def flipped(axes: Sequence[int]) -> Step:
    """Theano convolves, everybody else correlates: kernels are turned around along `axes` (both ways the same)."""
    turn = tuple(axes)
    return (lambda array: np.flip(array, turn)), (lambda array: np.flip(array, turn))


def chain(
    *steps: Step,
) -> Step:
    """Several steps one after the other (named in the direction from the file)."""

    def forward(array: np.ndarray) -> np.ndarray:
        for step in steps:
            array = step[0](array)
        return array

    def backward(array: np.ndarray) -> np.ndarray:
        for step in reversed(steps):
            array = step[1](array)
        return array

    return forward, backward
