"""Operations in a model survive its JSON, whatever Keras calls their classes."""

from __future__ import annotations

import numpy as np
import pytest

from bigdl_keras import layers, models, ops
from bigdl_keras.saving.keras_operations import KERAS_OPERATIONS

IMAGES = layers.Input((6, 8, 3))


@pytest.mark.parametrize("build", [
    lambda x: ops.image.rgb_to_grayscale(x),
    lambda x: ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(x)),
    lambda x: ops.image.resize(x, (3, 5), interpolation="bicubic", antialias=True),
    lambda x: ops.image.crop_images(ops.image.pad_images(x, 1, 2, 3, 4), 1, 1, target_height=4, target_width=5),
    lambda x: ops.image.ssim(x, x * 0.5, filter_size=3),
    lambda x: ops.concatenate(list(ops.rfft(x)), axis=-1),
    lambda x: ops.rms_normalization(x, axis=-1),
    lambda x: ops.quantile(x, [0.2, 0.7], axis=(1, 2), keepdims=True),
    lambda x: ops.svd(x, full_matrices=False)[1],
    lambda x: ops.rearrange(x, "n (h a) w c -> n h (w a) c", a=2),
    lambda x: ops.scan(lambda carry, row: (carry + row, carry), x[:, 0], ops.moveaxis(x, 0, 1)[1:])[0],
], ids=lambda build: build.__code__.co_names[-1])
def test_a_model_of_operations(build) -> None:
    x = np.random.default_rng(4).uniform(size=(3, 6, 8, 3)).astype(np.float32)
    model = models.Model(IMAGES, build(IMAGES))
    again = models.model_from_json(model.to_json())
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_each_class_of_keras_is_one_function() -> None:
    classes = [row.split(" ")[1] for row in KERAS_OPERATIONS.values()]
    assert len(set(classes)) == len(classes)
    assert [name for name in KERAS_OPERATIONS if name not in {*ops.__all__, *ops.image.__all__}] == []
