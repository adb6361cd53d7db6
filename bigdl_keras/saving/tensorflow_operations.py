"""A function of TensorFlow that tf.keras stored as a layer becomes a call of ours, or a gap that is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import numpy as np

from .spec import Call, tensors_of

Kwargs = dict[str, Any]

_SAME_NAME = {
    "math": "abs acos acosh asin asinh atan atanh add ceil cos cosh divide equal erf exp expm1 floor greater "
    "greater_equal less less_equal log log1p log_sigmoid logical_and logical_not logical_or maximum minimum multiply "
    "negative not_equal pow reciprocal round rsqrt sigmoid sign sin sinh softplus sqrt square subtract tan tanh "
    "truediv floordiv floormod mod argmax argmin is_finite is_inf is_nan",
    "nn": "elu gelu leaky_relu log_softmax relu relu6 selu sigmoid silu softmax softplus softsign swish tanh",
    "__operators__": "add subtract multiply truediv floordiv",
}
_OUR_NAME = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh",
    "floordiv": "floor_divide", "floormod": "mod", "is_finite": "isfinite", "is_inf": "isinf", "is_nan": "isnan",
    "pow": "power", "swish": "silu", "truediv": "divide",
}  # fmt: skip
_REDUCTIONS = {"mean": "mean", "sum": "sum", "max": "max", "min": "min", "prod": "prod", "any": "any", "all": "all",
               "std": "std", "variance": "var", "logsumexp": "logsumexp"}
# TensorFlow name -> (ours, names of the arguments after the first in order, names that change)
_FUNCTIONS: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    **{
        f"{place}.{name}": (_OUR_NAME.get(name, name), ("y",), {"logits": "x", "alpha": "negative_slope"})
        for place, names in _SAME_NAME.items()
        for name in names.split()
    },
    **{f"math.reduce_{name}": (ours, (), {}) for name, ours in _REDUCTIONS.items()},
    "math.scalar_mul": ("multiply", ("x",), {}),
    "math.divide_no_nan": ("divide_no_nan", ("y",), {}),
    "compat.v1.floor_div": ("floor_divide", ("y",), {}),
    "math.erfc": ("erfc", (), {}),
    "math.rint": ("round", (), {}),
    "math.count_nonzero": ("count_nonzero", (), {}),
    "stop_gradient": ("stop_gradient", (), {}),
    "linalg.det": ("det", (), {}),
    "linalg.inv": ("inv", (), {}),
    "math.l2_normalize": ("normalize", (), {}),
    "nn.l2_normalize": ("normalize", (), {}),
    "linalg.matmul": ("matmul", ("b",), {}),
    "tensordot": ("tensordot", ("b", "axes"), {}),
    "concat": ("concatenate", (), {}),
    "stack": ("stack", (), {}),
    "unstack": ("unstack", (), {}),
    "reshape": ("reshape", ("shape",), {}),
    "transpose": ("transpose", (), {"perm": "axes"}),
    "compat.v1.transpose": ("transpose", (), {"perm": "axes"}),
    "expand_dims": ("expand_dims", (), {}),
    "squeeze": ("squeeze", (), {}),
    "compat.v1.squeeze": ("squeeze", (), {}),
    "cast": ("cast", ("dtype",), {}),
    "clip_by_value": ("clip", ("clip_value_min", "clip_value_max"), {}),
    "tile": ("tile", ("multiples",), {}),
    "repeat": ("repeat", ("repeats",), {}),
    "roll": ("roll", ("shift",), {}),
    "reverse": ("flip", (), {}),
    "identity": ("identity", (), {}),
    "where": ("where", ("x", "y"), {}),
    "zeros_like": ("zeros_like", (), {}),
    "ones_like": ("ones_like", (), {}),
    "broadcast_to": ("broadcast_to", ("shape",), {}),
    "slice": ("slice", ("begin", "size"), {}),
    "split": ("split", ("indices_or_sections",), {}),
    "one_hot": ("one_hot", ("depth",), {}),
    "sort": ("sort", (), {}),
    "math.cumsum": ("cumsum", (), {}),
    "math.cumprod": ("cumprod", (), {}),
    "norm": ("norm", (), {}),
    "compat.v1.norm": ("norm", (), {}),
    "gather": ("take", ("indices",), {}),
    "compat.v1.gather": ("take", ("indices",), {}),
    "pad": ("pad", ("paddings",), {}),
    "compat.v1.pad": ("pad", ("paddings",), {}),
    "image.resize": ("resize", ("size",), {"method": "interpolation"}),
    **{f"nn.max_pool{end}": ("max_pool", ("ksize", "strides", "padding"), {}) for end in ("", "1d", "2d", "3d")},
    **{f"nn.avg_pool{end}": ("average_pool", ("ksize", "strides", "padding"), {}) for end in ("", "1d", "2d", "3d")},
}
_NOISE = (
    "name",
    "adjoint_a",
    "adjoint_b",
    "a_is_sparse",
    "b_is_sparse",
    "output_type",
    "conjugate",
    "grad_a",
    "grad_b",
    "validate_indices",
)


# Arguments whose None or False is not what is meant without them; of the others it is.
_SAID = ("axis", "approximate")


def without_noise(kwargs: Mapping[str, Any]) -> Kwargs:
    """The arguments of a TensorFlow function that say what it computes."""
    return {key: value for key, value in kwargs.items() if key not in _NOISE}


class _OtherMeaning(Exception):
    """The arguments ask for something that our function does not do."""


def tensorflow_call(function: str, call: Call) -> tuple[str, Call] | None:
    """Our function and its call for one of TensorFlow's; None where there is none that does the same."""
    if function not in _FUNCTIONS:
        return None
    ours, positions, renamed = _FUNCTIONS[function]
    kwargs = without_noise(call.kwargs)
    try:
        kwargs = _ADAPTED[ours](kwargs) if ours in _ADAPTED else kwargs
    except _OtherMeaning:
        return None
    said = {key: value for key, value in kwargs.items() if key in _SAID or (value is not None and value is not False)}
    args = (*call.args, *(said.pop(key) for key in positions if key in said))
    if function.startswith(("math.", "__operators__.", "tensordot", "linalg.")):
        args = (*map(_as_array, args[:2]), *args[2:])
    return ours, Call(args, {renamed.get(key, key): value for key, value in said.items()})


