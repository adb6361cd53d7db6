"""Layer configs of Keras 1: old argument names become those of Keras 3."""

from __future__ import annotations

from typing import Any

from .objects import Reading, refuse_code

Config = dict[str, Any]

_RENAMED = {
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "bias": "use_bias",
    "nb_filter": "filters",
    "subsample": "strides",
    "border_mode": "padding",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "atrous_rate": "dilation_rate",
}
_DROPPED = ("consume_less", "output_mask", "output_mask_type", "output_shape_type", "mode_type", "transform_bias")
# Keras 1 name -> Keras 3 name
_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconv2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}
_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
# Layers of images whose config does not say which axis holds the channels.
_FORGETFUL = ("ZeroPadding2D", "ZeroPadding3D", "Cropping2D", "Cropping3D", "UpSampling2D", "UpSampling3D")


def translate(class_name: str, config: Config, reading: Reading) -> tuple[str, Config]:
    """The Keras 3 class name and config of a Keras 1 layer.

    Layers that Keras 3 does not have keep their names: Highway, MaxoutDense (units, nb_feature), SReLU,
    ParametricSoftplus, ThresholdedReLU, LocallyConnected1D and LocallyConnected2D.
    """
    if class_name == "Merge":
        return _merge(config, reading)
    result = {_RENAMED.get(key, key): value for key, value in config.items() if key not in _DROPPED}
    if "dim_ordering" in result:
        order = result.pop("dim_ordering")
        result["data_format"] = _DATA_FORMATS.get(order, reading.image_data_format or "channels_last")
    elif class_name in _FORGETFUL:
        result["data_format"] = reading.image_data_format or "channels_last"
    name = _CLASSES.get(class_name, class_name)
    rule = _RULES.get(class_name)
    if rule is not None:
        result = rule(result, reading)
    if result.get("padding") == "full":
        reading.gap(f"layer '{config.get('name')}': border_mode='full'")
    return name, result


def find_data_format(entry: Any, backend: str | None) -> str:
    """The image format of a whole model, for the layers that do not say it: that of the layers that do.

    Where none does, the input shape tells: images have more rows and columns than channels.
    """
    pending, guess = [entry], None
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if item.get("dim_ordering") in _DATA_FORMATS:
                return _DATA_FORMATS[item["dim_ordering"]]
            shape = item.get("batch_input_shape")
            if isinstance(shape, list) and len(shape) > 3 and all(isinstance(size, int) for size in shape[1:]):
                guess = "channels_first" if shape[1] < min(shape[2:]) else "channels_last"
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return guess or ("channels_first" if backend == "theano" else "channels_last")


def _take(config: Config, **names: str) -> Config:
    """Rename old=new."""
    return {names.get(key, key): value for key, value in config.items()}


def _units(config: Config, reading: Reading) -> Config:
    return _take(config, output_dim="units")


def _convolution(*sizes: str) -> Any:
    def rule(config: Config, reading: Reading) -> Config:
        result = {key: value for key, value in config.items() if key not in sizes}
        result["kernel_size"] = [config[size] for size in sizes]
        return result

    return rule


def _convolution_1d(config: Config, reading: Reading) -> Config:
    result = _take(config, subsample_length="strides", filter_length="kernel_size")
    for key in ("kernel_size", "strides", "dilation_rate"):
        if isinstance(result.get(key), int):
            result[key] = [result[key]]
    return {**result, "data_format": "channels_last"}


