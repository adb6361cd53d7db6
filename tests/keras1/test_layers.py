"""Every layer of BigDL and Keras 1 has a line here: how it is called, and what becomes of a shape."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras.keras1 import backend, layers
from bigdl_keras.keras1.layer_table import ALIASES, LINES
from bigdl_keras.keras1.models import Model, Sequential
from bigdl_keras.keras1.regularizers import l2

IMAGE, SEQUENCE, VOLUME = (2, 6, 7), (6, 5), (2, 5, 6, 7)

CASES = [
    ("Dense", (3,), {}, (5,), (3,)),
    ("TimeDistributedDense", (3,), {}, SEQUENCE, (6, 3)),
    ("MaxoutDense", (3, 2), {}, (5,), (3,)),
    ("Highway", (), {"activation": "tanh"}, (5,), (5,)),
    ("Embedding", (7, 3), {}, (6,), (6, 3)),
    ("SparseDense", (3,), {"backward_start": 2, "backward_length": 2}, (5,), (3,)),
    ("SparseEmbedding", (7, 3), {"combiner": "mean"}, (6,), (3,)),
    ("Convolution1D", (3, 2), {"subsample_length": 2}, SEQUENCE, (3, 3)),
    ("AtrousConvolution1D", (3, 2), {"atrous_rate": 2}, SEQUENCE, (4, 3)),
    ("Convolution2D", (3, 2, 3), {"subsample": (2, 1)}, IMAGE, (3, 3, 5)),
    ("Convolution2D", (3, 2, 3), {"dim_ordering": "tf", "border_mode": "same"}, (6, 7, 2), (6, 7, 3)),
    ("Convolution3D", (3, 2, 2, 3), {}, VOLUME, (3, 4, 5, 5)),
    ("ShareConvolution2D", (3, 2, 3), {}, IMAGE, (3, 5, 5)),
    ("AtrousConvolution2D", (3, 2, 2), {"atrous_rate": (2, 3)}, IMAGE, (3, 4, 4)),
    ("Deconvolution2D", (3, 2, 3), {"subsample": (2, 2)}, IMAGE, (3, 12, 15)),
    ("SeparableConvolution2D", (3, 2, 3), {"depth_multiplier": 2}, IMAGE, (3, 5, 5)),
    ("LocallyConnected1D", (3, 2), {}, SEQUENCE, (5, 3)),
    ("LocallyConnected2D", (3, 2, 3), {}, IMAGE, (3, 5, 5)),
    ("MaxPooling1D", (), {}, SEQUENCE, (3, 5)),
    ("AveragePooling1D", (3,), {"stride": 1}, SEQUENCE, (4, 5)),
    ("MaxPooling2D", (), {}, IMAGE, (2, 3, 3)),
    ("AveragePooling2D", ((2, 3),), {"border_mode": "same"}, IMAGE, (2, 3, 3)),
    ("MaxPooling3D", (), {}, VOLUME, (2, 2, 3, 3)),
    ("AveragePooling3D", (), {}, VOLUME, (2, 2, 3, 3)),
    ("GlobalMaxPooling1D", (), {}, SEQUENCE, (5,)),
    ("GlobalAveragePooling1D", (), {}, SEQUENCE, (5,)),
    ("GlobalMaxPooling2D", (), {}, IMAGE, (2,)),
    ("GlobalAveragePooling2D", (), {}, IMAGE, (2,)),
    ("GlobalMaxPooling3D", (), {}, VOLUME, (2,)),
    ("GlobalAveragePooling3D", (), {"dim_ordering": "tf"}, VOLUME, (7,)),
    ("SimpleRNN", (3,), {"return_sequences": True}, SEQUENCE, (6, 3)),
    ("LSTM", (3,), {"U_regularizer": l2(0.01)}, SEQUENCE, (3,)),
    ("GRU", (3, "relu"), {"go_backwards": True}, SEQUENCE, (3,)),
    ("ConvLSTM2D", (3, 2, 2), {}, (4, 2, 6, 7), (3, 5, 6)),
    ("ConvLSTM3D", (3, 2), {"return_sequences": True}, (2, 2, 5, 6, 7), (2, 3, 4, 5, 6)),
    ("Flatten", (), {}, IMAGE, (84,)),
    ("Reshape", ((3, -1),), {}, IMAGE, (3, 28)),
    ("Permute", ((2, 1),), {}, SEQUENCE, (5, 6)),
    ("RepeatVector", (3,), {}, (5,), (3, 5)),
    ("ZeroPadding1D", ((1, 2),), {}, SEQUENCE, (9, 5)),
    ("ZeroPadding2D", ((1, 2),), {}, IMAGE, (2, 8, 11)),
    ("ZeroPadding3D", (), {}, VOLUME, (2, 7, 8, 9)),
    ("Cropping1D", (), {}, SEQUENCE, (4, 5)),
    ("Cropping2D", (((1, 1), (0, 2)),), {}, IMAGE, (2, 4, 5)),
    ("Cropping3D", (), {}, VOLUME, (2, 3, 4, 5)),
    ("UpSampling1D", (3,), {}, SEQUENCE, (18, 5)),
    ("UpSampling2D", (), {}, IMAGE, (2, 12, 14)),
    ("UpSampling3D", (), {}, VOLUME, (2, 10, 12, 14)),
    ("ResizeBilinear", (3, 4), {}, IMAGE, (2, 3, 4)),
    ("Select", (1, 0), {}, SEQUENCE, (5,)),
    ("Narrow", (1, 2, 3), {}, SEQUENCE, (3, 5)),
    ("Squeeze", (1,), {}, (1, 5), (5,)),
    ("ExpandDim", (1,), {}, (5,), (1, 5)),
    ("Max", (1,), {}, SEQUENCE, (5,)),
    ("Dropout", (0.5,), {}, IMAGE, IMAGE),
    ("GaussianDropout", (0.5,), {}, IMAGE, IMAGE),
    ("GaussianNoise", (0.5,), {}, IMAGE, IMAGE),
    ("SpatialDropout1D", (), {}, SEQUENCE, SEQUENCE),
    ("SpatialDropout2D", (), {}, IMAGE, IMAGE),
    ("SpatialDropout3D", (), {}, VOLUME, VOLUME),
    ("Masking", (), {}, SEQUENCE, SEQUENCE),
    ("ActivityRegularization", (0.1, 0.2), {}, (5,), (5,)),
    ("BatchNormalization", (), {}, IMAGE, IMAGE),
    ("LRN2D", (), {}, IMAGE, IMAGE),
    ("WithinChannelLRN2D", (), {}, IMAGE, IMAGE),
    ("Activation", ("hard_sigmoid",), {}, (5,), (5,)),
    ("Identity", (), {}, (5,), (5,)),
    ("Power", (2.0, 3.0, 1.0), {}, (5,), (5,)),
    ("AddConstant", (2.0,), {}, (5,), (5,)),
    ("MulConstant", (2.0,), {}, (5,), (5,)),
    ("CAdd", ((6, 5),), {}, SEQUENCE, SEQUENCE),
    ("CMul", ((1, 5),), {"W_regularizer": l2(0.1)}, SEQUENCE, SEQUENCE),
    ("Scale", ((5,),), {}, SEQUENCE, SEQUENCE),
    ("PReLU", (), {}, IMAGE, IMAGE),
    *((name, (), {}, (5,), (5,)) for name in (
        "ELU", "LeakyReLU", "ThresholdedReLU", "SReLU", "ParametricSoftplus", "RReLU", "HardShrink", "SoftShrink",
        "HardTanh", "Threshold", "BinaryThreshold", "Mul", "Exp", "Log", "Sqrt", "Square", "Negative")),
]

# bigdl.dllib.keras.layers
BIGDL_2 = [
    "Activation", "AddConstant", "AtrousConvolution1D", "AtrousConvolution2D", "AveragePooling1D", "AveragePooling2D",
    "AveragePooling3D", "BERT", "BatchNormalization", "Bidirectional", "BinaryThreshold", "CAdd", "CMul", "ConvLSTM2D",
    "ConvLSTM3D", "Convolution1D", "Convolution2D", "Convolution3D", "Cropping1D", "Cropping2D", "Cropping3D",
    "Deconvolution2D", "Dense", "Dropout", "ELU", "Embedding", "Exp", "ExpandDim", "Flatten", "GRU", "GaussianDropout",
    "GaussianNoise", "GaussianSampler", "GetShape", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "HardShrink",
    "HardTanh", "Highway", "Identity", "Input", "InputLayer", "KerasLayerWrapper", "LRN2D", "LSTM", "LeakyReLU",
    "LocallyConnected1D", "LocallyConnected2D", "Log", "Masking", "Max", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
    "MaxoutDense", "Merge", "Mul", "MulConstant", "Narrow", "Negative", "PReLU", "Permute", "Power", "RReLU",
    "RepeatVector", "Reshape", "ResizeBilinear", "SReLU", "Scale", "Select", "SelectTable", "SeparableConvolution2D",
    "ShareConvolution2D", "SimpleRNN", "SoftShrink", "SparseDense", "SparseEmbedding", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D", "Sqrt", "Square", "Squeeze", "Threshold", "ThresholdedReLU",
    "TimeDistributed", "TransformerLayer", "UpSampling1D", "UpSampling2D", "UpSampling3D", "WithinChannelLRN2D",
    "WordEmbedding", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "merge",
]


@pytest.mark.parametrize(("name", "args", "kwargs", "shape", "expected"), CASES,
                         ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)])
def test_a_layer_computes_the_shape_that_bigdl_says(name, args, kwargs, shape, expected):
    layer = getattr(layers, name)(*args, **kwargs)
    data = np.ones((2, *shape), "float32")
    model = Model(entry := layers.Input(shape=shape), layer(entry))
    assert model.output_shape == (None, *expected)
    assert model.predict(data).shape == (2, *expected)


def test_every_line_of_the_table_is_tested():
    others = {"TimeDistributed", "Bidirectional", "SelectTable", "GaussianSampler"}
    assert set(LINES) - {case[0] for case in CASES} == others


def test_every_layer_of_bigdl_is_here_or_is_listed_as_missing():
    assert [name for name in BIGDL_2 if name not in layers.__all__ and name not in layers.NOT_HERE] == []
    assert [name for name in layers.NOT_HERE if name in layers.__all__] == []
    for name in layers.__all__:
        assert callable(getattr(layers, name))
    with pytest.raises(AttributeError, match="JVM"):
        layers.KerasLayerWrapper


def test_aliases_are_the_same_layers():
    for alias, name in ALIASES.items():
        assert getattr(layers, alias) is getattr(layers, name)


def test_layers_of_several_inputs_and_wrappers():
    first, second = layers.Input(shape=(4,)), layers.Input(shape=(3,))
    assert layers.SelectTable(1)([first, second]).shape == (None, 3)
    assert layers.GaussianSampler()([first, first]).shape == (None, 4)
    steps = layers.Input(shape=SEQUENCE)
    assert layers.TimeDistributed(layers.Dense(2))(steps).shape == (None, 6, 2)
    assert layers.Bidirectional(layers.LSTM(2, return_sequences=True), "sum")(steps).shape == (None, 6, 2)
    assert layers.Lambda(lambda x, y: x[:, :3] + y)([first, second]).shape == (None, 3)


def test_old_formulas():
    config = layers.LSTM(2).get_config()
    assert config["recurrent_activation"] == "hard_sigmoid_legacy"
    assert config["recurrent_initializer"]["config"]["gain"] == 1.1
    assert layers.GRU(2).get_config()["reset_after"] is False
    assert layers.LeakyReLU().negative_slope == 0.01


def test_regularizers_initializers_and_weights_arrive():
    dense = layers.Dense(2, init="uniform", limits=(1.0, 2.0), W_regularizer=l2(0.5), bias=False, input_dim=3)
    dense(layers.Input(shape=(3,)))
    (kernel,) = dense.get_weights()
    assert kernel.min() >= 1.0
    np.testing.assert_allclose(dense.losses[0], 0.5 * np.square(kernel).sum(), rtol=1e-5)
    table = np.arange(8.0).reshape(4, 2)
    embedding = layers.Embedding(4, 2, weights=[table], trainable=False)
    np.testing.assert_array_equal(embedding(np.array([[3]])), [[[6.0, 7.0]]])
    filled = layers.Dense(1, weights=[np.ones((2, 1)), np.array([3.0])], input_shape=(2,))
    assert Sequential([filled]).predict(np.ones((1, 2))).item() == 5.0


def test_the_order_of_axes_can_be_chosen_for_all():
    try:
        backend.set_image_dim_ordering("tf")
        assert layers.Convolution2D(3, 2, 2)(layers.Input(shape=(6, 7, 2))).shape == (None, 5, 6, 3)
    finally:
        backend.set_image_dim_ordering("th")
    assert layers.BatchNormalization(dim_ordering="tf").axis == -1
    with pytest.raises(ValueError, match="'th' or 'tf'"):
        backend.set_image_dim_ordering("channels_last")


def test_prelu_of_bigdl_and_of_keras():
    image = bk.Input(IMAGE)
    for layer, shape, value in ((layers.PReLU(), (1, 1, 1), 0.25), (layers.PReLU(2), (2, 1, 1), 0.25),
                                (layers.PReLU(init="one"), IMAGE, 1.0), (layers.PReLU("zero"), IMAGE, 0.0)):
        layer(image)
        np.testing.assert_array_equal(layer.get_weights()[0], np.full(shape, value))


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: layers.Dense(3, unit=2), TypeError, "Dense: got an unexpected keyword argument 'unit'"),
    (lambda: layers.Dense(), TypeError, "missing a required argument: 'output_dim'"),
    (lambda: layers.Convolution2D(2, 3, 3, border_mode="full"), ValueError, "border_mode='full'"),
    (lambda: layers.Convolution2D(2, 3, 3, pads=(1, 1)), ValueError, "ZeroPadding before the layer"),
    (lambda: layers.Embedding(3, 2, zero_based_id=False), ValueError, "only True can be honoured"),
    (lambda: layers.Dense(2, limits=(0, 1)), ValueError, "init='uniform' or init='normal'"),
])
def test_what_cannot_be_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(("mode", "expected"), [
    ("sum", [[4.0, 6.0]]), ("mul", [[3.0, 8.0]]), ("concat", [[1.0, 2.0, 3.0, 4.0]]), ("ave", [[2.0, 3.0]]),
    ("max", [[3.0, 4.0]]), ("min", [[1.0, 2.0]]), ("sub", [[-2.0, -2.0]]), ("div", [[1 / 3, 0.5]]),
    ("dot", [[11.0]]), ("cos", [[[11.0 / np.sqrt(5.0 * 25.0)]]]), (lambda pair: pair[0] * 2.0 + pair[1], [[5.0, 8.0]]),
])
def test_merge_modes(mode, expected):
    first, second = layers.Input(shape=(2,)), layers.Input(shape=(2,))
    model = Model([first, second], layers.merge([first, second], mode=mode))
    found = model.predict([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"no merge mode 'summ'.*Did you mean 'sum'"):
        layers.merge([first, second], mode="summ")


def test_a_sequential_of_branches(tmp_path):
    left = Sequential([layers.Dense(4, input_dim=3)])
    right = Sequential([layers.Dense(4, input_shape=(5,))])
    model = Sequential()
    model.add(layers.Merge([left, right], mode="concat", concat_axis=1))
    model.add(layers.Dense(1))
    data = [np.random.default_rng(0).normal(size=(20, width)) for width in (3, 5)]
    model.compile("sgd", "mse")
    losses = model.fit(data, np.ones((20, 1)), batch_size=5, nb_epoch=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.output_shape == (None, 1)
    model.save(tmp_path / "branches.keras")
    again = bk.models.load_model(tmp_path / "branches.keras")
    np.testing.assert_allclose(again.predict(data, verbose=0), model.predict(data), rtol=1e-6)
