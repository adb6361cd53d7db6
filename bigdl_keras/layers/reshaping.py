"""Layers that move, repeat, cut or pad elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.interpolation import INTERPOLATIONS, resize
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register
from bigdl_keras.shapes import pair


@register("layer")
class Flatten(Layer):
    """All axes but the first become one: (batch, ...) gives (batch, product).

    Args:
        data_format: "channels_first" moves the channels last before.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.data_format = image_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        if rank == 1:
            return ops.expand_dims(inputs, -1)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.moveaxis(inputs, 1, -1)
        sizes = inputs.shape[1:]
        return ops.reshape(inputs, (None, -1 if None in sizes else int(np.prod(sizes))))


@register("layer")
class Reshape(Layer):
    """The elements of each row in another shape: (batch, ...) gives (batch, *target_shape).

    Args:
        target_shape: shape of a row of the output; one entry may be -1.
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.target_shape = tuple(target_shape)

    def build(self, input_shape: Any) -> None:
        sizes, known = input_shape[1:], int(np.prod([size for size in self.target_shape if size != -1]))
        if None in sizes:
            return
        total = int(np.prod(sizes))
        fits = total % known == 0 if -1 in self.target_shape and known else total == known
        if not fits:
            raise ValueError(f"Layer '{self.name}' (Reshape) cannot make rows of shape {self.target_shape} of rows "
                             f"of shape {tuple(sizes)}: {total} elements.")

    def call(self, inputs: Any) -> Any:
        sizes = inputs.shape[1:]
        target = list(self.target_shape)
        if -1 in target and None not in sizes:
            known = int(np.prod([size for size in target if size != -1]))
            target[target.index(-1)] = int(np.prod(sizes)) // max(known, 1)
        return ops.reshape(inputs, (None, *target))


@register("layer")
class Permute(Layer):
    """The axes of each row in another order.

    Args:
        dims: the order, counted from 1: (2, 1) swaps the two axes after the batch axis.
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"`dims` of Permute must hold each of 1 .. {len(self.dims)} once. Received {dims}.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))


@register("layer")
class RepeatVector(Layer):
    """(batch, features) gives (batch, n, features).

    Args:
        n: how often each row is repeated.
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.n = positive("RepeatVector", "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)


def _pairs(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """(before, after) for each spatial axis, from an integer, one integer an axis, or pairs."""
    if isinstance(value, int):
        return ((value, value),) * rank
    if len(value) != rank:
        raise ValueError(f"`{name}` must be an integer, or have {rank} entries. Received {value!r}.")
    pairs = tuple((item, item) if isinstance(item, int) else tuple(item) for item in value)
    if any(len(item) != 2 or min(item) < 0 for item in pairs):
        raise ValueError(f"`{name}` must be made of integers or pairs of integers, none negative. Received {value!r}.")
    return pairs


class _Spatial(Layer):
    """Base of layers that act on the spatial axes of (batch, *sizes, channels) or (batch, channels, *sizes)."""

    rank = 2

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = image_format(data_format)
        if self.rank > 1 or data_format is not None:
            self.keep({"data_format": self.data_format})
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def first_axis(self) -> int:
        return 1 if self.data_format == "channels_last" else 2


class _ZeroPadding(_Spatial):
    def __init__(self, padding: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        pairs = (_pairs((padding,) if not isinstance(padding, int) and not isinstance(padding[0], (list, tuple))
                        and len(padding) == 2 else padding, 1, "padding") if self.rank == 1
                 else _pairs(padding, self.rank, "padding"))
        self.keep({"padding": pairs[0] if self.rank == 1 else pairs})
        self._pairs = pairs

    def call(self, inputs: Any) -> Any:
        widths = [(0, 0)] * len(inputs.shape)
        widths[self.first_axis:self.first_axis + self.rank] = self._pairs
        return ops.pad(inputs, widths)


@register("layer")
class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after the steps of (batch, steps, channels).

    Args:
        padding: one number for both ends, or (before, after).
        data_format: "channels_last" or "channels_first".
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


@register("layer")
class ZeroPadding2D(_ZeroPadding):
    """Zeros around images.

    Args:
        padding: one number, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


@register("layer")
class ZeroPadding3D(_ZeroPadding):
    """Zeros around volumes.

    Args:
        padding: one number, one an axis, or a pair an axis.
        data_format: "channels_last" or "channels_first".
    """

    rank = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