def _transposed(config: Config, reading: Reading) -> Config:
    """Keras 1 states the size of the output, later Keras what it has beyond the least size that fits."""
    result: Config = _convolution("nb_row", "nb_col")(config, reading)
    shape = result.pop("output_shape", None)
    if not isinstance(shape, list) or len(shape) != 4:
        return result
    sizes = shape[2:] if result.get("data_format") == "channels_first" else shape[1:3]
    extra, usual = [], []
    for size, kernel, stride in zip(sizes, result["kernel_size"], result.get("strides", [1, 1]), strict=True):
        if not isinstance(size, int):
            return result
        cut = 2 * (kernel // 2) if result.get("padding") == "same" else 0
        extra.append((size - kernel + cut) % stride)
        usual.append((cut - kernel if result.get("padding") == "same" else max(-kernel, -stride)) % stride)
    return result if extra == usual else {**result, "output_padding": extra}


def _separable(config: Config, reading: Reading) -> Config:
    result: Config = _convolution("nb_row", "nb_col")(config, reading)
    start = result.pop("kernel_initializer", None)
    return {**result, "depthwise_initializer": start, "pointwise_initializer": start}


def _locally_connected_1d(config: Config, reading: Reading) -> Config:
    return {**_convolution_1d(config, reading), "implementation": 1}


def _locally_connected_2d(config: Config, reading: Reading) -> Config:
    return {**_convolution("nb_row", "nb_col")(config, reading), "implementation": 1}


def _pooling_1d(config: Config, reading: Reading) -> Config:
    return {**_take(config, pool_length="pool_size", stride="strides"), "data_format": "channels_last"}


def _recurrent(config: Config, reading: Reading) -> Config:
    result = _take(config, output_dim="units")
    if "forget_bias_init" in result:
        result["unit_forget_bias"] = result.pop("forget_bias_init") in ("one", "ones")
    return {**result, "use_bias": True}


def _gated(config: Config, reading: Reading) -> Config:
    return {**_recurrent(config, reading), "reset_after": False}


def _convolutional_lstm(config: Config, reading: Reading) -> Config:
    return _recurrent(_convolution("nb_row", "nb_col")(config, reading), reading)


def _embedding(config: Config, reading: Reading) -> Config:
    result = _take(
        config,
        kernel_initializer="embeddings_initializer",
        kernel_regularizer="embeddings_regularizer",
        kernel_constraint="embeddings_constraint",
    )
    if not result.get("dropout"):
        result.pop("dropout", None)
    return result


def _batch_normalization(config: Config, reading: Reading) -> Config:
    result = _take(config, gamma_init="gamma_initializer", beta_init="beta_initializer")
    if result.get("mode") == 0:
        del result["mode"]
    if reading.version.backend == "theano":
        result["moving_variance_update"] = "biased_plus_epsilon"
    return result


def _padding_2d(config: Config, reading: Reading) -> Config:
    padding = config["padding"]
    if isinstance(padding, dict):
        padding = [padding.get(side, 0) for side in ("top_pad", "bottom_pad", "left_pad", "right_pad")]
    if isinstance(padding, list) and len(padding) == 4:
        padding = [padding[:2], padding[2:]]
    return {**config, "padding": padding}


def _padding_1d(config: Config, reading: Reading) -> Config:
    padding = config["padding"]
    if isinstance(padding, dict):
        padding = [padding.get("left_pad", 0), padding.get("right_pad", 0)]
    return {**config, "padding": padding}


def _flatten(config: Config, reading: Reading) -> Config:
    return {**config, "data_format": "channels_last"}  # Keras 1 flattens in the order in which numbers lie


def _rate(config: Config, reading: Reading) -> Config:
    return _take(config, p="rate")


def _starts(config: Config, reading: Reading) -> Config:
    """SReLU: t_left_init -> t_left_initializer."""
    return {
        key.replace("_init", "_initializer") if key.endswith("_init") else key: value for key, value in config.items()
    }


_RULES: dict[str, Any] = {
    "Dense": _units,
    "SparseDense": _units,
    "TimeDistributedDense": _units,
    "MaxoutDense": _units,
    "Convolution1D": _convolution_1d,
    "AtrousConvolution1D": _convolution_1d,
    "AtrousConv1D": _convolution_1d,
    "Conv1D": _convolution_1d,
    **dict.fromkeys(
        ("Convolution2D", "AtrousConvolution2D", "AtrousConv2D", "Conv2D"), _convolution("nb_row", "nb_col")
    ),
    **dict.fromkeys(("Convolution3D", "Conv3D"), _convolution("kernel_dim1", "kernel_dim2", "kernel_dim3")),
    "Deconvolution2D": _transposed,
    "Deconv2D": _transposed,
    "SeparableConvolution2D": _separable,
    "SeparableConv2D": _separable,
    "LocallyConnected1D": _locally_connected_1d,
    "LocallyConnected2D": _locally_connected_2d,
    "MaxPooling1D": _pooling_1d,
    "AveragePooling1D": _pooling_1d,
    "SimpleRNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _gated,
    "ConvLSTM2D": _convolutional_lstm,
    "Embedding": _embedding,
    "BatchNormalization": _batch_normalization,
    "ZeroPadding1D": _padding_1d,
    "ZeroPadding2D": _padding_2d,
    "UpSampling1D": lambda config, reading: _take(config, length="size"),
    "Flatten": _flatten,
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout"), _rate),
    "GaussianNoise": lambda config, reading: _take(config, sigma="stddev"),
    "LeakyReLU": lambda config, reading: _take(config, alpha="negative_slope"),
    "PReLU": lambda config, reading: _take(config, kernel_initializer="alpha_initializer"),
    "SReLU": _starts,
}


def _merge(config: Config, reading: Reading) -> tuple[str, Config]:
    """Merge(mode=...) becomes the layer of that mode."""
    name, mode = config.get("name"), config.get("mode")
    common = {"name": name, "trainable": config.get("trainable", True)}
    if config.get("mode_type", "raw") != "raw" or mode not in _MERGES:
        if isinstance(mode, list):
            refuse_code(f"the mode of Merge layer '{name}'", reading)
        else:
            reading.gap(f"layer '{name}': Merge with mode {str(mode)[:60]!r} ({config.get('mode_type')})")
        return "Add", common
    if mode == "concat":
        return "Concatenate", {**common, "axis": config.get("concat_axis", -1)}
    if mode in ("dot", "cos"):
        axes = config.get("dot_axes", -1)
        if isinstance(axes, list):
            axes = [axis[0] if isinstance(axis, list) else axis for axis in axes]
        return "Dot", {
            **common,
            "axes": axes,
            "normalize": mode == "cos",
            **({"expanded": True} if mode == "cos" else {}),
        }
    return _MERGES[str(mode)], common
