"""Resizing keeps what its definition says it keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bigdl_keras.kernels import KERNELS

x = np.random.default_rng(6).normal(size=(2, 3, 4, 2))


def resized(image: Any, size: Any, **attributes: Any) -> Any:
    return KERNELS["resize"].forward(image, size=size, **attributes)


def test_nearest_to_twice_the_size_repeats() -> None:
    np.testing.assert_array_equal(resized(x, (6, 8), method="nearest"), x.repeat(2, axis=1).repeat(2, axis=2))


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos3", "lanczos5", "nearest"])
@pytest.mark.parametrize("antialias", [False, True])
def test_constant_images_stay_constant(method: str, antialias: bool) -> None:
    y = resized(np.full((1, 5, 6, 1), 3.0), (7, 4), method=method, antialias=antialias)
    np.testing.assert_allclose(y, 3.0)


def test_bilinear_places() -> None:
    line = np.arange(4.0).reshape(1, 4, 1)
    np.testing.assert_allclose(resized(line, (8,))[0, :, 0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    np.testing.assert_allclose(resized(line, (7,), coordinates="align_corners")[0, :, 0], np.linspace(0, 3, 7))
    np.testing.assert_allclose(resized(line, (8,), coordinates="asymmetric")[0, :, 0], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])
    np.testing.assert_allclose(resized(line, (2,), antialias=True)[0, :, 0], [0.5 + 3 / 14, 2.5 - 3 / 14])


def test_unknown_method() -> None:
    with pytest.raises(ValueError, match="must be 'nearest' or one of"):
        resized(x, (2, 2), method="cubic")
