"""What the kernels of attention and of masks are in ONNX."""

from __future__ import annotations

from typing import Any

from .onnx_kernels import Graph, Translation, translates


@translates("einsum")
def _einsum(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Einsum", names, equation=attributes["equation"])


@translates("softmax")
def _softmax(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    """Over one axis as it is; over several, exp(x - max) / sum of it."""
    given = attributes.get("axis", -1)
    axes = [given] if isinstance(given, int) else list(given)
    if len(axes) == 1:
        return graph.add("Softmax", names, axis=axes[0])
    along = graph.constant(axes, "int64")
    powers = graph.add("Exp", [graph.add("Sub", [names[0], graph.add("ReduceMax", [names[0], along], keepdims=1)])])
    return graph.add("Div", [powers, graph.add("ReduceSum", [powers, along], keepdims=1)])


@translates("not_equal")
def _not_equal(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Not", [graph.add("Equal", names)])


def _of_truths(operator: str) -> Translation:
    """A reduction of truths through the numbers 0 and 1."""
    def translate(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
        axis = attributes.get("axis")
        axes = [] if axis is None else [graph.constant([axis] if isinstance(axis, int) else list(axis), "int64")]
        numbers = graph.add("Cast", [names[0]], to="int32")
        reduced = graph.add(operator, [numbers, *axes], keepdims=int(attributes.get("keepdims", False)))
        return graph.add("Cast", [reduced], to="bool")

    return translate


translates("any")(_of_truths("ReduceMax"))
translates("all")(_of_truths("ReduceMin"))


@translates("arange_like")
def _arange_like(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    size = graph.add("Gather", [graph.add("Shape", names), graph.constant(attributes["axis"], "int64")], axis=0)
    places = graph.add("Range", [graph.constant(0, "int64"), size, graph.constant(1, "int64")])
    return graph.add("Cast", [places], to=attributes.get("dtype", "int32"))
