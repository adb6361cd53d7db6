"""Layers as data that real Keras and we both build from: (class, arguments, inputs, call arguments).

An inner layer is written ("layer", class, arguments); inputs are shapes or arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Config = tuple[str, dict[str, Any], list[Any], dict[str, Any]]

_random = np.random.default_rng(99)
INTEGERS = _random.integers(0, 6, (3, 5))
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
MASK_3 = np.array([[1, 1, 0], [1, 0, 1]], bool)
MASK_5 = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
PAIRS = _random.integers(0, 2, (2, 3, 5)).astype(bool)
SEVERAL_ARGUMENTS = ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
"""Layers that are called with several arguments, not with a list."""
ACTIVATIONS = (
    "relu", "tanh", "sigmoid", "softmax", "elu", "selu", "gelu", "softplus", "softsign", "exponential", "hard_sigmoid",
    "silu", "mish", "leaky_relu", "relu6", "celu", "hard_silu", "hard_tanh", "log_softmax", "log_sigmoid",
    "tanh_shrink", "hard_shrink", "soft_shrink", "squareplus", "sparse_plus", "sparsemax",
)


def build(layers: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments with inner layers made from the module `layers`."""

    def made(value: Any) -> Any:
        if isinstance(value, tuple) and value and value[0] == "layer":
            return getattr(layers, value[1])(**build(layers, value[2]))
        return [made(item) for item in value] if isinstance(value, list) else value

    return {name: made(value) for name, value in arguments.items()}


