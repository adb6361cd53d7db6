"""Kernels that move, cut, join and sum up elements, in ONNX."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .onnx_kernels import TRANSLATIONS, Gap, Graph, Translation, translates

_END = np.iinfo(np.int64).max


@translates("reshape")
def _reshape(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    shape = [0 if size is None else size for size in attributes["shape"]]  # 0 copies the size that the input has there
    return graph.add("Reshape", [names[0], graph.constant(shape, "int64")])


@translates("transpose")
def _transpose(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    rank = len(graph.shape(names[0]))
    axes = attributes.get("axes")
    return graph.add("Transpose", names, perm=list(reversed(range(rank))) if axes is None else
                     [axis % rank for axis in axes])


def _axes(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


@translates("expand_dims")
def _expand_dims(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Unsqueeze", [names[0], graph.constant(_axes(attributes["axis"]), "int64")])


@translates("squeeze")
def _squeeze(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    axis = attributes.get("axis")
    return graph.add("Squeeze", names if axis is None else [names[0], graph.constant(_axes(axis), "int64")])


@translates("stack")
def _stack(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    axis = graph.constant([attributes.get("axis", 0)], "int64")
    return graph.add("Concat", [graph.add("Unsqueeze", [name, axis]) for name in names], axis=attributes.get("axis", 0))


@translates("split")
def _split(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    axis, sections = attributes.get("axis", 0), attributes["sections"]
    size = graph.shape(names[0])[axis]
    if size is None:
        raise Gap("an axis of unknown size is split")
    cuts = range(0, size + 1, size // sections) if isinstance(sections, int) else [0, *sections, size]
    lengths = [stop - start for start, stop in pairwise(cuts)]
    parts = graph.add("Split", [names[0], graph.constant(lengths, "int64")], outputs=len(lengths), axis=axis)
    return [parts] if isinstance(parts, str) else parts


@translates("take")
def _take(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Gather", [names[0], graph.add("Cast", [names[1]], to="int64")], axis=attributes["axis"])


@translates("fold_time")
def _fold_time(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Reshape", [names[0], _sizes(graph, [graph.constant([-1], "int64")], names[0], 2)])


@translates("unfold_time")
def _unfold_time(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    first = graph.add("Slice", [graph.add("Shape", [names[1]]), graph.constant([0], "int64"),
                                graph.constant([2], "int64")])
    return graph.add("Reshape", [names[0], _sizes(graph, [first], names[0], 1)])


def _sizes(graph: Graph, before: list[str], x: str, start: int) -> Any:
    """`before` and the sizes of the axes of x from `start` on, which may be known only when the graph runs."""
    rest = graph.add("Slice", [graph.add("Shape", [x]), graph.constant([start], "int64"),
                               graph.constant([_END], "int64")])
    return graph.add("Concat", [*before, rest], axis=0)


@translates("full_like")
def _full_like(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    value = graph.constant(attributes["value"], attributes.get("dtype") or "float32")
    return graph.add("Expand", [value, graph.add("Shape", [names[0]])])


@translates("pad")
def _pad(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    mode = attributes.get("mode", "constant")
    if mode not in ("constant", "edge", "reflect"):
        raise Gap(f"mode {mode!r}")
    widths = np.transpose(np.asarray(attributes["widths"])).ravel()
    value = [graph.constant(attributes.get("value", 0.0), "float32")] if mode == "constant" else []
    return graph.add("Pad", [names[0], graph.constant(widths, "int64"), *value], mode=mode)


@translates("slice")
def _slice(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    starts, ends, axes, steps, dropped = [], [], [], [], []
    key = list(attributes["key"])
    if "..." in key:
        place = key.index("...")
        key[place : place + 1] = [("slice", None, None, 1)] * (len(graph.shape(names[0])) - len(key) + 1)
    kept = [part for part in key if part is not None]
    for axis, part in enumerate(kept):
        if isinstance(part, int):
            part = ("slice", part, None if part == -1 else part + 1, 1)
            dropped.append(axis)
        if not (isinstance(part, tuple) and part and part[0] == "slice"):
            raise Gap(f"the key {attributes['key']!r}")
        start, stop, step = part[1:]
        step = 1 if step is None else step
        if (start, stop, step) != (None, None, 1):
            starts.append((0 if step > 0 else _END) if start is None else start)
            ends.append((_END if step > 0 else -_END) if stop is None else stop)
            axes.append(axis)
            steps.append(step)
    y = names[0]
    if axes:
        y = graph.add("Slice", [y, *(graph.constant(part, "int64") for part in (starts, ends, axes, steps))])
    y = graph.add("Squeeze", [y, graph.constant(dropped, "int64")]) if dropped else y
    left = [part for part in key if not isinstance(part, int)]
    new = [place for place, part in enumerate(left) if part is None]
    return graph.add("Unsqueeze", [y, graph.constant(new, "int64")]) if new else y


@translates("flip")
def _flip(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    axis = attributes.get("axis")
    return reversed_along(graph, names[0], list(range(len(graph.shape(names[0])))) if axis is None else _axes(axis))


def reversed_along(graph: Graph, x: str, axes: list[int]) -> Any:
    """x with these axes in reverse order."""
    count = len(axes)
    parts = ([-1] * count, [-_END] * count, axes, [-1] * count)
    return graph.add("Slice", [x, *(graph.constant(part, "int64") for part in parts)])


def _reduction(operator: str) -> Translation:
    def translate(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
        axis = attributes.get("axis")
        axes = [] if axis is None else [graph.constant(_axes(axis), "int64")]
        return graph.add(operator, [names[0], *axes], keepdims=int(attributes.get("keepdims", False)))

    return translate


_REDUCTIONS = {"mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "sum": "ReduceSum", "prod": "ReduceProd"}
TRANSLATIONS.update({kernel: _reduction(operator) for kernel, operator in _REDUCTIONS.items()})


@translates("var")
def _var(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    mean = TRANSLATIONS["mean"](graph, names, {**attributes, "keepdims": True})
    away = graph.add("Sub", [names[0], mean])
    return TRANSLATIONS["mean"](graph, [graph.add("Mul", [away, away])], attributes)
