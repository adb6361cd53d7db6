"""Branches and loops: on arrays they run; what is recorded is unrolled, so its number of steps must be known.

A model is compiled once, so that no branch is left in it: of a condition that is a tensor both sides are computed and
one is chosen; a loop over a known axis, or between Python numbers, is written down step by step.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import KerasTensor, Weight
from bigdl_keras.graph.trace import current_trace
from bigdl_keras.ops.elementwise import as_tensor, clip, equal, logical_and, where
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.ops.reshaping import concatenate, flip, stack
from bigdl_keras.shapes import normalize_axis

__all__ = [
    "associative_scan",
    "cond",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorize",
    "vectorized_map",
    "while_loop",
]


def _is_known(x: Any) -> bool:
    """Whether the number exists while the code runs."""
    return not (isinstance(x, KerasTensor) or (isinstance(x, Weight) and current_trace() is not None))


def _number(x: Any, name: str, what: str) -> int:
    if not _is_known(x):
        raise ValueError(
            f"{name} needs {what} as a number while a model is being built. Received {x!r}. Use while_loop with "
            "`maximum_iterations`, or where."
        )
    return int(np.asarray(x))


def _chosen(condition: Any, yes: Any, no: Any, name: str) -> Any:
    """The nest `yes` or `no`, leaf by leaf, as a scalar tensor says."""
    leaves = nest.flatten(yes), nest.flatten(no)
    if len(leaves[0]) != len(leaves[1]):
        raise ValueError(
            f"The branches of {name} must answer alike. Received {len(leaves[0])} and {len(leaves[1])} tensors."
        )
    return nest.pack(yes, [where(condition, one, other) for one, other in zip(*leaves, strict=True)])


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """true_fn() where `pred` is true, false_fn() where not.

    Args:
        pred: a Python value or array: one function is called. A symbolic scalar: both are, and `where` chooses, so both
            must answer with nests of the same shapes, and neither may fail (or be NaN, where gradients are needed).
        true_fn, false_fn: functions without arguments.
    """
    if _is_known(pred):
        return true_fn() if bool(np.asarray(pred)) else false_fn()
    return _chosen(pred, true_fn(), false_fn(), "cond")


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """branches[index](*operands); an index outside names the first or the last.

    Args:
        index: a Python value or array: one function is called. A symbolic scalar: all are, as in `cond`.
        branches: functions of the operands.
        *operands: what they are given.
    """
    if _is_known(index):
        return branches[min(max(int(np.asarray(index)), 0), len(branches) - 1)](*operands)
    index = clip(index, 0, len(branches) - 1)
    answer = branches[0](*operands)
    for place, branch in enumerate(branches[1:], start=1):
        answer = _chosen(equal(index, place), branch(*operands), answer, "switch")
    return answer


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """`body` applied to `loop_vars` again and again while `cond` of them holds.

    Args:
        cond: a function of the variables that answers with a scalar.
        body: a function of the variables that answers with new ones, of the same shapes.
        loop_vars: one tensor, or a list or tuple of them.
        maximum_iterations: never more steps than these. Where `cond` is symbolic it must be given: so many steps are
            recorded, and those after the last one that counts change nothing.

    Raises:
        ValueError: a symbolic condition without `maximum_iterations`.
    """
    single = not isinstance(loop_vars, (list, tuple))
    now: tuple[Any, ...] = (loop_vars,) if single else tuple(loop_vars)
    going: Any = True
    step = 0
    while maximum_iterations is None or step < maximum_iterations:
        holds = cond(*now)
        if _is_known(holds) and _is_known(going):
            if not np.asarray(holds):
                break
        elif maximum_iterations is None:
            raise ValueError(
                "while_loop on symbolic tensors needs `maximum_iterations`: the number of steps depends on the data, "
                "and a model is compiled for a known one."
            )
        else:
            going = logical_and(going, holds)
        after = body(*now)
        after = (after,) if single else tuple(after)
        now = after if _is_known(going) else _chosen(going, after, now, "while_loop")
        step += 1
    return now[0] if single else now


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """body_fun(i, value) for i from `lower` to `upper` - 1, each time on what it answered before.

    Raises:
        ValueError: a bound is symbolic.
    """
    value = init_val
    for place in range(_number(lower, "fori_loop", "`lower`"), _number(upper, "fori_loop", "`upper`")):
        value = body_fun(place, value)
    return value


def _length(xs: Any, name: str) -> int:
    lengths = {leaf.shape[0] if len(leaf.shape) else None for leaf in nest.flatten(xs)}
    length = lengths.pop() if len(lengths) == 1 else None
    if length is None:
        sizes = [leaf.shape[:1] for leaf in nest.flatten(xs)]
        raise ValueError(
            f"{name} needs tensors with a first axis of one known size, over which it runs. Received sizes {sizes}. "
            "Write what is done to each row of a batch with operations on the whole batch."
        )
    return int(length)


def _tensors(xs: Any) -> Any:
    return nest.map_leaves(as_tensor, xs)


def _at(xs: Any, place: int) -> Any:
    return nest.map_leaves(lambda leaf: get_item(leaf, place), xs)


def _stacked(answers: list[Any]) -> Any:
    """One nest of tensors with a new first axis, of several nests."""
    columns = zip(*(nest.flatten(answer) for answer in answers), strict=True)
    return nest.pack(answers[0], [stack(list(column)) for column in columns])


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """carry, y = f(carry, x) for each x along the first axis, from one to the next.

    Args:
        f: a function of a carry and a slice of `xs` that answers with the next carry and an output (or None).
        init: the first carry.
        xs: a nest of tensors with a first axis of one known size; None for `length` steps without input.
        length: the number of steps, where `xs` is None.
        reverse: from the last to the first; outputs keep the places of their inputs.
        unroll: has no effect: what is recorded is always unrolled.

    Returns:
        The last carry, and the outputs joined along a new first axis.

    Raises:
        ValueError: the number of steps is unknown.
    """
    xs = None if xs is None else _tensors(xs)
    if xs is None and length is None:
        raise ValueError("scan needs `xs` or `length`.")
    steps = _number(length, "scan", "`length`") if xs is None else _length(xs, "scan")
    carry, outputs = init, []
    for place in reversed(range(steps)) if reverse else range(steps):
        carry, output = f(carry, None if xs is None else _at(xs, place))
        outputs.append(output)
    if reverse:
        outputs.reverse()
    empty = not outputs or all(leaf is None for leaf in nest.flatten(outputs[0]))
    return carry, None if empty else _stacked(outputs)


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` of each slice along the first axis of `xs` (a nest of tensors), joined along a new first axis.

    Raises:
        ValueError: the size of the first axis is unknown.
    """
    xs = _tensors(xs)
    return _stacked([f(_at(xs, place)) for place in range(_length(xs, "map"))])


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` of each slice along the first axis of `elements`, joined along a new first axis: the same as `map`.

    Raises:
        ValueError: the size of the first axis is unknown.
    """
    elements = _tensors(elements)
    steps = range(_length(elements, "vectorized_map"))
    return _stacked([function(_at(elements, place)) for place in steps])


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Running results x1, f(x1, x2), f(f(x1, x2), x3) ... along an axis, in about 2 log2(n) steps.

    Args:
        f: an associative function of two nests of slices, element by element along `axis`.
        elems: a nest of tensors with an axis of one known size.
        reverse: from the last to the first.
        axis: along which.

    Raises:
        ValueError: the size of the axis is unknown.
    """
    elems = _tensors(elems)
    leaves = nest.flatten(elems)
    place = normalize_axis(axis, len(leaves[0].shape))
    if any(leaf.shape[place] is None for leaf in leaves):
        raise ValueError(f"associative_scan needs a known size of axis {axis}. Received shape {leaves[0].shape}.")

    def cut(items: list[Any], *part: Any) -> list[Any]:
        return [get_item(item, (slice(None),) * place + (slice(*part),)) for item in items]

    def join(one: list[Any], other: list[Any]) -> list[Any]:
        return nest.flatten(f(nest.pack(elems, one), nest.pack(elems, other)))

    def run(items: list[Any]) -> list[Any]:
        size = items[0].shape[place]
        if size < 2:
            return items
        odd = run(join(cut(items, 0, size - 1, 2), cut(items, 1, None, 2)))  # results at places 1, 3, 5 ...
        rest = cut(items, 2, None, 2)
        even = [cut(items, 0, 1)]
        if size > 2:
            even.append(join(cut(odd, 0, rest[0].shape[place]), rest))
        return [_interleaved([part[number] for part in even], odd[number], place) for number in range(len(items))]

    if reverse:
        leaves = [flip(leaf, place) for leaf in leaves]
    results = run(leaves)
    return nest.pack(elems, [flip(item, place) for item in results] if reverse else results)


def _interleaved(even: list[Any], odd: Any, axis: int) -> Any:
    """First of the even, first of the odd, second of the even, ... along an axis."""
    before = (slice(None),) * axis
    whole = concatenate(even, axis=axis)
    parts = []
    for place in range(whole.shape[axis]):
        one = (*before, slice(place, place + 1))
        parts.append(get_item(whole, one))
        if place < odd.shape[axis]:
            parts.append(get_item(odd, one))
    return concatenate(parts, axis=axis)


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function of arrays made from one of numbers (or of the arrays that `signature` names), as numpy.vectorize.

    Args:
        pyfunc: the function, called for each element.
        excluded: places or names of arguments that are handed on whole.
        signature: shapes of what is taken and given, "(n),(n)->()"; None for numbers.

    Returns:
        A function of arrays. On symbolic tensors it raises a TypeError: use operations, which take whole tensors.
    """
    over_arrays = np.vectorize(pyfunc, excluded=excluded, signature=signature)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not all(builtins.map(_is_known, nest.flatten([list(args), kwargs]))):
            raise TypeError("A vectorized function works on arrays only. Operations take whole symbolic tensors.")
        answer = over_arrays(*args, **kwargs)
        whole = [
            as_tensor(item.astype(np.float32)) if item.dtype == np.float64 else item
            for item in (answer if isinstance(answer, tuple) else (answer,))
        ]
        return tuple(whole) if isinstance(answer, tuple) else whole[0]

    return call
