"""With numbers that real Keras drew, images come out as real Keras makes them; without training they are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from bigdl_keras import layers

keras = pytest.importorskip("keras", minversion="3.15", reason="make interop installs real Keras")
pytestmark = pytest.mark.interop

IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 6, 7, 3)).astype("float32")
CASES = [
    ("RandomFlip", {}), ("RandomFlip", {"mode": "horizontal"}), ("RandomFlip", {"mode": "vertical"}),
    *(("RandomRotation", {"factor": 0.3, "fill_mode": mode}) for mode in ("reflect", "wrap", "constant", "nearest")),
    ("RandomRotation", {"factor": (0.1, 0.2), "interpolation": "nearest", "fill_mode": "constant", "fill_value": 9.0}),
    ("RandomZoom", {"height_factor": 0.4}), ("RandomZoom", {"height_factor": (-0.5, -0.2), "width_factor": 0.3}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": (0.1, 0.4)}),
    ("RandomShear", {"x_factor": 0.3, "y_factor": (0.1, 0.2)}),
    ("RandomBrightness", {"factor": 0.3}), ("RandomBrightness", {"factor": (-0.5, -0.1), "value_range": (0, 200)}),
    ("RandomContrast", {"factor": 0.4}), ("RandomContrast", {"factor": (0.2, 0.9)}),
    ("RandomColorDegeneration", {"factor": 0.8}), ("RandomGrayscale", {}), ("RandomHue", {"factor": (0.2, 0.9)}),
    ("RandomSaturation", {"factor": (0.2, 0.9)}), ("RandomPosterization", {"factor": (2, 7)}),
    ("RandomPosterization", {"factor": 3}), ("RandomInvert", {"factor": 0.5}), ("RandomSharpness", {"factor": 0.9}),
    ("RandomPerspective", {"factor": 0.7, "scale": 0.4}), ("RandomGaussianBlur", {"factor": 0.7, "sigma": (0.4, 0.9)}),
    ("RandomGaussianBlur", {"kernel_size": (3, 5)}), ("RandomErasing", {"factor": 0.7, "fill_value": 3.0}),
    ("Solarization", {"threshold_factor": 0.6}),
    ("Solarization", {"addition_factor": 0.2, "threshold_factor": (0.3, 0.6)}), ("AutoContrast", {}),
]
RANK_2 = ("RandomRotation", "RandomZoom", "RandomTranslation", "RandomShear")


def _ours(name, drawn):
    """What Keras drew, in our shapes: one row for each image."""
    if name == "RandomGrayscale":
        return {"should_apply": np.asarray(drawn)}
    kept = {key: np.asarray(value) for key, value in drawn.items() if key not in ("rotation_matrix", "input_shape")}
    if "blur_factor" in kept:  # Keras draws one pair for the whole batch
        kept["blur_factor"] = np.tile(kept["blur_factor"], (4, 1))
        return {key: value if key == "blur_factor" else value.reshape(-1, 1, 1, 1) for key, value in kept.items()}
    if "start_points" in kept:
        kept["apply_perspective"] = kept["apply_perspective"].reshape(-1, 1, 1, 1)
        return kept
    rank = 2 if name in RANK_2 else 4
    return {key: value.reshape(-1, *value.shape[1:], *[1] * (rank - value.ndim)) if value.ndim else value
            for key, value in kept.items()}


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=lambda item: str(item))
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_known_draws(name, arguments, data_format):
    if data_format == "channels_first" and name in ("AutoContrast", "RandomSharpness", "RandomErasing"):
        pytest.skip("real Keras takes other axes, or none, with channels first")
    images = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    seed = {} if name == "AutoContrast" else {"seed": 3}
    theirs = getattr(keras.layers, name)(**arguments, data_format=data_format, **seed)
    ours = getattr(layers, name)(**arguments, data_format=data_format)
    drawn = theirs.get_random_transformation(images)
    expected = np.asarray(theirs.transform_images(images.copy(), drawn))  # RandomBrightness writes its input
    answer = ours(images) if drawn is None else ours.transform_images(images, _ours(name, drawn))
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=2e-2)
    np.testing.assert_allclose(ours(images, training=False), np.asarray(theirs(images, training=False)), rtol=1e-5)
    again = type(ours).from_config(ours.get_config()).get_config()
    assert getattr(keras.layers, name).from_config(
        {key: value for key, value in again.items() if key != "dtype"}).name == ours.name


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("arguments", [{}, {"bins": 32}, {"value_range": (0, 300)}], ids=str)
def test_equalization_of_one_image(arguments, data_format):
    images = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    theirs = keras.layers.Equalization(**arguments, data_format=data_format)
    ours = layers.Equalization(**arguments, data_format=data_format)(images)
    for number in range(len(images)):  # of several, Keras makes one histogram
        expected = np.asarray(theirs(images[number:number + 1]))
        np.testing.assert_allclose(ours[number:number + 1], expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("arguments", [{}, {"clip_limit": 0.0, "tile_grid_size": (1, 1)}, {"tile_grid_size": (2, 3)},
                                       {"clip_limit": 40.0, "tile_grid_size": (3, 4), "value_range": (0, 300)}],
                         ids=str)
def test_equalization_of_tiles(arguments, data_format):
    images = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    name = "ContrastLimitedAdaptiveHistogramEqualization"
    theirs, ours = (getattr(room, name)(**arguments, data_format=data_format) for room in (keras.layers, layers))
    for training in (False, True):
        np.testing.assert_allclose(ours(images, training=training), np.asarray(theirs(images, training=training)),
                                   rtol=1e-4, atol=1e-2)
    assert theirs.get_config().items() <= {**ours.get_config(), "dtype": theirs.get_config()["dtype"]}.items()


@pytest.mark.parametrize(("name", "arguments"), [case for case in CASES if case[0] != "AutoContrast"],
                         ids=lambda item: str(item))
def test_draws_are_of_the_same_kind(name, arguments):
    """Over many images, what is drawn has Keras's bounds, and its mean and deviation within the error of sampling."""
    images = np.zeros((4000, 2, 2, 3), "float32")
    theirs = getattr(keras.layers, name)(**arguments, seed=3).get_random_transformation(images)
    ours = getattr(layers, name)(**arguments).get_random_transformation(images)
    for key, value in _ours(name, theirs).items():
        if key in ours and value.size > 1 and key not in ("batch_masks", "blur_factor", "start_points"):
            drawn, expected = np.asarray(ours[key], "float64"), value.astype("float64")
            scale = expected.std() + 1e-9
            assert abs(drawn.mean() - expected.mean()) < 0.1 * scale + 1e-6
            assert abs(drawn.std() - expected.std()) < 0.1 * scale + 1e-6
            assert drawn.min() >= expected.min() - 0.05 * scale and drawn.max() <= expected.max() + 0.05 * scale


