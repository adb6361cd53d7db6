"""Layers that BigDL took over from Torch; axes are counted with the batch as axis 0, which cannot be chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import Dense
from bigdl_keras.registry import register


def _one_operation(name: str, meaning: str, operation: Callable[[Any], Any]) -> type[Layer]:
    """A layer without arguments that applies one operation."""

    def call(self: Layer, inputs: Any) -> Any:
        return operation(inputs)

    layer = type(name, (Layer,), {"call": call, "__doc__": f"{meaning}, element by element.", "__module__": __name__})
    return register("layer")(layer)  # type: ignore[no-any-return]


Exp = _one_operation("Exp", "e to the power of x", ops.exp)
Log = _one_operation("Log", "Natural logarithm", ops.log)
Sqrt = _one_operation("Sqrt", "Square root", ops.sqrt)
Square = _one_operation("Square", "x * x", ops.square)
Negative = _one_operation("Negative", "-x", ops.negative)


@register("layer")
class Power(Layer):
    """(shift + scale * x) to the power of `power`.

    Args:
        power: the exponent.
        scale, shift: applied before.
    """

    def __init__(self, power: float, scale: float = 1.0, shift: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return ops.power(inputs * self.scale + self.shift, float(self.power))


@register("layer")
class AddConstant(Layer):
    """x + constant.

    Args:
        constant: the number.
    """

    def __init__(self, constant: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return inputs + float(self.constant)


@register("layer")
class MulConstant(Layer):
    """x * constant.

    Args:
        constant: the number.
    """

    def __init__(self, constant: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return inputs * float(self.constant)


@register("layer")
class Mul(Layer):
    """x times one trained number."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((1,), "uniform", name="kernel")

    def call(self, inputs: Any) -> Any:
        return inputs * self.kernel


class _Broadcast(Layer):
    """Base of layers with weights of a given shape that broadcast over the input."""

    def __init__(self, size: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"size": tuple(size)})


@register("layer")
class CAdd(_Broadcast):
    """x + bias, with a trained bias that broadcasts.

    Args:
        size: shape of the bias.
        bias_regularizer: penalty on it.
    """

    def __init__(self, size: Sequence[int], bias_regularizer: Any = None, **kwargs: Any) -> None:
        super().__init__(size, **kwargs)
        self.keep({"bias_regularizer": bias_regularizer})

    def build(self, input_shape: Any) -> None:
        self.bias = self.add_weight(self.size, "zeros", regularizer=self.bias_regularizer, name="bias")

    def call(self, inputs: Any) -> Any:
        return inputs + self.bias


@register("layer")
class CMul(_Broadcast):
    """x * kernel, with a trained kernel that broadcasts.

    Args:
        size: shape of the kernel.
        kernel_regularizer: penalty on it.
    """

    def __init__(self, size: Sequence[int], kernel_regularizer: Any = None, **kwargs: Any) -> None:
        super().__init__(size, **kwargs)
        self.keep({"kernel_regularizer": kernel_regularizer})

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(self.size, "ones", regularizer=self.kernel_regularizer, name="kernel")

    def call(self, inputs: Any) -> Any:
        return inputs * self.kernel


