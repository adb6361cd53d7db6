"""Augmentation: only in training, within its bounds, and drawn for each row whoever holds it."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers
from bigdl_keras.graph.plan import Context
from bigdl_keras.testing.layer_checks import traced_run

IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 6, 7, 3)).astype("float32")
RANDOM = [
    lambda: layers.RandomFlip(), lambda: layers.RandomRotation(0.3), lambda: layers.RandomZoom(0.4, 0.2),
    lambda: layers.RandomTranslation(0.3, 0.4), lambda: layers.RandomShear(0.3, 0.2),
    lambda: layers.RandomBrightness(0.3), lambda: layers.RandomContrast((0.5, 0.5)),
    lambda: layers.RandomColorDegeneration((0.1, 1.0)), lambda: layers.RandomGrayscale(0.5),
    lambda: layers.RandomHue(0.5), lambda: layers.RandomSaturation((0.1, 0.9), (0, 1)),
    lambda: layers.RandomPosterization((1, 6)), lambda: layers.RandomInvert(0.5), lambda: layers.RandomSharpness(0.9),
    lambda: layers.RandomErasing(0.5), lambda: layers.Solarization(0.2, 0.6),
    lambda: layers.RandomColorJitter((0, 255), 0.2, 0.2, None, 0.2), lambda: layers.RandomCrop(3, 4),
    lambda: layers.RandomPerspective(0.6, 0.4), lambda: layers.RandomGaussianBlur(0.7, 3, (0.3, 0.9)),
    lambda: layers.RandAugment(factor=0.4), lambda: layers.Pipeline([layers.RandomFlip(), layers.RandomHue(0.3)]),
]


def _name(make):
    return type(make()).__name__


@pytest.mark.parametrize("make", RANDOM, ids=_name)
def test_rows_draw_the_same_on_any_worker(make):
    run = traced_run(make(), [IMAGES], training=True)

    def answer(places, iteration=1):
        context = Context(training=True, seed=5, iteration=iteration, places=np.asarray(places))
        return run.execution.forward([IMAGES[places]], context)[1].copy()

    whole = answer(range(8))
    np.testing.assert_array_equal(np.concatenate([answer(range(3)), answer(range(3, 8))]), whole)
    assert not np.array_equal(answer(range(8), iteration=2), whole)
    assert len({image.tobytes() for image in whole}) > 1


@pytest.mark.parametrize("make", RANDOM, ids=_name)
def test_disturbs_in_training_alone(make):
    bk.set_random_seed(3)  # else now and then no image of the eight would be drawn
    layer = make()
    plain = layer(IMAGES, training=False)
    if _name(make) != "RandomCrop":
        np.testing.assert_array_equal(plain, IMAGES)
    assert not np.array_equal(layer(IMAGES), plain)  # nobody says in which phase: in training, as in Keras
    assert layer(IMAGES[0]).shape == plain.shape[1:]
    assert layer(IMAGES.astype("uint8"), training=False).dtype == np.float32


def test_each_image_is_flipped_or_not():
    flipped = layers.RandomFlip("horizontal")(IMAGES)
    kinds = [np.array_equal(new, old[:, ::-1]) + 2 * np.array_equal(new, old)
             for new, old in zip(flipped, IMAGES, strict=True)]
    assert set(kinds) <= {1, 2}


def test_a_crop_is_a_part_of_its_image():
    numbers = np.arange(8 * 6 * 7, dtype="float32").reshape(8, 6, 7, 1)
    for crop, image in zip(layers.RandomCrop(3, 4)(numbers), numbers, strict=True):
        top, left = divmod(int(crop[0, 0, 0] - image[0, 0, 0]), 7)
        np.testing.assert_array_equal(crop, image[top:top + 3, left:left + 4])
    assert layers.RandomCrop(3, 4)(numbers, training=False).shape == (8, 3, 4, 1)


def test_values_stay_in_their_range():
    for layer in (layers.RandomBrightness(1.0), layers.RandomContrast((0, 1.0)), layers.RandomErasing(1.0),
                  layers.RandomSharpness(1.0), layers.Solarization(1.0, 1.0), layers.RandomHue(1.0)):
        answer = layer(IMAGES)
        assert answer.min() >= -1e-3 and answer.max() <= 255.001, type(layer).__name__


def test_what_cannot_be_meant_is_refused():
    for make, message in [
        (lambda: layers.RandomFlip("sideways"), "`mode` of RandomFlip must be one of"),
        (lambda: layers.RandomRotation(3), "from -1 to 1"), (lambda: layers.RandomContrast((0.2, 1.5)), "from 0 to 1"),
        (lambda: layers.RandomZoom(0.1, fill_mode="mirror"), "`fill_mode`"),
        (lambda: layers.RandomBrightness(0.1, value_range=1), "two numbers"),
        (lambda: layers.RandomFlip(bounding_box_format="xyxy"), "no bounding boxes"),
        (lambda: layers.RandomFlip()({"images": IMAGES}), "not a dict"),
        (lambda: layers.RandomFlip()(IMAGES[0, 0]), "Received shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()


def test_trains_with_augmentation_and_predicts_without():
    model = bk.Sequential([bk.Input((6, 7, 3)), layers.Rescaling(1 / 255), layers.RandomFlip(),
                           layers.RandomRotation(0.1), layers.RandomContrast(0.1, (0, 1)), layers.Flatten(),
                           layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(IMAGES, np.arange(8.0), batch_size=4, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))
    plain = bk.Sequential([bk.Input((6, 7, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1)])
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), plain.predict(IMAGES, verbose=0), rtol=1e-5)


@pytest.mark.parametrize("make", [lambda: layers.MixUp(0.5, seed=4), lambda: layers.CutMix(seed=4),
                                  lambda: layers.CutMix(data_format="channels_first", seed=4)])
def test_mixing_keeps_images_and_labels_together(make):
    """Of images that are their labels, painted: the mean over an image is its mixed label."""
    images = np.broadcast_to(np.eye(3)[:, None, None, :], (3, 8, 8, 3))
    first = make().data_format == "channels_first"
    mixed = make()({"images": images.transpose(0, 3, 1, 2) if first else images, "labels": np.eye(3)})
    means = mixed["images"].mean(axis=(2, 3) if first else (1, 2))
    np.testing.assert_allclose(means, mixed["labels"], atol=1e-6 if isinstance(make(), layers.MixUp) else 0.3)
    np.testing.assert_allclose(mixed["labels"].sum(axis=1), 1.0, rtol=1e-6)
    assert not np.array_equal(mixed["labels"], np.eye(3))
    np.testing.assert_array_equal(make()({"images": images, "labels": np.eye(3)}, training=False)["labels"], np.eye(3))
    again = type(make()).from_config(make().get_config())
    np.testing.assert_array_equal(again({"images": mixed["images"]})["images"], make()(mixed["images"]))


def test_mixing_follows_the_seed_of_all():
    answers = []
    for _ in range(2):
        bk.set_random_seed(3)
        answers.append(layers.MixUp()(IMAGES))
    np.testing.assert_array_equal(*answers)
    assert not np.array_equal(layers.MixUp()(IMAGES), answers[0])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: layers.MixUp()(bk.Input((8, 8, 3))), "cannot be part of a model"),
    (lambda: bk.Sequential([bk.Input((8, 8, 3)), layers.CutMix()]), "cannot be part of a model"),
    (lambda: layers.MixUp()({"images": IMAGES, "labels": np.zeros(8)}), r"labels of shape \(batch, classes\)"),
    (lambda: layers.MixUp()({"images": IMAGES, "boxes": 1}), "'images' and 'labels'"),
    (lambda: layers.MixUp(0.0), "must be positive"),
])
def test_what_cannot_be_mixed_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
