"""Operations on images refuse what does not fit; elastic transforms move places by smooth noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bigdl_keras import ops
from bigdl_keras.graph.tensor import KerasTensor
from tests.ops.plan_checks import run

image = ops.image
X = np.random.default_rng(3).uniform(size=(2, 24, 26, 3)).astype(np.float32)


def test_an_elastic_transform_moves_each_place_a_little_and_each_image_its_own_way() -> None:
    rows = np.broadcast_to(np.arange(24.0)[:, None, None], (2, 24, 26, 1)).astype(np.float32)
    moved = image.elastic_transform(rows, alpha=20.0, sigma=2.0, fill_mode="nearest", seed=5)
    distance = moved - rows
    assert 0.5 < np.abs(distance).max() < 24
    assert np.abs(np.diff(distance[:, 4:-4], axis=1)).mean() < 0.5 * distance[:, 4:-4].std() + 1  # smooth
    assert not np.array_equal(moved[0], moved[1])
    np.testing.assert_array_equal(moved, image.elastic_transform(rows, 20.0, 2.0, fill_mode="nearest", seed=5))
    assert not np.array_equal(moved, image.elastic_transform(rows, 20.0, 2.0, fill_mode="nearest", seed=6))


def test_an_elastic_transform_moves_all_channels_alike_and_reads_only_what_is_there() -> None:
    same = np.repeat(X[..., :1], 3, axis=-1)
    bent = image.elastic_transform(same, seed=1, data_format="channels_last")
    np.testing.assert_array_equal(bent[..., 0], bent[..., 2])
    assert same.min() <= bent.min() <= bent.max() <= same.max()
    (planned,) = run(lambda x: image.elastic_transform(x, sigma=1.0), X)
    assert planned.shape == X.shape and not np.array_equal(planned, X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: image.rgb_to_hsv((X * 255).astype(np.uint8)), "3 channels of floats"),
        (lambda: image.rgb_to_grayscale(X[..., :2]), "needs 3 channels, or 1"),
        (lambda: image.hsv_to_rgb(X, data_format="NCHW"), "`data_format` must be"),
        (lambda: image.resize(X[0, 0], (2, 2)), "Images need 3 axes, or 4"),
        (lambda: image.resize(X, (2, 2), "cubic"), "must be 'nearest' or one of"),
        (lambda: image.resize(X, (2, 2), fill_mode="wrap"), "`fill_mode` of resize"),
        (
            lambda: image.resize(X, (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
            "Only one of `crop_to_aspect_ratio`",
        ),
        (lambda: image.pad_images(X, 1, 1, 1), "needs two of three"),
        (lambda: image.crop_images(X, 1, 1, target_height=30, target_width=2), "must not be negative"),
        (
            lambda: image.crop_images(KerasTensor((None, None, 4, 3)), 1, 1, target_height=3, target_width=2),
            "images of a known size",
        ),
        (lambda: image.affine_transform(X, np.ones(6)), "8 numbers"),
        (lambda: image.affine_transform(X, np.ones(8), "bicubic"), "`interpolation` must be"),
        (lambda: image.affine_transform(X, np.ones(8), fill_mode="edge"), "`fill_mode` must be one of"),
        (
            lambda: image.affine_transform(KerasTensor((None, None, None, 3)), np.ones(8)),
            "A transform needs images of a known size",
        ),
        (lambda: image.perspective_transform(X, np.ones((4, 2)), np.ones((3, 2))), "`start_points` and `end_points`"),
        (lambda: image.map_coordinates(X[0], np.ones((2, 5)), 1), "one row for each of the 3 axes"),
        (lambda: image.map_coordinates(X[0], np.ones((3, 5)), 2), "`order` must be 0 or 1"),
        (
            lambda: image.scale_and_translate(X, X.shape, [1.0], [0.0], (1,), "area"),
            "`method` must be one of",
        ),
        (
            lambda: image.scale_and_translate(X, X.shape, KerasTensor((1,)), [0.0], (1,), "linear"),
            "as numbers",
        ),
        (lambda: image.extract_patches(X[0], (2, 2, 2)), "Images need 4 axes, or 5"),
        (lambda: image.extract_patches(X, (30, 2)), "window of this patch is larger"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
