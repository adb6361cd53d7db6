"""Layers that make one tensor of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers.base import Layer
from bigdl_keras.registry import register
from bigdl_keras.shapes import broadcast, normalize_axis


class Merge(Layer):
    """Base of elementwise merges: inputs are folded pairwise, with broadcasting.

    Tensors of fewer axes are given axes of size 1 after the batch axis.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        _check_list(self, input_shape)
        rank = max(len(shape) for shape in input_shape)
        try:
            broadcast(*(_widened(tuple(shape), rank) for shape in input_shape))
        except ValueError as error:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) cannot merge inputs of shapes "
                             f"{list(map(tuple, input_shape))}: {error}") from error

    def call(self, inputs: Any) -> Any:
        _check_list(self, inputs)
        rank = max(len(tensor.shape) for tensor in inputs)
        return self.merge([_widen(tensor, rank) for tensor in inputs])

    def merge(self, tensors: list[Any]) -> Any:
        """The result, from tensors of equal rank."""
        raise NotImplementedError(f"{type(self).__name__} must define merge(self, tensors).")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """A step is valid where any input is; without a mask of any input there is none."""
        masks = [] if previous_mask is None else list(previous_mask)
        if not masks or any(mask is None for mask in masks):
            return None
        merged = masks[0]
        for mask in masks[1:]:
            merged = ops.logical_or(merged, mask)
        return merged


def _check_list(layer: Layer, values: Any) -> None:
    if not isinstance(values, (list, tuple)) or not values or values[0] is None or isinstance(values[0], int):
        raise ValueError(f"Layer '{layer.name}' ({type(layer).__name__}) takes a list of inputs. Received {values!r}.")


def _widened(shape: tuple[int | None, ...], rank: int) -> tuple[int | None, ...]:
    return shape[:1] + (1,) * (rank - len(shape)) + shape[1:] if shape else (1,) * rank


def _widen(tensor: Any, rank: int) -> Any:
    missing = rank - len(tensor.shape)
    if not missing:
        return tensor
    return ops.expand_dims(tensor, list(range(1, 1 + missing)) if tensor.shape else list(range(rank)))


def _fold(operation: Any, tensors: Sequence[Any]) -> Any:
    result = tensors[0]
    for tensor in tensors[1:]:
        result = operation(result, tensor)
    return result


@register("layer")
class Add(Merge):
    """Sum of the inputs."""

    def merge(self, tensors: list[Any]) -> Any:
        return _fold(ops.add, tensors)


@register("layer")
class Subtract(Merge):
    """First input minus the second."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(f"Layer '{self.name}' (Subtract) takes exactly 2 inputs. Received {len(input_shape)}.")

    def merge(self, tensors: list[Any]) -> Any:
        return ops.subtract(*tensors)


@register("layer")
class Multiply(Merge):
    """Product of the inputs; a masked step counts as 1, and as 0 where all inputs are masked."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        _check_list(self, inputs)
        masks = list(mask) if mask is not None else [None] * len(inputs)
        rank = max(len(tensor.shape) for tensor in inputs)
        factors = [_widen(tensor if one is None else ops.where(ops.expand_dims(one, -1), tensor, 1.0), rank)
                   for tensor, one in zip(inputs, masks, strict=True)]
        product = _fold(ops.multiply, factors)
        valid = self.compute_mask(inputs, masks)
        return product if valid is None else ops.where(ops.expand_dims(valid, -1), product, 0.0)


@register("layer")
class Average(Merge):
    """Mean of the inputs."""

    def merge(self, tensors: list[Any]) -> Any:
        return _fold(ops.add, tensors) / float(len(tensors))


@register("layer")
class Maximum(Merge):
    """Largest of the inputs."""

    def merge(self, tensors: list[Any]) -> Any:
        return _fold(ops.maximum, tensors)


@register("layer")
class Minimum(Merge):
    """Smallest of the inputs."""

    def merge(self, tensors: list[Any]) -> Any:
        return _fold(ops.minimum, tensors)


