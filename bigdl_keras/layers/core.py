"""Layers of general use: products with a kernel, tables of vectors, functions as layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops, registry
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.registry import register


@register("layer")
class Dense(Layer):
    """activation(x @ kernel + bias) on the last axis: (batch, ..., features) gives (batch, ..., units).

    Args:
        units: size of the last axis of the output.
        activation: function of the result; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: initial values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Raises:
        ValueError: `units` is not positive, or the input has no known last axis.
    """

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, *, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.units = positive("Dense", "units", units)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        features = input_shape[-1]
        if features is None:
            raise ValueError(f"Layer '{self.name}' (Dense) needs a known last axis. Received shape {input_shape}.")
        self.kernel = self.add_own_weight("kernel", (features, self.units))
        self.bias = self.add_own_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs: Any) -> Any:
        outputs = ops.dense(inputs, self.kernel, self.bias) if self.use_bias else ops.matmul(inputs, self.kernel)
        return self.activation(outputs)


@register("layer")
class EinsumDense(Layer):
    """activation(einsum(equation, x, kernel) + bias).

    Args:
        equation: such as "ab,bc->ac": input and kernel to output; "..." stands for leading axes of the input.
        output_shape: shape of a row of the output, None on axes taken from the input; an int for the last axis.
        activation: function of the result.
        bias_axes: letters of the output's axes that the bias has; None for no bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: as in Dense.

    Raises:
        ValueError: the equation does not fit the shapes.
    """

    def __init__(self, equation: str, output_shape: Any, activation: Any = None, bias_axes: str | None = None,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if "->" not in equation or "," not in equation:
            raise ValueError(f"`equation` of EinsumDense must look like 'ab,bc->ac'. Received {equation!r}.")
        self.keep(locals())
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)

    def build(self, input_shape: Any) -> None:
        source, _, target = self.equation.replace(" ", "").partition("->")
        first, kernel = source.split(",")
        sizes = self._sizes(first, target, input_shape)
        missing = [letter for letter in kernel if letter not in sizes]
        if missing:
            raise ValueError(f"Layer '{self.name}' (EinsumDense): the axis '{missing[0]}' of the kernel is neither in "
                             f"the input nor in the output of '{self.equation}'.")
        self.kernel = self.add_own_weight("kernel", tuple(sizes[letter] for letter in kernel))
        self.bias = None
        if self.bias_axes:
            letters = target.replace("...", "")
            first_bias = min(letters.index(letter) for letter in self.bias_axes)
            shape = tuple(sizes[letter] if letter in self.bias_axes else 1 for letter in letters[first_bias:])
            self.bias = self.add_own_weight("bias", shape)

    def _sizes(self, first: str, target: str, input_shape: Any) -> dict[str, int | None]:
        """Size of each letter. The output shape has no batch axis; it is aligned on the right."""
        letters = first.replace("...", "")
        shape = input_shape if "..." not in first else (
            input_shape[len(input_shape) - len(letters):] if first.startswith("...") else input_shape[:len(letters)])
        if len(shape) != len(letters):
            raise ValueError(f"Layer '{self.name}' (EinsumDense): the input of '{self.equation}' has {len(letters)} "
                             f"axes. Received shape {input_shape}.")
        sizes = dict(zip(letters, shape, strict=True))
        given = target.replace("...", "")
        shape = self.output_shape[-len(given):] if len(self.output_shape) >= len(given) else self.output_shape
        for letter, size in zip(reversed(given), reversed(shape), strict=False):
            if size is not None and sizes.get(letter) not in (None, size):
                raise ValueError(f"Layer '{self.name}' (EinsumDense): `output_shape` gives the axis '{letter}' of "
                                 f"'{self.equation}' the size {size}, the input has {sizes[letter]}.")
            if size is not None:
                sizes[letter] = size
        return sizes

    def call(self, inputs: Any) -> Any:
        outputs = ops.einsum(self.equation, inputs, self.kernel)
        return self.activation(outputs if self.bias is None else outputs + self.bias)


@register("layer")
class Activation(Layer):
    """A function as a layer.

    Args:
        activation: name or function of one tensor.
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