class _Cropping(_Spatial):
    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        pairs = (_pairs((cropping,) if not isinstance(cropping, int) and not isinstance(cropping[0], (list, tuple))
                        and len(cropping) == 2 else cropping, 1, "cropping") if self.rank == 1
                 else _pairs(cropping, self.rank, "cropping"))
        self.keep({"cropping": pairs[0] if self.rank == 1 else pairs})
        self._pairs = pairs

    def build(self, input_shape: Any) -> None:
        sizes = input_shape[self.first_axis:self.first_axis + self.rank]
        if any(size is not None and size <= sum(cut) for size, cut in zip(sizes, self._pairs, strict=True)):
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) would cut everything away: cropping "
                             f"{self._pairs} of an input of shape {tuple(input_shape)}.")

    def call(self, inputs: Any) -> Any:
        key = [slice(None)] * len(inputs.shape)
        for axis, (before, after) in enumerate(self._pairs, start=self.first_axis):
            key[axis] = slice(before, -after if after else None)
        return inputs[tuple(key)]


@register("layer")
class Cropping1D(_Cropping):
    """Steps cut away at both ends of (batch, steps, channels).

    Args:
        cropping: one number for both ends, or (before, after).
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, **kwargs)


@register("layer")
class Cropping2D(_Cropping):
    """Rows and columns cut away around images.

    Args:
        cropping: one number, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


@register("layer")
class Cropping3D(_Cropping):
    """Planes cut away around volumes.

    Args:
        cropping: one number, one an axis, or a pair an axis.
        data_format: "channels_last" or "channels_first".
    """

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


@register("layer")
class UpSampling1D(_Spatial):
    """Each step of (batch, steps, channels) `size` times.

    Args:
        size: repetitions.
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"size": size[0] if isinstance(size, (list, tuple)) else int(size)})

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.size, axis=1)


@register("layer")
class UpSampling2D(_Spatial):
    """Images enlarged by whole factors.

    Args:
        size: factors of rows and columns.
        data_format: "channels_last" or "channels_first".
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5", all with half-pixel centres, the last
            three for known sizes; "bilinear_legacy" samples as TensorFlow 1 did.
    """

    def __init__(self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest",
                 **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.keep({"size": pair(size, 2, "size"), "interpolation": interpolation})
        if interpolation not in (*INTERPOLATIONS, "bilinear_legacy"):
            raise ValueError(f"`interpolation` of UpSampling2D must be one of {INTERPOLATIONS}. "
                             f"Received {interpolation!r}.")

    def call(self, inputs: Any) -> Any:
        for axis, factor in enumerate(self.size, start=self.first_axis):
            if self.interpolation == "nearest":
                inputs = ops.repeat(inputs, factor, axis=axis)
            elif self.interpolation.startswith("bilinear"):
                inputs = self._interpolate(inputs, axis, factor)
            elif inputs.shape[axis] is None:
                raise ValueError(f"Layer '{self.name}' (UpSampling2D) with interpolation='{self.interpolation}' needs "
                                 f"images of a known size. Received shape {tuple(inputs.shape)}.")
            else:
                inputs = resize(inputs, axis, inputs.shape[axis] * factor, self.interpolation)
        return inputs

    def _interpolate(self, x: Any, axis: int, factor: int) -> Any:
        """Linear interpolation along one axis: between each element and its neighbours, whose ends are repeated."""
        if factor == 1:
            return x
        x = ops.moveaxis(x, axis, -1)
        after = ops.concatenate([x[..., 1:], x[..., -1:]], axis=-1)
        before = ops.concatenate([x[..., :1], x[..., :-1]], axis=-1)
        shift = 0.0 if self.interpolation == "bilinear_legacy" else 0.5
        pieces = []
        for step in range(factor):
            offset = (step + shift) / factor - shift
            other = after if offset > 0 else before
            pieces.append(x if offset == 0 else x * (1 - abs(offset)) + other * abs(offset))
        enlarged = ops.reshape(ops.stack(pieces, axis=-1), (*[None] * (len(x.shape) - 1), -1))
        return ops.moveaxis(enlarged, -1, axis)


@register("layer")
class UpSampling3D(_Spatial):
    """Each element of a volume repeated along its three axes.

    Args:
        size: factors.
        data_format: "channels_last" or "channels_first".
    """

    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.keep({"size": pair(size, 3, "size")})

    def call(self, inputs: Any) -> Any:
        for axis, factor in enumerate(self.size, start=self.first_axis):
            inputs = ops.repeat(inputs, factor, axis=axis)
        return inputs
