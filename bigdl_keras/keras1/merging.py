"""Keras 1 had one layer for all ways to make one tensor of several; the mode chooses among ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.autograd import Lambda
from bigdl_keras.keras1.layer_table import build
from bigdl_keras.layers import Layer, Minimum, Subtract
from bigdl_keras.registry import suggestion

_OF_FILES = ("sum", "mul", "concat", "ave", "cos", "dot", "max")
_BIGDL: dict[str, type[Layer]] = {"sub": Subtract, "min": Minimum}
MODES = (*_OF_FILES, *_BIGDL, "div")


def merge(inputs: Sequence[Any], mode: str | Callable[..., Any] = "sum", concat_axis: int = -1,
          name: str | None = None, dot_axes: Any = -1, output_shape: Any = None, **unused: Any) -> Any:
    """One tensor of several.

    Args:
        inputs: the tensors.
        mode: 'sum', 'mul', 'concat', 'ave', 'cos', 'dot', 'max', 'sub', 'div', 'min', or a function of the list.
        concat_axis: axis along which 'concat' joins; it counts the batch as 0.
        name: of the layer.
        dot_axes: axes that 'dot' and 'cos' sum over.
        output_shape: accepted for Keras 1's signature; shapes are inferred.

    Returns:
        The tensor. 'cos' of two matrices gives (batch, 1, 1), as Keras 1 and BigDL do.

    Raises:
        ValueError: there is no such mode, or the shapes do not fit it.
    """
    inputs = list(inputs)
    if callable(mode):
        return Lambda(mode, name=name)(inputs)
    if mode not in MODES:
        raise ValueError(f"There is no merge mode {mode!r}. The modes are {MODES}.{suggestion(mode, MODES)}")
    if mode == "div":
        if len(inputs) != 2:
            raise ValueError(f"The merge mode 'div' takes exactly 2 inputs. Received {len(inputs)}.")
        return ops.divide(*inputs)
    if mode in _BIGDL:
        return _BIGDL[mode](name=name)(inputs)
    named = {} if name is None else {"name": name}
    merged = build("Merge", {"mode": mode, "concat_axis": concat_axis, "dot_axes": dot_axes, **named})(inputs)
    return ops.expand_dims(merged, 1) if mode == "cos" else merged


class Merge:
    """`merge` to be called later: on a list of tensors, or as the first layer of a Sequential that has branches.

    Args:
        layers: the branches, models each with its own input, for a Sequential; None for a call.
        mode, concat_axis, dot_axes, output_shape, name: as for `merge`.

    Raises:
        ValueError: there is no such mode.
    """

    def __init__(self, layers: Sequence[Any] | None = None, mode: str | Callable[..., Any] = "sum",
                 concat_axis: int = -1, dot_axes: Any = -1, output_shape: Any = None, name: str | None = None,
                 **unused: Any) -> None:
        if not callable(mode) and mode not in MODES:
            raise ValueError(f"There is no merge mode {mode!r}. The modes are {MODES}.{suggestion(mode, MODES)}")
        self.layers = None if layers is None else list(layers)
        self.arguments = {"mode": mode, "concat_axis": concat_axis, "dot_axes": dot_axes, "name": name}

    def __call__(self, inputs: Sequence[Any]) -> Any:
        return merge(inputs, **self.arguments)