def _as_array(value: Any) -> Any:
    """A constant, which files hold as nested lists, as an array; anything else as it is."""
    if not isinstance(value, list) or tensors_of(value):
        return value
    array = np.asarray(value)
    return array.astype({"i": np.int32, "f": np.float32}.get(array.dtype.kind, array.dtype))


def _only(kwargs: Kwargs, **accepted: tuple[Any, ...]) -> Kwargs:
    """`kwargs` without arguments that may only have one of the `accepted` values, which are ours."""
    for key, values in accepted.items():
        if key in kwargs and kwargs[key] not in values:
            raise _OtherMeaning
    return {key: value for key, value in kwargs.items() if key not in accepted}


def _known_shape(kwargs: Kwargs) -> Kwargs:
    """A shape of numbers; one that the graph computes is for `models.tensorflow_functions`."""
    shape = kwargs.get("shape")
    if not isinstance(shape, list | tuple) or not all(isinstance(size, int) for size in shape):
        raise _OtherMeaning
    return kwargs


def _split(kwargs: Kwargs) -> Kwargs:
    sizes = kwargs.pop("num_or_size_splits", None)
    if isinstance(sizes, list):
        if -1 in sizes:
            raise _OtherMeaning
        sizes = list(accumulate(sizes))[:-1]
    return {"indices_or_sections": sizes, **_only(kwargs, num=(None,))}


def _flip(kwargs: Kwargs) -> Kwargs:
    axes = kwargs.pop("axis", None)
    if isinstance(axes, list):
        if len(axes) != 1:
            raise _OtherMeaning
        axes = axes[0]
    return {**kwargs, "axis": axes}


def _pad(kwargs: Kwargs) -> Kwargs:
    mode = str(kwargs.pop("mode", "CONSTANT")).lower()
    return kwargs if mode == "constant" else {**_only(kwargs, constant_values=(0, 0.0, None)), "mode": mode}


def _take(kwargs: Kwargs) -> Kwargs:
    kwargs = _only(kwargs, batch_dims=(0, None))
    return {**kwargs, "axis": kwargs.get("axis") or 0}


def _pool(kwargs: Kwargs) -> Kwargs:
    kwargs = _only(kwargs, data_format=("NHWC", "NWC", "NDHWC", None))
    for key in ("ksize", "strides"):
        value = kwargs.get(key)
        if isinstance(value, list) and len(value) > 3:
            if value[0] != 1 or value[-1] != 1:
                raise _OtherMeaning
            kwargs[key] = value[1:-1]
    return {**kwargs, "padding": str(kwargs.get("padding")).lower()}


_ADAPTED: dict[str, Callable[[Kwargs], Kwargs]] = {
    "matmul": lambda kwargs: _only(kwargs, transpose_a=(False, None), transpose_b=(False, None)),
    "count_nonzero": lambda kwargs: _only(kwargs, keepdims=(False, None), dtype=("int64", None)),
    "reshape": _known_shape,
    "broadcast_to": _known_shape,
    "gelu": lambda kwargs: {"approximate": False, **kwargs},
    "split": _split,
    "flip": _flip,
    "pad": _pad,
    "take": _take,
    "max_pool": _pool,
    "average_pool": _pool,
    "one_hot": lambda kwargs: _only(kwargs, on_value=(1, 1.0, None), off_value=(0, 0.0, None)),
    "sort": lambda kwargs: _only(kwargs, direction=("ASCENDING",)),
    "cumsum": lambda kwargs: {"axis": 0, **_only(kwargs, exclusive=(False,), reverse=(False,))},
    "cumprod": lambda kwargs: {"axis": 0, **_only(kwargs, exclusive=(False,), reverse=(False,))},
    "norm": lambda kwargs: _only(kwargs, ord=("euclidean", 2)),
    "resize": lambda kwargs: _only(kwargs, preserve_aspect_ratio=(False, None)),
    "argmax": lambda kwargs: {"axis": 0, **kwargs},
    "argmin": lambda kwargs: {"axis": 0, **kwargs},
}