@register("layer")
class Identity(Layer):
    """The input itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs


@register("layer")
class Embedding(Layer):
    """A vector for each integer: (batch, ...) gives (batch, ..., output_dim).

    Args:
        input_dim: number of vectors; inputs are 0 .. input_dim - 1.
        output_dim: length of a vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: 0 is padding, and masked for the layers that follow.
        weights: initial table, an array or a list that holds it.

    Raises:
        ValueError: at run time, an input that is not in 0 .. input_dim - 1.
    """

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform",
                 embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False,
                 **kwargs: Any) -> None:
        length, weights = kwargs.pop("input_length", None), kwargs.pop("weights", None)
        if length is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (length,) if isinstance(length, int) else tuple(length)
        super().__init__(**kwargs)
        self.keep({name: value for name, value in locals().items() if name not in ("weights", "length")})
        self.input_dim, self.output_dim = (positive("Embedding", name, value)
                                           for name, value in (("input_dim", input_dim), ("output_dim", output_dim)))
        self.supports_masking = mask_zero
        self.build(())
        if weights is not None:
            self.embeddings.assign(weights[0] if isinstance(weights, (list, tuple)) and len(weights) == 1 else weights)

    def build(self, input_shape: Any) -> None:
        if "embeddings" not in self.__dict__:
            self.embeddings = self.add_own_weight("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Any) -> Any:
        if not str(ops.dtype_of(inputs)).startswith(("int", "uint")):
            inputs = ops.cast(inputs, "int32")
        return apply("embedding", self.embeddings, inputs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None


@register("layer")
class ReversibleEmbedding(Embedding):
    """An Embedding that also turns vectors back into a score for each integer (Press and Wolf, 2016).

    Args:
        input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero: as in
            Embedding.
        tie_weights: scores are products with the table itself, not with a matrix of their own.
        reverse_dtype: dtype of the products.
        logit_soft_cap: c for c * tanh(scores / c), which keeps scores below c; None to leave them.

    Call arguments:
        inputs: integers (batch, ...); with `reverse` vectors (batch, ..., output_dim).
        reverse: answer with scores (batch, ..., input_dim).
    """

    def __init__(self, input_dim: int, output_dim: int, tie_weights: bool = True,
                 embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
                 embeddings_constraint: Any = None, mask_zero: bool = False, reverse_dtype: Any = None,
                 logit_soft_cap: float | None = None, **kwargs: Any) -> None:
        self.tie_weights = tie_weights
        super().__init__(input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint,
                         mask_zero, **kwargs)
        self.keep({"tie_weights": tie_weights, "reverse_dtype": reverse_dtype, "logit_soft_cap": logit_soft_cap})

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if not self.tie_weights and "reverse_embeddings" not in self.__dict__:
            self.reverse_embeddings = self.add_weight((self.output_dim, self.input_dim), self.embeddings_initializer,
                                                      name="reverse_embeddings")

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            return super().call(inputs)
        kernel = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype is not None:
            inputs, kernel = ops.cast(inputs, self.reverse_dtype), ops.cast(kernel, self.reverse_dtype)
        scores = ops.matmul(inputs, kernel)
        cap = self.logit_soft_cap
        return scores if cap is None else ops.tanh(scores / cap) * cap

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        if str(ops.dtype_of(inputs)).startswith("float") and len(inputs.shape) > 2:  # vectors on their way back
            return previous_mask
        return super().compute_mask(inputs, previous_mask)


@register("layer")
class Masking(Layer):
    """Mask the time steps all of whose features equal `mask_value`; they are set to 0.

    Args:
        mask_value: the mark of padding.
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs * ops.cast(ops.expand_dims(self.compute_mask(inputs, None), -1), ops.dtype_of(inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)


@register("layer")
class Lambda(Layer):
    """A Python function, written in ops, as a layer.

    It can train on executors that do not have the function: they receive the operations it recorded. A model that holds
    it is saved with the function's name only; give the function in `custom_objects` when loading.

    Args:
        function: of one tensor (or list of tensors), and optionally `mask` and `training`.
        output_shape: for compatibility; shapes are inferred.
        mask: the output's mask, or a function of (inputs, mask) for it; None passes no mask on.
        arguments: further keyword arguments of `function`.
    """

    def __init__(self, function: Callable[..., Any] | str, output_shape: Any = None, mask: Any = None,
                 arguments: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(function, str):
            function = registry.find("function", function)
        if not callable(function):
            raise TypeError(f"Lambda takes a function. Received {function!r}.")
        self.function = function
        self.output_shape = output_shape
        self.mask = mask
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        names = _parameter_names(self.function)
        extra = {name: value for name, value in (("mask", mask), ("training", training)) if name in names}
        return self.function(inputs, **{**extra, **self.arguments})

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "function": self.function.__name__, "output_shape": self.output_shape,
                "mask": self.mask.__name__ if callable(self.mask) else self.mask, "arguments": self.arguments}


def _parameter_names(function: Callable[..., Any]) -> Sequence[str]:
    code = getattr(function, "__code__", None)
    return () if code is None else code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]


@register("layer")
class ActivityRegularization(Layer):
    """The input itself, with a penalty on it in the loss.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        kwargs.pop("activity_regularizer", None)
        super().__init__(activity_regularizer={"class_name": "L1L2", "config": {"l1": l1, "l2": l2}}, **kwargs)
        self.keep(locals())
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer")
        return config


def positive(layer: str, name: str, value: Any) -> int:
    """`value` as an int, or ValueError where it is not a positive whole number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer)) or int(value) != value or value < 1:
        raise ValueError(f"`{name}` of {layer} must be a positive integer. Received {value!r}.")
    return int(value)
