"""Every layer of Keras 1.2.2 and BigDL is a line of one table: its arguments; files' own translation does the rest.

A call becomes the config that Keras 1 would have written into a file, which `saving` already knows how to read.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bigdl_keras import registry
from bigdl_keras.keras1 import backend
from bigdl_keras.layers import Layer
from bigdl_keras.saving.layer_configs import canonical_layer
from bigdl_keras.saving.objects import Reading
from bigdl_keras.saving.spec import ModelSpec, Version

Config = dict[str, Any]

_COMMON = ("name", "trainable", "input_shape", "batch_input_shape", "input_dtype", "dtype", "bigdl_type")
_REGULAR: Config = {"W_regularizer": None, "b_regularizer": None}
_DENSE: Config = {**_REGULAR, "bias": True, "input_dim": None}
_CONSTRAINED: Config = {"activity_regularizer": None, "W_constraint": None, "b_constraint": None, "weights": None}
_ORDER: Config = {"dim_ordering": None}


@dataclass(frozen=True)
class Line:
    """What a layer takes.

    Attributes:
        required: names of the arguments without default.
        optional: the others with their defaults, in order.
        class_name: Keras 1 class whose config it is.
        renamed: arguments that our layer knows under another name, after the translation.
        fixed: arguments that can only have this value; with another one the call is refused.
        ignored: arguments that change nothing here.
    """

    required: tuple[str, ...]
    optional: Config
    class_name: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def signature(self) -> inspect.Signature:
        """How the layer is called."""
        place, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        named = [inspect.Parameter(name, place) for name in self.required]
        named += [inspect.Parameter(name, place, default=value) for name, value in self.optional.items()]
        extra = [name for name in _COMMON if name not in self.optional]
        return inspect.Signature(named + [inspect.Parameter(name, keyword, default=None) for name in extra])


LINES: dict[str, Line] = {}
"""Keras 1 or BigDL name -> line."""


def _line(name: str, *required: str, _class: str = "", _renamed: Mapping[str, str] | None = None,
          _fixed: Mapping[str, Any] | None = None, _ignored: tuple[str, ...] = (), **optional: Any) -> None:
    LINES[name] = Line(required, {**optional, **(_fixed or {})}, _class or name, _renamed or {}, _fixed or {}, _ignored)


# ---- products
_line("Dense", "output_dim", init="glorot_uniform", activation=None, **_DENSE, **_CONSTRAINED, limits=None)
_line("TimeDistributedDense", "output_dim", init="glorot_uniform", activation=None, **_DENSE, input_length=None)
_line("MaxoutDense", "output_dim", nb_feature=4, **_DENSE, **_CONSTRAINED, init="glorot_uniform")
_line("Highway", activation=None, **_DENSE, **_CONSTRAINED, init="glorot_uniform")
_line("Embedding", "input_dim", "output_dim", init="uniform", weights=None, input_length=None, W_regularizer=None,
      mask_zero=False, activity_regularizer=None, W_constraint=None, dropout=0.0,
      _fixed={"padding_value": 0, "zero_based_id": True})
_line("SparseEmbedding", "input_dim", "output_dim", combiner="sum", init="uniform", W_regularizer=None,
      _renamed={"kernel_initializer": "embeddings_initializer", "kernel_regularizer": "embeddings_regularizer"},
      _fixed={"max_norm": -1.0})

# ---- convolutions
_CONVOLUTION: Config = {"init": "glorot_uniform", "activation": None, "border_mode": "valid"}
_line("Convolution1D", "nb_filter", "filter_length", **_CONVOLUTION, subsample_length=1, **_REGULAR, bias=True,
      **_CONSTRAINED, input_dim=None, input_length=None, limits=None)
_line("AtrousConvolution1D", "nb_filter", "filter_length", **_CONVOLUTION, subsample_length=1, atrous_rate=1,
      **_REGULAR, bias=True, **_CONSTRAINED, input_dim=None, input_length=None)
for _name, _sizes in (("Convolution2D", ("nb_row", "nb_col")),
                      ("Convolution3D", ("kernel_dim1", "kernel_dim2", "kernel_dim3"))):
    _line(_name, "nb_filter", *_sizes, **_CONVOLUTION, subsample=(1,) * len(_sizes), **_ORDER, **_REGULAR, bias=True,
          **_CONSTRAINED, limits=None, _fixed={"pads": None})
_line("ShareConvolution2D", "nb_filter", "nb_row", "nb_col", init="glorot_uniform", activation=None, subsample=(1, 1),
      **_ORDER, **_REGULAR, bias=True, _class="Convolution2D", _fixed={"pad_h": 0, "pad_w": 0, "propagate_back": True})
_line("AtrousConvolution2D", "nb_filter", "nb_row", "nb_col", **_CONVOLUTION, subsample=(1, 1), atrous_rate=(1, 1),
      **_ORDER, **_REGULAR, bias=True, **_CONSTRAINED)
_line("Deconvolution2D", "nb_filter", "nb_row", "nb_col", output_shape=None, **_CONVOLUTION, subsample=(1, 1),
      **_ORDER, **_REGULAR, bias=True, **_CONSTRAINED)
_line("SeparableConvolution2D", "nb_filter", "nb_row", "nb_col", **_CONVOLUTION, subsample=(1, 1), depth_multiplier=1,
      **_ORDER, depthwise_regularizer=None, pointwise_regularizer=None, b_regularizer=None, bias=True,
      activity_regularizer=None, depthwise_constraint=None, pointwise_constraint=None, b_constraint=None)
_line("LocallyConnected1D", "nb_filter", "filter_length", activation=None, border_mode="valid", subsample_length=1,
      **_REGULAR, bias=True, **_CONSTRAINED, init="glorot_uniform", input_dim=None, input_length=None)
_line("LocallyConnected2D", "nb_filter", "nb_row", "nb_col", activation=None, border_mode="valid", subsample=(1, 1),
      **_ORDER, **_REGULAR, bias=True, **_CONSTRAINED, init="glorot_uniform")

# ---- pooling
for _name in ("MaxPooling1D", "AveragePooling1D"):
    _line(_name, pool_length=2, stride=None, border_mode="valid", _fixed={"pad": 0})
_line("MaxPooling2D", pool_size=(2, 2), strides=None, border_mode="valid", **_ORDER, _fixed={"pads": None})
_line("AveragePooling2D", pool_size=(2, 2), strides=None, border_mode="valid", **_ORDER,
      _fixed={"pads": None, "count_include_pad": False})
for _name in ("MaxPooling3D", "AveragePooling3D"):
    _line(_name, pool_size=(2, 2, 2), strides=None, border_mode="valid", **_ORDER)
for _name in ("GlobalMaxPooling1D", "GlobalAveragePooling1D"):
    _line(_name)
for _name in ("GlobalMaxPooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling3D", "GlobalAveragePooling3D"):
    _line(_name, **_ORDER)

# ---- recurrence
_RECURRENT: Config = {
    "return_sequences": False, "go_backwards": False, "W_regularizer": None, "U_regularizer": None,
    "b_regularizer": None, "init": "glorot_uniform", "inner_init": "orthogonal"}
_STEPPED: Config = {"dropout_W": 0.0, "dropout_U": 0.0, "stateful": False, "unroll": False, "consume_less": "cpu",
                    "weights": None, "input_dim": None, "input_length": None}
_GATED: Config = {"activation": "tanh", "inner_activation": "hard_sigmoid"}
_line("SimpleRNN", "output_dim", activation="tanh", **_RECURRENT, **_STEPPED)
_line("LSTM", "output_dim", **_GATED, **_RECURRENT, forget_bias_init="one", **_STEPPED)
_line("GRU", "output_dim", **_GATED, **_RECURRENT, **_STEPPED)
_line("ConvLSTM2D", "nb_filter", "nb_row", "nb_col", **_GATED, **_ORDER, border_mode="valid", subsample=(1, 1),
      **_RECURRENT, forget_bias_init="one", dropout_W=0.0, dropout_U=0.0, stateful=False)
_line("ConvLSTM3D", "nb_filter", "nb_kernel", **_GATED, **_ORDER, border_mode="valid", subsample=(1, 1, 1),
      **_RECURRENT, _renamed={"nb_kernel": "kernel_size"})
_line("TimeDistributed", "layer")
_line("Bidirectional", "layer", merge_mode="concat")

# ---- shapes
_line("Flatten")
_line("Reshape", "target_shape")
_line("Permute", "dims")
_line("RepeatVector", "n", input_dim=None)
_line("ZeroPadding1D", padding=1)
_line("ZeroPadding2D", padding=(1, 1), **_ORDER)
_line("ZeroPadding3D", padding=(1, 1, 1), **_ORDER)
_line("Cropping1D", cropping=(1, 1))
_line("Cropping2D", cropping=((0, 0), (0, 0)), **_ORDER)
_line("Cropping3D", cropping=((1, 1), (1, 1), (1, 1)), **_ORDER)
_line("UpSampling1D", length=2)
_line("UpSampling2D", size=(2, 2), **_ORDER)
_line("UpSampling3D", size=(2, 2, 2), **_ORDER)
_line("ResizeBilinear", "output_height", "output_width", align_corner=False, **_ORDER,
      _renamed={"align_corner": "align_corners"})
_line("Select", "dim", "index")
_line("Narrow", "dim", "offset", length=1)
_line("Squeeze", dim=None)
_line("ExpandDim", "dim")
_line("Max", "dim", num_input_dims=None, return_value=True, _ignored=("num_input_dims",))
_line("SelectTable", "index")

# ---- noise, penalties and normalization
_line("Dropout", "p")
_line("GaussianDropout", "p")
_line("GaussianNoise", "sigma")
_line("SpatialDropout1D", p=0.5)
_line("SpatialDropout2D", p=0.5, **_ORDER)
_line("SpatialDropout3D", p=0.5, **_ORDER)
_line("Masking", mask_value=0.0)
_line("ActivityRegularization", l1=0.0, l2=0.0)
_line("BatchNormalization", epsilon=0.001, mode=0, axis=1, momentum=0.99, beta_init="zero", gamma_init="one",
      gamma_regularizer=None, beta_regularizer=None, weights=None, **_ORDER)
_line("LRN2D", alpha=1e-4, k=1.0, beta=0.75, n=5, **_ORDER)
_line("WithinChannelLRN2D", size=5, alpha=1.0, beta=0.75, **_ORDER)
_line("GaussianSampler")

# ---- activations and arithmetic
_line("Activation", "activation")
_line("ELU", alpha=1.0)
_line("LeakyReLU", alpha=0.01)
_line("ThresholdedReLU", theta=1.0)
_line("SReLU", t_left_init="zero", a_left_init="glorot_uniform", t_right_init="glorot_uniform", a_right_init="one",
      shared_axes=None)
_line("ParametricSoftplus", alpha_init=0.2, beta_init=5.0, shared_axes=None)
_line("RReLU", lower=1 / 8, upper=1 / 3)
_line("HardShrink", value=0.5)
_line("SoftShrink", value=0.5)
_line("HardTanh", min_value=-1.0, max_value=1.0)
_line("Threshold", th=1e-6, v=0.0)
_line("BinaryThreshold", value=1e-6)
_line("AddConstant", "constant")
_line("MulConstant", "constant")
_line("Power", "power", scale=1.0, shift=0.0)
_line("CAdd", "size", b_regularizer=None)
_line("CMul", "size", W_regularizer=None)
_line("Scale", "size")
for _name in ("Mul", "Exp", "Log", "Sqrt", "Square", "Negative", "Identity"):
    _line(_name)

ALIASES = {"Conv1D": "Convolution1D", "Conv2D": "Convolution2D", "Conv3D": "Convolution3D",
           "AtrousConv1D": "AtrousConvolution1D", "AtrousConv2D": "AtrousConvolution2D",
           "Deconv2D": "Deconvolution2D", "SeparableConv2D": "SeparableConvolution2D"}


def make(layer_name: str, /, *args: Any, **kwargs: Any) -> Layer:
    """The layer that Keras 1 or BigDL would make.

    Args:
        layer_name: a key of `LINES`.
        args, kwargs: as in Keras 1 and BigDL.

    Returns:
        One of our own layers: it trains, and is saved, as such.

    Raises:
        TypeError: an argument that the layer does not take.
        ValueError: an argument that nothing here answers for.
    """
    line = LINES[layer_name]
    try:
        bound = line.signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{layer_name}: {error}. It takes {line.signature}.") from None
    bound.apply_defaults()
    config = {key: value for key, value in bound.arguments.items() if value is not None or key not in _COMMON}
    for key, value in line.fixed.items():
        if config.pop(key) not in (value, (value, value)):
            raise ValueError(f"{layer_name} takes `{key}` for the sake of BigDL's signature; only {value!r} can be "
                             f"honoured here. Received {bound.arguments[key]!r}.{_INSTEAD.get(key, '')}")
    for key in (*line.ignored, "bigdl_type"):
        config.pop(key, None)
    return build(line.class_name, config, line.renamed)


_INSTEAD = dict.fromkeys(("pads", "pad", "pad_h", "pad_w"), " Put ZeroPadding before the layer.")


def build(class_name: str, config: Config, renamed: Mapping[str, str] | None = None) -> Layer:
    """The layer of a Keras 1 config whose values may be objects too.

    Raises:
        ValueError: the config asks for what this library does not have.
    """
    if class_name == "BatchNormalization":
        if config.pop("dim_ordering", None) == "tf" and config["axis"] == 1:
            config["axis"] = -1
    elif "dim_ordering" in config and config["dim_ordering"] is None:
        config["dim_ordering"] = backend.image_dim_ordering()
    shape = _entry_shape(class_name, config)
    weights = config.pop("weights", None)
    _apply_limits(config)
    kept = {key: config[key] for key in ("input_dim",) if key in config}
    reading = Reading(Version(1, "1.2.2"), _no_model, image_data_format=None)
    found, result = canonical_layer(class_name, config, reading)
    if reading.gaps:
        raise ValueError(f"{class_name} cannot be made as asked for: {'; '.join(reading.gaps)}.")
    result.pop("expanded", None)  # the axis that Merge(mode='cos') adds: merge() adds it
    if class_name == "SparseEmbedding":
        result |= kept
    result = {(renamed or {}).get(key, key): value for key, value in result.items()}
    layer: Layer = registry.find("layer", found)(**result, **shape)
    if weights is not None:
        fill(layer, weights)
    return layer


def fill(layer: Layer, weights: Any) -> None:
    """Give a layer these weights, now or when its shapes are known."""
    arrays = list(weights) if isinstance(weights, (list, tuple)) else [weights]
    if layer.built:
        layer.set_weights(arrays)
    else:
        around_build(layer, after=lambda _: layer.set_weights(arrays))


def around_build(layer: Layer, before: Callable[[Any], None] | None = None,
                 after: Callable[[Any], None] | None = None) -> None:
    """Run functions of the input shape before and after a layer makes its weights."""
    inner = layer.build

    @functools.wraps(inner)
    def build_with(input_shape: Any) -> None:
        if before is not None:
            before(input_shape)
        inner(input_shape)
        if after is not None:
            after(input_shape)

    layer.build = build_with  # type: ignore[method-assign]


def _entry_shape(class_name: str, config: Config) -> Config:
    """Take out of a config what only says the shape of a first layer's input."""
    own_input_dim = class_name in ("Embedding", "SparseEmbedding")
    length = config.pop("input_length", None)
    size = None if own_input_dim else config.pop("input_dim", None)
    config.pop("input_dtype", None)
    shape = config.pop("input_shape", None)
    batch_shape = config.pop("batch_input_shape", None)
    if batch_shape is not None:
        return {"batch_input_shape": tuple(batch_shape)}
    if shape is None and class_name == "Embedding":
        shape = (length,)
    if shape is None and size is not None:
        sequence = class_name in _OF_SEQUENCES
        shape = (length, size) if sequence or length is not None else (size,)
    return {} if shape is None else {"input_shape": (shape,) if isinstance(shape, int) else tuple(shape)}