@pytest.mark.parametrize("numbers", [(0, 3), (1, 8), (2, 5), (4, 6), (7, 9)])
def test_rand_augment_of_known_draws(numbers):
    theirs = keras.layers.RandAugment(factor=0.4, seed=3)
    ours = layers.RandAugment(factor=0.4)
    drawn = theirs.get_random_transformation(IMAGES)
    drawn["layer_idxes"] = np.array(numbers)  # 10, the equalization, counts values of the whole batch in Keras
    names = {name: type(way).__name__ for name, way in ours.ways.items()}
    assert list(names) == theirs._AUGMENT_LAYERS
    transforms = {name: None if value is None else _ours(names[name], value)
                  for name, value in drawn["transforms"].items()}
    answer = ours.transform_images(IMAGES, {"layer_idxes": np.tile(np.array(numbers, "float32"), (4, 1)),
                                            "transforms": transforms})
    np.testing.assert_allclose(answer, np.asarray(theirs.transform_images(IMAGES.copy(), drawn)), rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("name", "arguments"), [("MixUp", {"alpha": 0.4}), ("CutMix", {"factor": (0.3, 0.9)})])
def test_mixing_with_known_draws(name, arguments, data_format):
    images = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    theirs = getattr(keras.layers, name)(**arguments, data_format=data_format, seed=3)
    ours = getattr(layers, name)(**arguments, data_format=data_format)
    drawn = theirs.get_random_transformation(images)
    known = {key: np.asarray(value) for key, value in drawn.items()}
    np.testing.assert_allclose(ours.transform_images(images, known),
                               np.asarray(theirs.transform_images(images, drawn)), rtol=1e-5)
    labels = np.eye(4, dtype="float32")
    np.testing.assert_allclose(ours.transform_labels(labels, known),
                               np.asarray(theirs.transform_labels(labels, drawn)), rtol=1e-5)
    many = np.zeros((3000, *images.shape[1:]), "float32")
    mine, other = (np.asarray(layer.get_random_transformation(many)["mix_weight"])
                   for layer in (getattr(layers, name)(**arguments), theirs))
    assert abs(mine.mean() - other.mean()) < 0.05
    assert name == "CutMix" or abs(mine.std() - other.std()) < 0.03  # of CutMix, one parameter is drawn for all
