"""What every kernel owes: right values and gradients, untouched inputs, honest shapes and dtypes, zero rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras.kernels import KERNELS
from bigdl_keras.kernels.random import Draws


@dataclass(frozen=True)
class Case:
    """One row of the check table.

    Args:
        kernel: its name in KERNELS.
        inputs: arrays (float64 where they are real numbers).
        attributes: of the call.
        reference: the expected output (or outputs), computed another way.
        batched: which inputs have the batch as their first axis.
        differentiable: which inputs get a gradient check; None: all of floating dtype.
        tolerance: of the gradient check.
    """

    kernel: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    reference: Any = None
    batched: tuple[int, ...] = (0,)
    differentiable: tuple[int, ...] | None = None
    tolerance: float = 1e-6

    def __str__(self) -> str:
        shapes = "x".join(str(np.shape(x)).replace(" ", "") for x in self.inputs)
        return f"{self.kernel}-{shapes}-{','.join(f'{k}={v}' for k, v in self.attributes.items())}"[:120]


def _team_of_one(numbers: np.ndarray) -> np.ndarray:
    return np.array(numbers, dtype=np.float64)


def _extra(case: Case, gradient: bool) -> dict[str, Any]:
    kernel = KERNELS[case.kernel]
    extra: dict[str, Any] = {}
    if kernel.random and not gradient:
        extra["draws"] = Draws(seed=7, iteration=3, step=1, places=np.arange(len(case.inputs[0])))
    if kernel.collective:
        extra["total"] = _team_of_one
    return extra


def forward(case: Case, inputs: tuple[Any, ...], out: Any = None) -> tuple[tuple[Any, ...], Any]:
    """Outputs (always a tuple) and what was saved."""
    kernel = KERNELS[case.kernel]
    result = kernel.forward(*inputs, out=out, **case.attributes, **_extra(case, gradient=False))
    saved = None
    if kernel.saves:
        result, saved = result
    return (result if kernel.several else (result,)), saved


def backward(
    case: Case,
    inputs: tuple[Any, ...],
    outputs: tuple[Any, ...],
    saved: Any,
    dy: tuple[Any, ...],
    wanted: tuple[bool, ...],
    out: tuple[Any, ...] | None = None,
) -> tuple[Any, ...]:
    kernel = KERNELS[case.kernel]
    available = {
        "inputs": inputs,
        "output": (outputs if kernel.several else outputs[0],),
        "saved": (saved,),
        "shapes": (tuple(np.shape(x) for x in inputs),),
    }
    needs = [item for need in kernel.needs for item in available[need]]
    flow = dy if kernel.several else dy[0]
    answer = kernel.gradient(
        flow, *needs, wanted=wanted, out=out or (None,) * len(inputs), **case.attributes, **_extra(case, gradient=True)
    )
    assert len(answer) == len(inputs), f"{case.kernel}: {len(answer)} gradients for {len(inputs)} inputs"
    return answer


def checked_inputs(case: Case) -> tuple[int, ...]:
    if case.differentiable is not None:
        return case.differentiable
    return tuple(i for i, x in enumerate(case.inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f")


def flows(outputs: tuple[Any, ...]) -> tuple[Any, ...]:
    rng = np.random.default_rng(5)
    return tuple(rng.normal(size=np.shape(y)).astype(y.dtype) if y.dtype.kind == "f" else None for y in outputs)


def check_reference(case: Case) -> None:
    outputs, _ = forward(case, case.inputs)
    expected = case.reference if KERNELS[case.kernel].several else (case.reference,)
    for actual, wanted in zip(outputs, expected, strict=True):
        assert np.shape(actual) == np.shape(wanted)
        np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-9)


def check_gradient(case: Case) -> None:
    """Central differences of sum(dy * y), one number at a time."""
    outputs, saved = forward(case, case.inputs)
    dy = flows(outputs)
    places = checked_inputs(case)
    wanted = tuple(i in places for i in range(len(case.inputs)))
    answer = backward(case, case.inputs, outputs, saved, dy, wanted)

    def loss(inputs: tuple[Any, ...]) -> float:
        return float(
            sum(np.sum(flow * y) for flow, y in zip(dy, forward(case, inputs)[0], strict=True) if flow is not None)
        )

    for place in places:
        assert answer[place] is not None, f"{case}: no gradient for input {place}"
        assert answer[place].shape == case.inputs[place].shape
        numeric = np.zeros_like(case.inputs[place])
        for index in np.ndindex(numeric.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [x.copy() if isinstance(x, np.ndarray) else x for x in case.inputs]
                moved[place][index] += step
                ends.append(loss(tuple(moved)))
            numeric[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(
            answer[place],
            numeric,
            rtol=case.tolerance,
            atol=case.tolerance * 10,
            err_msg=f"{case}: gradient of input {place}",
        )
        alone = tuple(i == place for i in range(len(case.inputs)))
        saved = forward(case, case.inputs)[1]
        again = backward(case, case.inputs, outputs, saved, dy, alone)[place]
        np.testing.assert_allclose(again, answer[place], rtol=1e-12, atol=1e-12)


def check_silent_outputs(case: Case) -> None:
    """With several outputs, each may be the only one from which something flows back; the gradients add up."""
    outputs, _ = forward(case, case.inputs)
    dy = flows(outputs)
    places = checked_inputs(case)
    wanted = tuple(i in places for i in range(len(case.inputs)))
    total = backward(case, case.inputs, outputs, forward(case, case.inputs)[1], dy, wanted)
    parts = [
        backward(
            case,
            case.inputs,
            outputs,
            forward(case, case.inputs)[1],
            tuple(flow if i == only else None for i, flow in enumerate(dy)),
            wanted,
        )
        for only, flow in enumerate(dy)
        if flow is not None
    ]
    for place in places:
        added = sum(part[place] for part in parts if part[place] is not None)
        np.testing.assert_allclose(added, total[place], rtol=1e-9, atol=1e-9)


def check_inputs_untouched(case: Case) -> None:
    before = [np.array(x) for x in case.inputs]
    frozen = tuple(_read_only(x) for x in case.inputs)
    outputs, saved = forward(case, frozen)
    if KERNELS[case.kernel].gradient is not None:
        dy = flows(outputs)
        kept = [None if flow is None else flow.copy() for flow in dy]
        frozen_flow = tuple(None if flow is None else _read_only(flow) for flow in dy)
        places = checked_inputs(case)
        backward(case, frozen, outputs, saved, frozen_flow, tuple(i in places for i in range(len(frozen))))
        for flow, old in zip(dy, kept, strict=True):
            assert flow is None or np.array_equal(flow, old)
    for x, old in zip(case.inputs, before, strict=True):
        np.testing.assert_array_equal(x, old)


def _read_only(x: Any) -> Any:
    if not isinstance(x, np.ndarray):
        return x
    view = x.view()
    view.flags.writeable = False
    return view


def check_buffers(case: Case) -> None:
    """Buffers full of NaN change no answer; an elementwise kernel may write into its own input."""
    kernel = KERNELS[case.kernel]
    outputs, saved = forward(case, case.inputs)
    if not kernel.several:
        again = forward(case, case.inputs, out=_garbage(outputs[0]))[0]
        np.testing.assert_array_equal(again[0], outputs[0])
    if (
        kernel.elementwise
        and np.shape(case.inputs[0]) == np.shape(outputs[0])
        and case.inputs[0].dtype == outputs[0].dtype
    ):
        own = case.inputs[0].copy()
        same = forward(case, (own, *case.inputs[1:]), out=own)[0]
        np.testing.assert_array_equal(same[0], outputs[0])
    if kernel.gradient is None:
        return
    dy, places = flows(outputs), checked_inputs(case)
    wanted = tuple(i in places for i in range(len(case.inputs)))
    plain = backward(case, case.inputs, outputs, saved, dy, wanted)
    saved = forward(case, case.inputs)[1]
    buffers = tuple(_garbage(x) if want else None for x, want in zip(case.inputs, wanted, strict=True))
    filled = backward(case, case.inputs, outputs, saved, dy, wanted, buffers)
    for one, other in zip(plain, filled, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-14)


def _garbage(like: Any) -> np.ndarray:
    like = np.asarray(like)
    return np.full(like.shape, np.nan if like.dtype.kind == "f" else 1, like.dtype)


def _shapes_of(result: Any, several: bool) -> list[Any]:
    return list(result) if several else [result]


def check_shapes(case: Case) -> None:
    """The shape rule agrees with the arrays, also where the batch size is unknown."""
    kernel = KERNELS[case.kernel]
    outputs, _ = forward(case, case.inputs)
    shapes = [np.shape(x) for x in case.inputs]
    exact = _shapes_of(kernel.shape(*shapes, **case.attributes), kernel.several)
    for rule, y in zip(exact, outputs, strict=True):
        _agrees(rule, np.shape(y), allow_unknown=False)
    hidden = [(None, *shape[1:]) if i in case.batched and shape else shape for i, shape in enumerate(shapes)]
    for rule, y in zip(_shapes_of(kernel.shape(*hidden, **case.attributes), kernel.several), outputs, strict=True):
        _agrees(rule, np.shape(y), allow_unknown=True)


def _agrees(rule: Any, real: tuple[int, ...], allow_unknown: bool) -> None:
    assert len(rule) == len(real), f"rule says {rule}, the array has {real}"
    for said, size in zip(rule, real, strict=True):
        assert said == size or (allow_unknown and said is None), f"rule says {rule}, the array has {real}"


def _dtype_rule(case: Case, inputs: tuple[Any, ...], count: int) -> list[str]:
    rule = KERNELS[case.kernel].dtype
    if rule is None:
        return [np.result_type(*(x.dtype if isinstance(x, np.ndarray) else x for x in inputs)).name] * count
    dtypes = [x.dtype.name if isinstance(x, np.ndarray) else "float32" for x in inputs]
    if callable(rule):
        rule = rule(*dtypes, **case.attributes)
    return list(rule) if isinstance(rule, list | tuple) else [rule] * count


def check_single_precision(case: Case) -> None:
    """float32 in, float32 out, forward and backward, and the dtype rule knows it."""
    inputs = tuple(
        x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == np.float64 else x for x in case.inputs
    )
    outputs, saved = forward(case, inputs)
    for y, dtype in zip(outputs, _dtype_rule(case, inputs, len(outputs)), strict=True):
        assert y.dtype == np.dtype(dtype), f"{case}: dtype {y.dtype}, rule says {dtype}"
        assert y.dtype != np.float64 or case.attributes.get("dtype") == "float64"
    if KERNELS[case.kernel].gradient is None:
        return
    places = checked_inputs(case)
    answer = backward(case, inputs, outputs, saved, flows(outputs), tuple(i in places for i in range(len(inputs))))
    for place in places:
        assert answer[place].dtype == np.float32, f"{case}: gradient {place} is {answer[place].dtype}"


def check_no_rows(case: Case) -> None:
    """A worker without rows runs the same plan."""
    inputs = tuple(x[:0] if i in case.batched else x for i, x in enumerate(case.inputs))
    outputs, saved = forward(case, inputs)
    if KERNELS[case.kernel].gradient is None:
        return
    places = checked_inputs(case)
    answer = backward(case, inputs, outputs, saved, flows(outputs), tuple(i in places for i in range(len(inputs))))
    for place in places:
        assert answer[place].shape == np.shape(inputs[place])
        assert np.isfinite(answer[place]).all()


Check = Callable[[Case], None]