@register("layer")
class Scale(_Broadcast):
    """x * kernel + bias, both trained, which broadcast.

    Args:
        size: shape of both.
    """

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(self.size, "ones", name="kernel")
        self.bias = self.add_weight(self.size, "zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        return inputs * self.kernel + self.bias


@register("layer")
class HardTanh(Layer):
    """min(max(x, min_value), max_value).

    Args:
        min_value, max_value: the bounds.
    """

    def __init__(self, min_value: float = -1.0, max_value: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return ops.clip(inputs, float(self.min_value), float(self.max_value))


@register("layer")
class HardShrink(Layer):
    """x outside [-value, value], 0 within.

    Args:
        value: the bound.
    """

    def __init__(self, value: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return ops.hard_shrink(inputs, self.value)


@register("layer")
class SoftShrink(Layer):
    """x drawn towards 0 by `value`, 0 within it.

    Args:
        value: the bound.
    """

    def __init__(self, value: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return ops.soft_shrink(inputs, self.value)


@register("layer")
class Threshold(Layer):
    """x where above `th`, `v` elsewhere.

    Args:
        th: the threshold.
        v: the number below it.
    """

    def __init__(self, th: float = 1e-6, v: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return ops.threshold(inputs, self.th, self.v)


@register("layer")
class BinaryThreshold(Layer):
    """1 where x is above `value`, 0 elsewhere.

    Args:
        value: the threshold.
    """

    def __init__(self, value: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return ops.cast(ops.greater(inputs, self.value), ops.dtype_of(inputs))


def _axis(layer: str, axis: int) -> int:
    if axis == 0:
        raise ValueError(f"{layer} cannot work on axis 0, the rows of the batch.")
    return axis


@register("layer")
class Select(Layer):
    """One slice along an axis, without that axis.

    Args:
        dim: the axis.
        index: place of the slice; negative from the end.
    """

    def __init__(self, dim: int, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"dim": _axis("Select", dim), "index": index})

    def call(self, inputs: Any) -> Any:
        return inputs[(slice(None),) * (self.dim % len(inputs.shape)) + (self.index,)]


@register("layer")
class Narrow(Layer):
    """Neighbouring slices along an axis.

    Args:
        dim: the axis.
        offset: the first slice.
        length: how many; -1 for all that follow.
    """

    def __init__(self, dim: int, offset: int, length: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"dim": _axis("Narrow", dim), "offset": offset, "length": length})

    def call(self, inputs: Any) -> Any:
        stop = None if self.length == -1 else self.offset + self.length
        return inputs[(slice(None),) * (self.dim % len(inputs.shape)) + (slice(self.offset, stop),)]


@register("layer")
class Squeeze(Layer):
    """The input without axes of size 1.

    Args:
        dim: an axis or several; None for all but the batch.
    """

    def __init__(self, dim: int | Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        axes = [axis for axis, size in enumerate(inputs.shape) if axis and size == 1] if self.dim is None else self.dim
        return ops.squeeze(inputs, axes) if axes != [] else inputs


@register("layer")
class ExpandDim(Layer):
    """The input with a new axis of size 1.

    Args:
        dim: its place.
    """

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"dim": _axis("ExpandDim", dim)})

    def call(self, inputs: Any) -> Any:
        return ops.expand_dims(inputs, self.dim)


@register("layer")
class Max(Layer):
    """Largest element along an axis, or its place.

    Args:
        dim: the axis.
        return_value: False answers with the places.
    """

    def __init__(self, dim: int, return_value: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"dim": _axis("Max", dim), "return_value": return_value})

    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self.dim) if self.return_value else ops.argmax(inputs, axis=self.dim)


@register("layer")
class SelectTable(Layer):
    """One of several inputs.

    Args:
        index: its place.
    """

    def __init__(self, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return inputs[self.index]


@register("layer")
class GaussianSampler(Layer):
    """mean + exp(log_variance / 2) * noise, of [mean, log_variance]: a draw that gradients pass (Kingma, 2013)."""

    def call(self, inputs: Any) -> Any:
        mean, log_variance = inputs
        return mean + ops.exp(log_variance * 0.5) * apply("random_normal_like", ops.stop_gradient(mean))


@register("layer")
class SparseDense(Dense):
    """Dense for rows that are mostly zeros, through which no gradient reaches its input but in a window.

    (batch, features) gives (batch, units). Rows of the data may come as vectors of pyspark.ml or as sparse tensors of
    BigDL's samples; a block holds them in full. Where most of very many features are absent, give the numbers of
    those present to a SparseEmbedding instead, which is the same sum.

    Args:
        units, activation, use_bias, kernel_*, bias_*, activity_regularizer: as in Dense.
        backward_start: first feature whose gradient is handed on, counted from 1; -1 for none.
        backward_length: how many are; -1 for none.

    Raises:
        ValueError: only one of the two is given, or the window goes past the features.
    """

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, backward_start: int = -1,
                 backward_length: int = -1, **kwargs: Any) -> None:
        super().__init__(units, activation, use_bias, **kwargs)
        self.keep({"backward_start": backward_start, "backward_length": backward_length})
        if (backward_start > 0) != (backward_length > 0):
            raise ValueError("`backward_start` (from 1) and `backward_length` of SparseDense go together; -1 and -1 "
                             f"for no gradient. Received {backward_start} and {backward_length}.")

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.backward_start > 0 and self.backward_start - 1 + self.backward_length > input_shape[-1]:
            raise ValueError(f"Layer '{self.name}' (SparseDense) hands on the gradients of {self.backward_length} "
                             f"features from {self.backward_start} on. Its input has {input_shape[-1]}.")

    def call(self, inputs: Any) -> Any:
        fixed = ops.stop_gradient(inputs)
        if self.backward_start <= 0:
            return super().call(fixed)
        first = self.backward_start - 1
        last = first + self.backward_length
        return super().call(ops.concatenate([fixed[..., :first], inputs[..., first:last], fixed[..., last:]], axis=-1))


@register("layer")
class SparseEmbedding(Layer):
    """The vectors of several integers combined into one: (batch, n) gives (batch, output_dim); 0 is padding.

    Args:
        input_dim: largest integer; the table has no vector for 0.
        output_dim: length of a vector.
        combiner: "sum", "mean" or "sqrtn" (the sum divided by the root of the count).
        embeddings_initializer, embeddings_regularizer: of the table.
    """

    def __init__(self, input_dim: int, output_dim: int, combiner: str = "sum", embeddings_initializer: Any = "uniform",
                 embeddings_regularizer: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        if combiner not in ("sum", "mean", "sqrtn"):
            raise ValueError(f"`combiner` of SparseEmbedding must be 'sum', 'mean' or 'sqrtn'. Received {combiner!r}.")

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_own_weight("embeddings", (self.input_dim, self.output_dim))

    def _input_dtype(self) -> str:
        return "int32"

    def call(self, inputs: Any) -> Any:
        whole = ops.cast(inputs, "int32")
        vectors = apply("embedding", self.embeddings, ops.maximum(whole - 1, 0))
        valid = ops.expand_dims(ops.cast(ops.greater(whole, 0), ops.dtype_of(vectors)), -1)
        total = ops.sum(vectors * valid, axis=1)
        count = ops.maximum(ops.sum(valid, axis=1), 1.0)
        if self.combiner == "sum":
            return total
        return total / (count if self.combiner == "mean" else ops.sqrt(count))
