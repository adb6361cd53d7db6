"""What recurrent kernels share: inputs, time-major work arrays, masks, nonlinearities, gradients of weights at the end.

Inputs, in this order: x (batch, time, features); initial states (batch, units) if `stated`; kernel (features,
gates * units); recurrent_kernel (units, gates * units); bias if `use_bias`; factor (batch, units), which multiplies the
state on its way into the recurrent product (recurrent dropout), if `dropped`; mask (batch, time), true where a step
counts, if `masked`. Outputs: the sequence (batch, time, units) or its last step, then the final states. A step that
does not count keeps the state and repeats the output of the step before (zeros where there was none, or always with
`zero_output_for_mask`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS

Activation = str | tuple[str, tuple[tuple[str, Any], ...]]


class Nonlinearity:
    """An activation kernel by name, possibly with attributes: "tanh", ("hard_sigmoid", (("slope", 0.2),)), "linear".

    The usual two, tanh and sigmoid, are written out here: they run once a step on small arrays, where each call counts.
    """

    def __init__(self, activation: Activation) -> None:
        self.name, pairs = (activation, ()) if isinstance(activation, str) else activation
        self._attributes = dict(pairs)
        self._kernel = None if self.name == "linear" else KERNELS[self.name]
        self.from_output = self._kernel is None or self._kernel.needs == ("output",)

    def apply(self, x: Any, out: Any, kept: Any) -> None:
        """out = f(x); `kept` (another array where the gradient needs the input) remembers x."""
        if self.name == "tanh":
            np.tanh(x, out=out)
        elif self.name == "sigmoid":  # 0.5 + 0.5 * tanh(x / 2)
            np.multiply(x, 0.5, out=out)
            np.tanh(out, out=out)
            np.multiply(out, 0.5, out=out)
            np.add(out, 0.5, out=out)
        else:
            if not self.from_output:
                np.copyto(kept, x)
            result = x if self._kernel is None else self._kernel.forward(x, out=out, **self._attributes)
            if result is not out:
                np.copyto(out, result)

    def flow(self, dy: Any, kept: Any, out: Any) -> None:
        """out = dy * f'; out may be dy."""
        if self.name == "tanh":
            slope = kept * kept
            np.subtract(1, slope, out=slope)
            np.multiply(dy, slope, out=out)
        elif self.name == "sigmoid":
            slope = 1 - kept
            np.multiply(slope, kept, out=slope)
            np.multiply(dy, slope, out=out)
        elif self._kernel is None:
            np.copyto(out, dy)
        else:
            gradient: Callable[..., Any] = self._kernel.gradient  # type: ignore[assignment]
            (result,) = gradient(dy, kept, wanted=(True,), out=(None,), **self._attributes)
            np.copyto(out, result)

    def memory(self, output: Any) -> Any:
        """The array that `apply` shall keep for `flow`, given the array of outputs."""
        return output if self.from_output else np.empty_like(output)


@dataclass
class Inputs:
    """The inputs of a recurrent kernel by name, with the steps in the order of their processing."""

    x: Any
    states: tuple[Any, ...]
    kernel: Any
    recurrent_kernel: Any
    bias: Any
    factor: Any
    mask: Any
    steps: Any = field(
        init=False
    )  # (time, batch, features + 1): a column of ones carries the bias through the products

    def __post_init__(self) -> None:
        batch, time, features = self.x.shape
        self.steps = np.empty((time, batch, features + (self.bias is not None)), self.x.dtype)
        self.steps[:, :, :features] = self.x.transpose(1, 0, 2)
        self.steps[:, :, features:] = 1

    @property
    def units(self) -> int:
        return int(self.recurrent_kernel.shape[0])

    @property
    def flat_steps(self) -> Any:
        """All steps of all rows as a matrix."""
        time, batch, width = self.steps.shape
        return self.steps.reshape(time * batch, width)


def opened(
    inputs: tuple[Any, ...],
    states: int,
    *,
    stated: bool,
    use_bias: bool,
    dropped: bool,
    masked: bool,
    go_backwards: bool,
) -> Inputs:
    """Give the inputs their names; absent initial states are zeros."""
    values = list(inputs)
    x = values.pop(0)
    given = tuple(values.pop(0) for _ in range(states if stated else 0))
    kernel, recurrent_kernel = values.pop(0), values.pop(0)
    bias = values.pop(0) if use_bias else None
    factor = values.pop(0) if dropped else None
    mask = np.asarray(values.pop(0), bool).T[:, :, None] if masked else None  # (time, batch, 1)
    if go_backwards:
        x = x[:, ::-1]
        mask = None if mask is None else mask[::-1]
    given = given or tuple(np.zeros((len(x), recurrent_kernel.shape[0]), x.dtype) for _ in range(states))
    return Inputs(x, given, kernel, recurrent_kernel, bias, factor, mask)