def call(layer: Any, inputs: list[np.ndarray], **arguments: Any) -> list[np.ndarray]:
    """Outputs of a layer of Keras or ours on arrays."""
    if type(layer).__name__ in SEVERAL_ARGUMENTS:
        outputs = layer(*inputs, **arguments)
    else:
        outputs = layer(inputs if len(inputs) > 1 else inputs[0], **arguments)
    return [np.asarray(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def configs() -> Iterator[Config]:
    """All of them, in a fixed order."""
    for family in (_core, _windows, _dilated, _normalizations, _recurrent, _convolutional_recurrent, _wrappers,
                   _merging, _attention, _shapes, _preprocessing):
        for name, arguments, *rest in family():
            called = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            yield name, arguments, list(rest), called


def _core() -> Iterator[Any]:
    for activation in ACTIVATIONS:
        yield "Dense", {"units": 5, "activation": activation}, (3, 4)
        yield "Activation", {"activation": activation}, (3, 4, 2)
    yield "Dense", {"units": 3}, (2, 3, 4, 5)
    yield "Embedding", {"input_dim": 6, "output_dim": 3}, INTEGERS
    for equation, output_shape, bias_axes, shape in [
        ("ab,bc->ac", 4, "c", (3, 5)), ("abc,cde->abde", (None, 3, 2), "de", (2, 4, 5)),
        ("abc,cde->abde", (None, 3, 2), "e", (2, 4, 5)), ("...x,xy->...y", 4, "y", (2, 4, 5)),
        ("abc,bcd->ad", 4, "d", (2, 4, 5)), ("abcd,cde->abe", (None, 4), "e", (2, 3, 4, 5)),
        ("abc,bde->acde", (5, 3, 2), "d", (2, 4, 5)),
    ]:
        yield "EinsumDense", {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes}, shape
    yield "ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.3}, (3, 4)
    yield "LeakyReLU", {"negative_slope": 0.1}, (3, 4)
    yield "ELU", {"alpha": 0.3}, (3, 4)
    yield "PReLU", {"shared_axes": [1, 2]}, (2, 3, 4, 5)
    yield "PReLU", {}, (2, 3)
    for axis in (1, -1, (1, 2)):
        yield "Softmax", {"axis": axis}, (2, 3, 4)
    yield "Softmax", {}, (2, 3), {"mask": MASK_3}


def _windows() -> Iterator[Any]:
    for padding in ("valid", "same"):
        for strides in (1, 2, 3):
            for data_format in ("channels_last", "channels_first"):
                shared = {"strides": strides, "padding": padding, "data_format": data_format}
                steps, image, volume = (2, 9, 4), (2, 7, 8, 4), (2, 5, 6, 4, 2)
                if data_format == "channels_first":
                    steps, image, volume = (2, 4, 9), (2, 4, 7, 8), (2, 2, 5, 6, 4)
                for kind in ("Max", "Average"):
                    yield f"{kind}Pooling1D", {"pool_size": 3, **shared}, steps
                    yield f"{kind}Pooling2D", {"pool_size": (2, 3), **shared}, image
                    yield f"{kind}Pooling3D", {"pool_size": 2, **shared}, volume
                yield "Conv1D", {"filters": 6, "kernel_size": 4, "groups": 2, **shared}, steps
                yield "Conv2D", {"filters": 3, "kernel_size": (3, 2), **shared}, image
                yield "Conv3D", {"filters": 3, "kernel_size": (3, 2, 2), **shared}, volume
                yield "DepthwiseConv1D", {"kernel_size": 3, **shared}, steps
                yield "DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, **shared}, image
                yield "SeparableConv1D", {"filters": 5, "kernel_size": 3, **shared}, steps
                yield "SeparableConv2D", {"filters": 5, "kernel_size": 3, "depth_multiplier": 2, **shared}, image
                yield "Conv1DTranspose", {"filters": 3, "kernel_size": 4, **shared}, steps
                yield "Conv2DTranspose", {"filters": 3, "kernel_size": (3, 2), **shared}, image
                yield "Conv3DTranspose", {"filters": 3, "kernel_size": 2, **shared}, volume
                if strides > 1:
                    yield "Conv2DTranspose", {"filters": 3, "kernel_size": 3, "output_padding": 1, **shared}, image


def _dilated() -> Iterator[Any]:
    for padding in ("valid", "same", "causal"):
        yield "Conv1D", {"filters": 3, "kernel_size": 3, "padding": padding, "dilation_rate": 2}, (2, 9, 4)
    yield "Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "strides": 2}, (2, 9, 4)
    for padding in ("valid", "same"):
        shared = {"kernel_size": 3, "padding": padding, "dilation_rate": 2}
        yield "Conv2D", {"filters": 3, **shared, "dilation_rate": (2, 1)}, (2, 9, 8, 4)
        yield "Conv2DTranspose", {"filters": 3, **shared}, (2, 5, 5, 2)
        yield "DepthwiseConv2D", shared, (2, 8, 8, 2)
        yield "SeparableConv2D", {"filters": 3, **shared}, (2, 8, 8, 2)
    for rank, shape in ((1, (2, 5, 3)), (2, (2, 4, 5, 3)), (3, (2, 3, 4, 5, 2))):
        for kind in ("Average", "Max"):
            for data_format in ("channels_last", "channels_first"):
                for keepdims in (False, True):
                    yield f"Global{kind}Pooling{rank}D", {"keepdims": keepdims, "data_format": data_format}, shape
    yield "GlobalAveragePooling1D", {}, (2, 5, 3), {"mask": MASK_5}
    yield "AdaptiveAveragePooling1D", {"output_size": 3}, (2, 7, 2)
    yield "AdaptiveMaxPooling2D", {"output_size": (3, 2)}, (2, 7, 5, 2)
    yield "AdaptiveAveragePooling2D", {"output_size": 2, "data_format": "channels_first"}, (2, 3, 7, 5)
    yield "AdaptiveMaxPooling3D", {"output_size": 2}, (1, 5, 4, 3, 2)


def _normalizations() -> Iterator[Any]:
    for axis in (-1, 1, 2):
        yield "BatchNormalization", {"axis": axis, "momentum": 0.7, "epsilon": 0.01}, (4, 3, 5)
        yield "BatchNormalization", {"axis": axis, "scale": False}, (4, 3, 5, 2)
        yield "BatchNormalization", {"axis": axis, "center": False}, (4, 3, 5)
        yield "LayerNormalization", {"axis": axis, "epsilon": 0.01}, (4, 3, 5)
        yield "GroupNormalization", {"axis": axis, "groups": 2}, (4, 6, 4)
        yield "UnitNormalization", {"axis": axis}, (4, 3, 5)
    yield "BatchNormalization", {}, (2, 5, 3), {"mask": MASK_5}
    yield "LayerNormalization", {"axis": [1, 2]}, (4, 3, 5)
    yield "LayerNormalization", {"axis": [-2, -1], "center": False}, (2, 4, 3, 5)
    yield "LayerNormalization", {"axis": [1, 3]}, (2, 4, 3, 5)
    yield "LayerNormalization", {"scale": False}, (4, 5)
    yield "UnitNormalization", {"axis": [1, 2]}, (4, 3, 5)
    yield "RMSNormalization", {"axis": [1, 2]}, (4, 3, 5)
    yield "GroupNormalization", {"groups": -1}, (4, 5, 6)
    yield "GroupNormalization", {"groups": 1, "scale": False}, (2, 6)
    for iterations in (1, 2):
        for inner, shape in ((("layer", "Dense", {"units": 3}), (4, 5)),
                             (("layer", "Conv2D", {"filters": 3, "kernel_size": 2}), (2, 4, 4, 2))):
            yield "SpectralNormalization", {"layer": inner, "power_iterations": iterations}, shape


def _recurrent() -> Iterator[Any]:
    for name, arguments in [
        ("SimpleRNN", {}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False}), ("LSTM", {"use_bias": False}),
        ("LSTM", {"activation": "relu", "recurrent_activation": "hard_sigmoid"}), ("SimpleRNN", {"activation": "gelu"}),
        ("GRU", {"activation": "softsign", "recurrent_activation": "tanh"}),
        ("LSTM", {"activation": "elu", "recurrent_activation": "softmax"}),
    ]:
        for sequences in (False, True):
            for backwards in (False, True):
                own = {"units": 4, "return_sequences": sequences, "go_backwards": backwards, **arguments}
                yield name, own, (3, 5, 2)
                yield name, own, (3, 5, 2), {"mask": MASK}
                yield name, {**own, "return_state": True}, (3, 5, 2), {"mask": MASK}
                yield name, {**own, "zero_output_for_mask": True}, (3, 5, 2), {"mask": MASK}
    cells = [("layer", "LSTMCell", {"units": 3}), ("layer", "GRUCell", {"units": 2})]
    yield "RNN", {"cell": cells, "return_sequences": True}, (3, 5, 2)
    yield "RNN", {"cell": cells}, (3, 5, 2), {"mask": MASK}
    one = ("layer", "SimpleRNNCell", {"units": 3})
    yield "RNN", {"cell": one, "go_backwards": True, "return_sequences": True}, (3, 5, 2), {"mask": MASK}


def _convolutional_recurrent() -> Iterator[Any]:
    for rank in (1, 2, 3):
        for sequences in (False, True):
            for padding in ("valid", "same"):
                own = {"filters": 2, "kernel_size": 2, "padding": padding, "return_sequences": sequences}
                yield f"ConvLSTM{rank}D", own, (2, 3, *(4, 5, 3)[:rank], 2)
                first = {**own, "data_format": "channels_first", "recurrent_activation": "hard_sigmoid"}
                yield f"ConvLSTM{rank}D", first, (2, 3, 2, *(4, 5, 3)[:rank])
    own = {"filters": 2, "kernel_size": 2, "strides": 2, "return_sequences": True, "go_backwards": True}
    yield "ConvLSTM2D", own, (2, 3, 6, 6, 1)


def _wrappers() -> Iterator[Any]:
    for mode in ("concat", "sum", "mul", "ave", None):
        for sequences in (False, True):
            def inner(name: str, sequences: bool = sequences, **more: Any) -> Any:
                return ("layer", name, {"units": 3, "return_sequences": sequences, **more})

            yield "Bidirectional", {"layer": inner("LSTM"), "merge_mode": mode}, (3, 5, 2)
            yield "Bidirectional", {"layer": inner("GRU"), "merge_mode": mode}, (3, 5, 2), {"mask": MASK}
            yield "Bidirectional", {"layer": inner("SimpleRNN", return_state=True), "merge_mode": mode}, (3, 5, 2)
    for name, arguments, shape in [
        ("Dense", {"units": 3}, (2, 4, 5)), ("Conv1D", {"filters": 2, "kernel_size": 2}, (2, 4, 5, 3)),
        ("LSTM", {"units": 3}, (2, 4, 5, 3)), ("Flatten", {}, (2, 4, 5, 3)), ("MaxPooling2D", {}, (2, 3, 4, 4, 2)),
        ("LayerNormalization", {}, (2, 3, 4)),
    ]:
        yield "TimeDistributed", {"layer": ("layer", name, arguments)}, shape


def _merging() -> Iterator[Any]:
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
        yield name, {}, (2, 3, 4), (2, 3, 4)
        yield name, {}, (2, 3, 4), (2, 1, 4)
        if name != "Subtract":
            yield name, {}, (2, 4), (2, 4), (2, 4)
    for axis in (-1, 1, 2):
        yield "Concatenate", {"axis": axis}, (2, 3, 4), (2, 3, 4)
    for axes in (1, 2, (1, 2), (2, 1), -1):
        for normalize in (False, True):
            yield "Dot", {"axes": axes, "normalize": normalize}, (2, 4, 4), (2, 4, 4)
    yield "Dot", {"axes": 1}, (2, 4), (2, 4)
    yield "Dot", {"axes": (1, 2)}, (2, 4), (2, 3, 4)
    yield "Dot", {"axes": (2, 3)}, (2, 3, 4), (2, 5, 2, 4)


def _attention() -> Iterator[Any]:
    two = (2, 3, 4), (2, 5, 4)
    yield "Attention", {}, *two
    yield "Attention", {"use_scale": True}, *two, (2, 5, 4)
    yield "Attention", {"score_mode": "concat", "use_scale": True}, *two
    yield "Attention", {}, (2, 5, 4), (2, 5, 4), {"use_causal_mask": True}
    yield "Attention", {}, *two, {"mask": [MASK_3, MASK_5]}
    yield "Attention", {}, *two, {"mask": [None, MASK_5], "return_attention_scores": True}
    yield "AdditiveAttention", {}, *two, {"mask": [MASK_3, MASK_5]}
    yield "AdditiveAttention", {"use_scale": False}, *two
    own = {"num_heads": 2, "key_dim": 3}
    yield "MultiHeadAttention", own, (2, 4, 5), (2, 6, 5)
    yield "MultiHeadAttention", {**own, "output_shape": 7}, (2, 4, 5), (2, 6, 3)
    yield "MultiHeadAttention", {**own, "use_bias": False}, (2, 4, 5), (2, 4, 5), {"use_causal_mask": True}
    yield "MultiHeadAttention", {**own, "attention_axes": (2,)}, (2, 3, 4, 5), (2, 3, 6, 5)
    yield "MultiHeadAttention", {**own, "attention_axes": (1, 2)}, (2, 3, 4, 5), (2, 2, 6, 5)
    yield "MultiHeadAttention", own, (2, 4, 5), (2, 6, 5), (2, 6, 4)
    yield "MultiHeadAttention", own, (2, 3, 5), (2, 5, 5), {"value_mask": MASK_5}
    yield "MultiHeadAttention", own, (2, 3, 5), (2, 5, 5), {"attention_mask": PAIRS, "return_attention_scores": True}
    own = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    yield "GroupQueryAttention", own, (2, 4, 5), (2, 6, 5)
    yield "GroupQueryAttention", own, (2, 4, 5), (2, 4, 5), {"use_causal_mask": True}
    masks = {"query_mask": MASK_3, "value_mask": MASK_5}
    yield "GroupQueryAttention", {**own, "num_key_value_heads": 1, "use_bias": False}, (2, 3, 5), (2, 5, 5), masks
    yield "GroupQueryAttention", own, (2, 3, 5), (2, 5, 5), {"return_attention_scores": True}


def _shapes() -> Iterator[Any]:
    yield "Flatten", {"data_format": "channels_first"}, (2, 3, 4, 5)
    yield "Reshape", {"target_shape": (-1, 2)}, (2, 3, 4)
    yield "Permute", {"dims": (3, 1, 2)}, (2, 3, 4, 5)
    yield "RepeatVector", {"n": 3}, (2, 4)
    yield "ZeroPadding1D", {"padding": 2}, (2, 3, 4)
    yield "ZeroPadding2D", {"padding": ((1, 2), (0, 3)), "data_format": "channels_first"}, (2, 3, 4, 5)
    yield "ZeroPadding3D", {"padding": (1, 0, 2)}, (2, 3, 4, 5, 1)
    yield "Cropping1D", {"cropping": (1, 2)}, (2, 6, 4)
    yield "Cropping2D", {"cropping": 1, "data_format": "channels_first"}, (2, 3, 4, 5)
    yield "Cropping3D", {"cropping": ((1, 0), (0, 1), (1, 1))}, (2, 3, 4, 5, 1)
    yield "UpSampling1D", {"size": 3}, (2, 3, 2)
    yield "UpSampling3D", {"size": (1, 2, 3), "data_format": "channels_first"}, (1, 2, 3, 2, 2)
    for interpolation in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        for data_format in ("channels_last", "channels_first"):
            own = {"size": (2, 3), "interpolation": interpolation, "data_format": data_format}
            yield "UpSampling2D", own, (2, 4, 5, 3)


def _preprocessing() -> Iterator[Any]:
    yield "Rescaling", {"scale": [1.0, 2.0], "offset": 0.5}, (2, 3, 2)
    yield "Normalization", {"mean": [1.0, 2.0], "variance": [2.0, 3.0]}, (3, 2)
    yield "Normalization", {"axis": None, "mean": 1.0, "variance": 4.0}, (3, 2)
    yield "Normalization", {"mean": [1.0, 2.0], "variance": [2.0, 3.0], "invert": True}, (3, 2)
    for mode in ("one_hot", "multi_hot", "count"):
        yield "CategoryEncoding", {"num_tokens": 6, "output_mode": mode}, INTEGERS
    yield "CategoryEncoding", {"num_tokens": 6, "output_mode": "one_hot"}, INTEGERS[:, :1]
    for interpolation in ("bilinear", "nearest", "bicubic"):
        for height, width in ((3, 7), (8, 2), (5, 5)):
            yield "Resizing", {"height": height, "width": width, "interpolation": interpolation}, (2, 4, 5, 3)
    yield "Resizing", {"height": 3, "width": 7, "crop_to_aspect_ratio": True}, (2, 4, 5, 3)
    for flag in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        for data_format in ("channels_last", "channels_first"):
            own = {"height": 3, "width": 2, flag: True, "fill_value": 0.5, "data_format": data_format}
            yield "Resizing", own, (2, 6, 5, 3)
    yield "CenterCrop", {"height": 2, "width": 3}, (2, 5, 6, 3)
    yield "CenterCrop", {"height": 7, "width": 3}, (2, 5, 6, 3)
    for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft"):
        for data_format, shape in (("channels_last", (2, 40, 3)), ("channels_first", (2, 3, 40))):
            own = {"mode": mode, "frame_length": 16, "frame_step": 5, "data_format": data_format}
            yield "STFTSpectrogram", own, shape
            yield "STFTSpectrogram", {**own, "expand_dims": True, "padding": "same", "scaling": "spectrum"}, shape
    for own in ({}, {"power_to_db": False}, {"sequence_length": 20, "window": "hamming", "top_db": 20.0},
                {"min_freq": 300.0, "max_freq": 3000.0, "mag_exp": 1.0, "ref_power": 2.0}):
        yield "MelSpectrogram", {"fft_length": 32, "sequence_stride": 8, "num_mel_bins": 5, **own}, (1, 200)
    for mode in ("int", "one_hot", "multi_hot", "count"):
        yield "Discretization", {"bin_boundaries": [0.0, 0.5, 1.0], "output_mode": mode}, (3, 4)
    for mode in ("one_hot", "multi_hot", "count"):
        yield "CategoryEncoding", {"num_tokens": 6, "output_mode": mode}, INTEGERS[0]
    yield "CategoryEncoding", {"num_tokens": 6, "output_mode": "count"}, INTEGERS, {"count_weights": INTEGERS * 0.5}
    yield "ReversibleEmbedding", {"input_dim": 6, "output_dim": 3}, INTEGERS
    yield "ReversibleEmbedding", {"input_dim": 6, "output_dim": 3}, (2, 4, 3), {"reverse": True}
    own = {"input_dim": 6, "output_dim": 3, "tie_weights": False, "logit_soft_cap": 1.5}
    yield "ReversibleEmbedding", own, (2, 4, 3), {"reverse": True}