_OF_SEQUENCES = ("Convolution1D", "AtrousConvolution1D", "LocallyConnected1D", "SimpleRNN", "LSTM", "GRU",
                 "TimeDistributedDense")


def _apply_limits(config: Config) -> None:
    """BigDL 2's `limits`: (low, high) of a uniform, (mean, deviation) of a normal initializer."""
    limits = config.pop("limits", None)
    if limits is None:
        return
    first, second = limits
    if config["init"] == "uniform":
        made = {"class_name": "RandomUniform", "config": {"minval": first, "maxval": second}}
    elif config["init"] == "normal":
        made = {"class_name": "RandomNormal", "config": {"mean": first, "stddev": second}}
    else:
        raise ValueError(f"`limits` goes with init='uniform' or init='normal'. Received init={config['init']!r}.")
    config["init"] = made


def _no_model(value: Any, reading: Reading) -> ModelSpec:
    raise ValueError("A layer stands where a serialized model was found.")


def factory(name: str) -> Callable[..., Layer]:
    """The function that a script calls as if it were the class of this name."""

    def layer(*args: Any, **kwargs: Any) -> Layer:
        return make(name, *args, **kwargs)

    line = LINES[name]
    layer.__name__ = layer.__qualname__ = name
    layer.__doc__ = f"BigDL's and Keras 1's {name}{line.signature}."
    layer.__signature__ = line.signature  # type: ignore[attr-defined]
    layer.__module__ = "bigdl_keras.keras1.layers"
    return layer
