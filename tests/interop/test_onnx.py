"""onnxruntime computes from our ONNX files what the models predict (run by `make interop`)."""

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import applications, layers

onnx = pytest.importorskip("onnx", reason="make interop installs onnx and onnxruntime")
onnxruntime = pytest.importorskip("onnxruntime", reason="make interop installs onnx and onnxruntime")
pytestmark = pytest.mark.interop


def stack(shape, *parts, dtype="float32"):
    return lambda: bk.Sequential([bk.Input(shape, dtype=dtype), *parts])


def masked(*parts):
    return stack((6,), layers.Embedding(8, 3, mask_zero=True), *parts, dtype="int32")


def attention(*shapes, dtype="float32", **call):
    """Attention of the first input, or of its words, to the last."""
    def build():
        given = [bk.Input(shape, dtype=dtype) for shape in shapes]
        found = given if dtype == "float32" else [layers.Embedding(9, 4, mask_zero=True)(given[0])]
        answer = layers.MultiHeadAttention(2, 3, value_dim=2)(found[0], found[-1], **call)
        return bk.Model(given, [answer, layers.GlobalAveragePooling1D()(found[0])])

    return build


def recurrent_with_states():
    x = bk.Input((5, 3))
    states = [layers.Dense(4)(layers.Flatten()(x)) for _ in range(2)]
    whole, *last = layers.LSTM(4, return_sequences=True, return_state=True)(x, initial_state=states)
    other = layers.GRU(4, reset_after=False)(x, initial_state=last[0])
    return bk.Model(x, [whole, last[1], other, layers.SimpleRNN(4, activation="relu")(x, initial_state=other)])


def branches():
    left, right = bk.Input((4,), name="left"), bk.Input((4,), name="right")
    joined = layers.Concatenate()([layers.Add()([left, right]), layers.Multiply()([left, right]),
                                   layers.Maximum()([left, right]), layers.Average()([left, right])])
    scaled = bk.ops.clip(joined, -0.5, 0.5) * 2.0 - 1.0
    one, two = layers.Dense(3, name="one"), layers.Dense(2, "softmax", name="two")
    return bk.Model([left, right], [one(scaled), two(joined)])


