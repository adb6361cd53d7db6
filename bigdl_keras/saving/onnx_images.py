"""What kernels that make images larger, or give them another size, are in ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.transposed import cropped, transposed_size
from bigdl_keras.kernels.windows import span

from .onnx_kernels import Gap, Graph, channels_first, translates

_METHODS = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}


@translates("conv_transpose")
def _conv_transpose(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    """What is cut off, or added, does not depend on the length of an axis: an axis of one place tells it."""
    x, kernel, *bias = names
    window = [int(size or 0) for size in graph.shape(kernel)[:-2]]
    rank, strides, dilation = len(window) + 2, attributes["strides"], attributes["dilation"]
    extra = attributes.get("output_padding") or (None,) * len(window)
    before, after = [], []
    for size, stride, more, rate in zip(window, strides, extra, dilation, strict=True):
        axis = (size, stride, attributes["padding"], more, rate)
        before.append(cropped(*axis))
        after.append(span(size, rate) - int(transposed_size(1, *axis) or 0) - before[-1])
    weights = graph.add("Transpose", [kernel], perm=[rank - 1, rank - 2, *range(rank - 2)])  # (in, out, *window)
    front, back = channels_first(graph, x, attributes)
    return back(graph.add("ConvTranspose", [front, weights, *bias], strides=list(strides), dilations=list(dilation),
                          pads=[*before, *(max(cut, 0) for cut in after)],
                          output_padding=[max(-cut, 0) for cut in after]))


@translates("resize")
def _resize(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    method = attributes.get("method", "bilinear")
    if attributes.get("antialias") or attributes.get("coordinates", "half_pixel") != "half_pixel":
        raise Gap("antialiasing, or coordinates other than those of half pixels")
    if method not in _METHODS:
        raise Gap(f"the method {method!r}")
    front, back = channels_first(graph, names[0], attributes)
    kept = graph.add("Slice", [graph.add("Shape", [front]), graph.constant([0], "int64"), graph.constant([2], "int64")])
    sizes = graph.add("Concat", [kept, graph.constant(list(attributes["size"]), "int64")], axis=0)
    extra: dict[str, Any] = {"cubic_coeff_a": -0.5, "exclude_outside": 1} if method == "bicubic" else {}
    return back(graph.add("Resize", [front, "", "", sizes], mode=_METHODS[method], nearest_mode="round_prefer_ceil",
                          **extra))


@translates("repeat")
def _repeat(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    axis = attributes["axis"]
    size = graph.shape(names[0])[axis]
    if size is None:
        raise Gap("an axis of unknown size is repeated")
    places = np.repeat(np.arange(size), attributes["repeats"])
    return graph.add("Gather", [names[0], graph.constant(places, "int64")], axis=axis)
