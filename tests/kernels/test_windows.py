"""Convolution and pooling against loops that follow the definition, for shapes that hypothesis invents."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigdl_keras.kernels import KERNELS, convolution
from bigdl_keras.kernels.windows import pads_of


def naive_conv(x: np.ndarray, kernel: np.ndarray, strides: Any, padding: str, dilation: Any, groups: int) -> np.ndarray:
    """A sum over windows, one output number at a time; x (batch, *sizes, channels)."""
    rank = x.ndim - 2
    window, inner, filters = kernel.shape[:rank], kernel.shape[-2], kernel.shape[-1]
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    pads = []
    for size, r, s in zip(x.shape[1:-1], reach, strides, strict=True):
        total = {"valid": 0, "causal": r - 1, "same": max((-(-size // s) - 1) * s + r - size, 0)}[padding]
        pads.append((total if padding == "causal" else total // 2, 0 if padding == "causal" else total - total // 2))
    x = np.pad(x, [(0, 0), *pads, (0, 0)])
    counts = [(size - r) // s + 1 for size, r, s in zip(x.shape[1:-1], reach, strides, strict=True)]
    y = np.zeros((x.shape[0], *counts, filters))
    for place in product(*map(range, counts)):
        for filter_ in range(filters):
            group = filter_ // (filters // groups)
            for offset in product(*map(range, window)):
                at = tuple(p * s + o * d for p, s, o, d in zip(place, strides, offset, dilation, strict=True))
                pixel = x[(slice(None), *at)][:, group * inner : (group + 1) * inner]
                y[(slice(None), *place, filter_)] += pixel @ kernel[(*offset, slice(None), filter_)]
    return y


@st.composite
def convolutions(draw: Any) -> tuple[Any, ...]:
    rank = draw(st.integers(1, 2))
    strides = tuple(draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank)))
    dilation = (
        (1,) * rank if max(strides) > 1 else tuple(draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank)))
    )
    window = tuple(draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank)))
    sizes = tuple((k - 1) * d + 1 + draw(st.integers(0, 9)) for k, d in zip(window, dilation, strict=True))
    padding = draw(st.sampled_from(["valid", "same", "causal"] if rank == 1 else ["valid", "same"]))
    groups = draw(st.integers(1, 2))
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    return (
        draw(st.integers(1, 3)),
        sizes,
        window,
        strides,
        dilation,
        padding,
        groups,
        channels,
        filters,
        draw(st.sampled_from(["channels_last", "channels_first"])),
        draw(st.sampled_from([1 << 4, 1 << 7, 1 << 18])),
    )


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_convolution_follows_its_definition(case: Any) -> None:
    batch, sizes, window, strides, dilation, padding, groups, channels, filters, data_format, tile = case
    rng = np.random.default_rng(1)
    x, kernel = rng.normal(size=(batch, *sizes, channels)), rng.normal(size=(*window, channels // groups, filters))
    bias = rng.normal(size=filters)
    expected = naive_conv(x, kernel, strides, padding, dilation, groups) + bias
    attributes = {
        "strides": strides,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "data_format": data_format,
    }
    given_x, wanted = (
        np.moveaxis(array, -1, 1) if data_format == "channels_first" else array for array in (x, expected)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "TILE", tile)
        y = KERNELS["conv"].forward(given_x, kernel, bias, **attributes)
        dy = rng.normal(size=y.shape)
        dx, dkernel, dbias = KERNELS["conv"].gradient(
            dy, given_x, kernel, bias, wanted=(True,) * 3, out=(None,) * 3, **attributes
        )
    np.testing.assert_allclose(y, wanted, atol=1e-9)
    assert KERNELS["conv"].shape(given_x.shape, kernel.shape, **attributes) == y.shape
    # y is linear in x and in the kernel: <dy, conv(x, v)> is the derivative in the direction v
    for direction, answer, moved in (
        (rng.normal(size=x.shape), dx, "x"),
        (rng.normal(size=kernel.shape), dkernel, "kernel"),
    ):
        slope = naive_conv(
            direction if moved == "x" else x, kernel if moved == "x" else direction, strides, padding, dilation, groups
        )
        if data_format == "channels_first":
            slope = np.moveaxis(slope, -1, 1)
            direction = np.moveaxis(direction, -1, 1) if moved == "x" else direction
        np.testing.assert_allclose(np.sum(answer * direction), np.sum(dy * slope), atol=1e-8)
    channel_axis = 1 if data_format == "channels_first" else dy.ndim - 1
    np.testing.assert_allclose(
        dbias, dy.sum(axis=tuple(axis for axis in range(dy.ndim) if axis != channel_axis)), atol=1e-9
    )


@pytest.mark.parametrize("block", [1, 2, 3, 4, 6, 12])
def test_every_block_gives_the_same_convolution(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    x, kernel = rng.normal(size=(3, 9, 25, 2)), rng.normal(size=(3, 3, 2, 4))
    attributes: dict[str, Any] = {"strides": (2, 2), "padding": "valid", "dilation": (1, 1)}
    expected = naive_conv(x, kernel, (2, 2), "valid", (1, 1), 1)
    convolution.geometry.cache_clear()
    monkeypatch.setattr(convolution, "best_block", lambda *_: block)
    try:
        y = KERNELS["conv"].forward(x, kernel, **attributes)
        np.testing.assert_allclose(y, expected, atol=1e-10)
        dy = rng.normal(size=y.shape)
        dx, dkernel = KERNELS["conv"].gradient(dy, x, kernel, wanted=(True, True), out=(None, None), **attributes)
        np.testing.assert_allclose(np.sum(dx * x), np.sum(dy * expected))
        np.testing.assert_allclose(np.sum(dkernel * kernel), np.sum(dy * expected))
    finally:
        convolution.geometry.cache_clear()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pooling_follows_its_definition(data: Any) -> None:
    rank = data.draw(st.integers(1, 3))
    window = tuple(data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank)))
    strides = tuple(data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank)))
    sizes = tuple(k + data.draw(st.integers(0, 4)) for k in window)
    padding = data.draw(st.sampled_from(["valid", "same"]))
    x = np.random.default_rng(3).normal(size=(2, *sizes, 2))
    pads = pads_of(padding, sizes, window, strides, (1,) * rank)
    whole = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=np.nan)
    counts = [(size - k) // s + 1 for size, k, s in zip(whole.shape[1:-1], window, strides, strict=True)]
    for name, reduce in (("max_pool", np.nanmax), ("average_pool", np.nanmean)):
        result = KERNELS[name].forward(x, window=window, strides=strides, padding=padding)
        y = result[0] if KERNELS[name].saves else result
        assert (
            y.shape == (2, *counts, 2) == KERNELS[name].shape(x.shape, window=window, strides=strides, padding=padding)
        )
        for place in product(*map(range, counts)):
            piece = whole[
                (slice(None), *(slice(p * s, p * s + k) for p, s, k in zip(place, strides, window, strict=True)))
            ]
            np.testing.assert_allclose(y[(slice(None), *place)], reduce(piece, axis=tuple(range(1, rank + 1))))


def test_equal_largest_numbers_send_the_gradient_to_the_first() -> None:
    y, which = KERNELS["max_pool"].forward(np.zeros((1, 4, 1)), window=(2,), strides=(2,))
    (dx,) = KERNELS["max_pool"].gradient(
        np.ones_like(y), which, ((1, 4, 1),), wanted=(True,), out=(None,), window=(2,), strides=(2,)
    )
    np.testing.assert_array_equal(dx[0, :, 0], [1, 0, 1, 0])


def test_a_window_larger_than_its_input_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"larger than its input.*padding='same'"):
        KERNELS["conv"].shape((None, 2, 2, 1), (3, 3, 1, 4), strides=(1, 1), padding="valid", dilation=(1, 1))


@pytest.mark.parametrize("name", ["conv", "depthwise_conv", "max_pool", "average_pool"])
def test_an_input_that_turns_out_too_small_says_what_to_do(name: str) -> None:
    if "conv" in name:
        kernel = np.zeros((3, 3, 1, 4) if name == "conv" else (3, 3, 1, 1))
        inputs, attributes = (np.zeros((1, 2, 5, 1)), kernel), {"dilation": (1, 1)}
    else:
        inputs, attributes = (np.zeros((1, 2, 5, 1)),), {"window": (3, 3)}
    with pytest.raises(ValueError, match="larger than its input"):
        KERNELS[name].forward(*inputs, strides=(1, 1), padding="valid", **attributes)