MODELS = {
    "dense": stack((5,), layers.Dense(4, "relu"), layers.Dense(3, use_bias=False), layers.Softmax()),
    "activations": stack((6,), *[layers.Activation(name) for name in (
        "tanh", "gelu", "silu", "elu", "selu", "softplus", "softsign", "relu6", "leaky_relu", "hard_sigmoid", "mish",
        "hard_silu", "log_softmax", "sigmoid", "exponential")]),
    "conv1d": stack((9, 3), layers.Conv1D(4, 3, strides=2, padding="same"), layers.MaxPooling1D(2),
                    layers.GlobalMaxPooling1D()),
    "causal": stack((9, 3), layers.Conv1D(4, 3, padding="causal", dilation_rate=2)),
    "conv2d": stack((9, 8, 4), layers.Conv2D(6, (3, 2), groups=2, padding="same"), layers.BatchNormalization(),
                    layers.DepthwiseConv2D(3, depth_multiplier=2), layers.AveragePooling2D(2, padding="same"),
                    layers.ZeroPadding2D(1), layers.SeparableConv2D(5, 2), layers.Flatten(), layers.Dense(2)),
    "channels_first": stack((4, 6, 5), layers.BatchNormalization(axis=1), layers.Permute((2, 3, 1)),
                            layers.Reshape((15, 8)), layers.LayerNormalization()),
    "lstm": stack((7, 3), layers.LSTM(4, return_sequences=True), layers.LSTM(5)),
    "gru": stack((7, 3), layers.GRU(4, return_sequences=True), layers.GRU(3, reset_after=False),
                 layers.Dense(2)),
    "bidirectional": stack((7, 3), layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
                           layers.Bidirectional(layers.GRU(3))),
    "words": stack((6,), layers.Embedding(9, 4), layers.GlobalAveragePooling1D(), dtype="int32"),
    "masked_words": stack((6,), layers.Embedding(9, 4, mask_zero=True), layers.GlobalAveragePooling1D(), dtype="int32"),
    "transposed1d": stack((6, 3), layers.Conv1DTranspose(4, 3, strides=2, padding="same")),
    "transposed2d": stack((5, 4, 2), layers.Conv2DTranspose(3, (2, 3), strides=(2, 1)),
                          layers.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1),
                          layers.Conv2DTranspose(2, 3, dilation_rate=2)),
    "transposed3d": stack((3, 4, 2, 2), layers.Conv3DTranspose(2, 2, strides=2)),
    "upsampling": stack((4, 3, 2), layers.UpSampling2D((2, 3)), layers.Resizing(5, 7),
                        layers.Resizing(8, 6, interpolation="nearest"), layers.Resizing(9, 7, "bicubic")),
    "attention": attention((4, 3)),
    "attention_to_another": attention((4, 3), (5, 6)),
    "causal_attention": attention((4, 3), use_causal_mask=True),
    "masked_attention": attention((5,), dtype="int32"),
    "recurrent_with_states": recurrent_with_states,
    "simple_rnn": stack((5, 3), layers.SimpleRNN(4, return_sequences=True), layers.SimpleRNN(2, go_backwards=True)),
    "masked_lstm": masked(layers.LSTM(4, return_sequences=True), layers.LSTM(3)),
    "masked_gru": masked(layers.Bidirectional(layers.GRU(4, return_sequences=True)), layers.GRU(3, go_backwards=True)),
    "masked_gru_reset_before": masked(layers.GRU(4, reset_after=False, return_sequences=True),
                                      layers.SimpleRNN(3, activation="relu")),
    "other_gates": stack((5, 3), layers.LSTM(4, activation="relu", recurrent_activation="hard_sigmoid",
                                             return_sequences=True, use_bias=False),
                         layers.GRU(3, activation="linear", use_bias=False)),
    "group_normalization": stack((5, 4, 6), layers.GroupNormalization(3), layers.RMSNormalization(),
                                 layers.GroupNormalization(-1, scale=False)),
    "upsampling_bilinear": stack((4, 3, 2), layers.UpSampling2D((2, 3), interpolation="bilinear"),
                                 layers.UpSampling2D(2, interpolation="nearest")),
    "time_distributed": stack((3, 6, 5, 2), layers.TimeDistributed(layers.Conv2D(3, 2)),
                              layers.TimeDistributed(layers.BatchNormalization()),
                              layers.TimeDistributed(layers.GlobalAveragePooling2D())),
    "thresholds": stack((6,), layers.ReLU(max_value=1.5, negative_slope=0.2, threshold=0.3),
                        *[layers.Activation(name) for name in ("hard_shrink", "soft_shrink")]),
    "adaptive_pooling": stack((7, 6, 2), layers.AdaptiveAveragePooling2D((3, 2)), layers.AdaptiveMaxPooling2D(2)),
    "locally_connected": stack((5, 4, 2), layers.LocallyConnected2D(3, 2),
                               layers.LocallyConnected2D(2, 2, padding="same", implementation=2),
                               layers.LocallyConnected2D(2, 2, implementation=3)),
    "branches": branches,
    "lenet": applications.LeNet5,
    "mobilenet": lambda: applications.MobileNet((32, 32, 3), 0.25, classes=5),
    "mobilenet_v2": lambda: applications.MobileNetV2((32, 32, 3), 0.35, classes=5),
    "resnet": lambda: applications.ResNet20((8, 8, 3)),
    "inception": lambda: applications.InceptionV3(include_top=False, input_shape=(75, 75, 3), pooling="avg"),
    "neural_cf": lambda: applications.NeuralCF(8, 8, 3),
}


@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_predicts_what_the_model_predicts(tmp_path, name):
    bk.set_random_seed(4)
    model = MODELS[name]()
    generator = np.random.default_rng(0)
    for layer in model.layers:  # moments of batches that a fresh model does not have
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 1.5, w.shape).astype("float32") for w in layer.get_weights()])
    path = tmp_path / "m.onnx"
    model.export_onnx(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = {}
    for tensor, given in zip(model.inputs, session.get_inputs(), strict=True):
        shape = (3, *tensor.shape[1:])
        x[given.name] = (generator.integers(0, 8, shape).astype(tensor.dtype) if tensor.dtype.startswith("int")
                         else generator.normal(size=shape).astype(tensor.dtype))
    arrays = list(x.values())
    expected = model.predict(arrays if len(arrays) > 1 else arrays[0], verbose=0)
    assert [output.name for output in session.get_outputs()] == [f"output_{title}" for title in model.output_names]
    for mine, theirs in zip(expected if isinstance(expected, list) else [expected], session.run(None, x), strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-5)


def test_all_that_onnx_cannot_say_is_told_at_once(tmp_path):
    model = bk.Sequential([bk.Input((None, 3)), layers.Masking(), layers.LSTM(4, return_sequences=True, name="masked"),
                           layers.Activation("sparsemax", name="sparse")])
    with pytest.raises(ValueError, match=r"ONNX export does not know: .*/masked: lstm \(a mask, .*; .*/sparse: sort"):
        model.export_onnx(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