@register("layer")
class Concatenate(Merge):
    """Inputs joined along an axis.

    Args:
        axis: the axis that may differ.

    Raises:
        ValueError: another axis differs.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def build(self, input_shape: Any) -> None:
        _check_list(self, input_shape)
        ranks = {len(shape) for shape in input_shape}
        if len(ranks) > 1:
            raise ValueError(f"Layer '{self.name}' (Concatenate) needs inputs with equal numbers of axes. "
                             f"Received shapes {list(map(tuple, input_shape))}.")
        axis = normalize_axis(self.axis, ranks.pop())
        for place, sizes in enumerate(zip(*input_shape, strict=True)):
            if place != axis and len(set(sizes) - {None}) > 1:
                raise ValueError(f"Layer '{self.name}' (Concatenate) needs inputs that differ only on axis "
                                 f"{self.axis}. Received shapes {list(map(tuple, input_shape))}.")

    def call(self, inputs: Any) -> Any:
        _check_list(self, inputs)
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Masks joined along the same axis; an input without one counts as valid."""
        if previous_mask is None or all(mask is None for mask in previous_mask):
            return None
        rank = len(inputs[0].shape)
        axis = normalize_axis(self.axis, rank)
        spread = []
        for tensor, mask in zip(inputs, previous_mask, strict=True):
            valid = ops.ones_like(tensor, dtype="bool")
            if mask is not None:
                mask = ops.expand_dims(mask, list(range(len(mask.shape), rank))) if len(mask.shape) < rank else mask
                valid = ops.logical_and(valid, mask)
            spread.append(valid)
        return ops.any(ops.concatenate(spread, axis=axis), axis=-1)


@register("layer")
class Dot(Merge):
    """Sum of products of two inputs along one axis of each: (batch, ...) with (batch, ...).

    Args:
        axes: the axis of both, or a pair.
        normalize: divide both by their length along the axis first (cosine proximity).
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def _places(self, shapes: Any) -> tuple[int, int]:
        first, second = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return normalize_axis(first, len(shapes[0])), normalize_axis(second, len(shapes[1]))

    def build(self, input_shape: Any) -> None:
        _check_list(self, input_shape)
        if len(input_shape) != 2:
            raise ValueError(f"Layer '{self.name}' (Dot) takes exactly 2 inputs. Received {len(input_shape)}.")
        first, second = self._places(input_shape)
        sizes = {input_shape[0][first], input_shape[1][second]} - {None}
        if len(sizes) > 1:
            raise ValueError(f"Layer '{self.name}' (Dot): the axes {self.axes} of shapes "
                             f"{list(map(tuple, input_shape))} have different sizes.")

    def call(self, inputs: Any) -> Any:
        x1, x2 = inputs
        first, second = self._places([x1.shape, x2.shape])
        if self.normalize:
            x1, x2 = _unit(x1, first), _unit(x2, second)
        letters = "bcdefghijklmnopqrstuvwxyz"
        left = ["a", *letters[:len(x1.shape) - 1]]
        right = ["a", *letters[len(x1.shape):len(x1.shape) + len(x2.shape) - 1]]
        right[second] = left[first]
        result = [letter for letter in [*left, *right[1:]] if letter != left[first]]
        outputs = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(result)}", x1, x2)
        return ops.expand_dims(outputs, 1) if len(result) == 1 else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The output has no time steps."""
        return None


def _unit(x: Any, axis: int) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Sum of the inputs, by a new layer `Add`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Difference of two inputs, by a new layer `Subtract`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Product of the inputs, by a new layer `Multiply`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Mean of the inputs, by a new layer `Average`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Largest of the inputs, by a new layer `Maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Smallest of the inputs, by a new layer `Minimum`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Inputs joined along an axis, by a new layer `Concatenate`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """Sum of products along `axes`, by a new layer `Dot`."""
    return Dot(axes=axes, **kwargs)(inputs)