def projected(inputs: Inputs, kernel: Any, bias: Any) -> Any:
    """x @ kernel + bias for all steps in one GEMM: (time, batch, gates * units)."""
    weights = kernel if bias is None else np.concatenate([kernel, bias[None]])
    return np.matmul(inputs.flat_steps, weights).reshape(*inputs.steps.shape[:2], kernel.shape[1])


def keep_masked(counts: Any, new: Any, old: Any) -> None:
    """Where a step does not count, the state stays."""
    np.copyto(new, old, where=~counts)


def outputs_of(hidden: Any, mask: Any, return_sequences: bool, zero_output_for_mask: bool) -> Any:
    """The sequence or its last step, from the states `hidden` (time + 1, batch, units)."""
    steps = hidden[1:]
    if mask is not None:
        steps = steps.copy()
        before = np.zeros_like(hidden[0])
        for now, counts in zip(steps, mask, strict=True):
            keep_masked(counts, now, before)
            before = now if not zero_output_for_mask else before
    if not return_sequences:
        return steps[-1].copy() if len(steps) else np.zeros_like(hidden[0])
    return np.ascontiguousarray(steps.transpose(1, 0, 2))


def flows_of(
    dy: Any, shape: tuple[int, ...], mask: Any, return_sequences: bool, zero_output_for_mask: bool, dtype: Any
) -> Any:
    """Gradient of `outputs_of`: (time, batch, units), or None where nothing flows back."""
    if dy is None:
        return None
    if return_sequences:
        flows = np.ascontiguousarray(dy.transpose(1, 0, 2))
    else:
        flows = np.zeros(shape, dtype)
        flows[-1] = dy
    if mask is None:
        return flows
    flows = flows.copy() if flows.base is not None or return_sequences else flows
    for now in range(len(flows) - 1, -1, -1):
        if now and not zero_output_for_mask:
            flows[now - 1] += np.where(mask[now], 0, flows[now])
        flows[now] *= mask[now]
    return flows


def input_gradients(inputs: Inputs, dz: Any, kernel: Any, wanted_x: bool) -> tuple[Any, Any, Any]:
    """dx (time, batch, features), dkernel and dbias in two GEMMs over all steps; dz is (time, batch, gates * units)."""
    time, batch, width = dz.shape
    features = kernel.shape[0]
    flat = dz.reshape(time * batch, width)
    dx = np.matmul(flat, kernel.T).reshape(time, batch, features) if wanted_x else None
    dweights = np.matmul(inputs.flat_steps.T, flat)
    return dx, dweights[:features], dweights[-1]


def by_rows(steps: Any, go_backwards: bool) -> Any:
    """(time, batch, features), in the order of processing, as (batch, time, features)."""
    return np.ascontiguousarray((steps[::-1] if go_backwards else steps).transpose(1, 0, 2))


def answers(
    dx: Any,
    dstates: tuple[Any, ...],
    dkernel: Any,
    drecurrent: Any,
    dbias: Any,
    dfactor: Any,
    *,
    stated: bool,
    use_bias: bool,
    dropped: bool,
    masked: bool,
) -> tuple[Any, ...]:
    """Gradients in the order of the inputs."""
    return (
        dx,
        *(dstates if stated else ()),
        dkernel,
        drecurrent,
        *((dbias,) if use_bias else ()),
        *((dfactor,) if dropped else ()),
        *((None,) if masked else ()),
    )


def recurrent_shape(states: int, gates: int) -> Callable[..., list[Any]]:
    """Shape rule of a recurrent kernel with so many states and gates."""

    def shape(x: Any, *rest: Any, stated: bool = False, return_sequences: bool = False, **attributes: Any) -> list[Any]:
        kernel = rest[states if stated else 0]
        if len(x) != 3 or (x[-1] is not None and x[-1] != kernel[0]):
            raise ValueError(
                f"A recurrent layer built for {kernel[0]} features needs an input (batch, time, {kernel[0]}). "
                f"Received shape {x}."
            )
        units = kernel[1] // gates
        state = (x[0], units)
        return [(x[0], x[1], units) if return_sequences else state, *([state] * states)]

    return shape


def recurrent_dtype(states: int) -> Callable[..., list[str]]:
    """Dtype rule: all outputs have the dtype of x."""

    def dtype(x: Any, *rest: Any, **attributes: Any) -> list[str]:
        return [np.dtype(x).name] * (states + 1)

    return dtype
