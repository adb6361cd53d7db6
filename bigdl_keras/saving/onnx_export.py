"""A plan of predictions becomes an ONNX graph, step by step; all that ONNX cannot say is told at once."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from bigdl_keras.graph.plan import Plan, Step
from bigdl_keras.kernels import KERNELS

from . import onnx_attention, onnx_images, onnx_recurrent, onnx_shapes  # noqa: F401 (they file their kernels)
from .onnx_kernels import TRANSLATIONS, Gap
from .writing import write_aside

OPSET = 18  # of ONNX 1.13


def write_onnx(path: str | os.PathLike[str], plan: Plan, values: np.ndarray, name: str, outputs: list[str]) -> None:
    """Write a plan of predictions as an ONNX model.

    Args:
        path: where to.
        plan: what computes predictions.
        values: the weights, as the plan's windows cut them.
        name: name of the model.
        outputs: names of the outputs.

    Raises:
        ImportError: the package `onnx` is not installed.
        ValueError: steps that ONNX cannot say, all of them by layer.
    """
    writer = _Writer(plan, values)
    write_aside(os.fspath(path), writer.model(name, outputs).SerializeToString())


class _Writer:
    """The graph that is being written: `Graph` of the translations."""

    def __init__(self, plan: Plan, values: np.ndarray) -> None:
        try:
            import onnx
        except ImportError as error:
            raise ImportError("export_onnx() needs the package onnx: pip install 'bigdl-keras[onnx]'.") from error
        self._onnx: Any = onnx
        self._plan = plan
        self._nodes: list[Any] = []
        self._arrays: dict[str, np.ndarray] = {}
        self._names: dict[int, str] = {item.slot: item.name for item in plan.inputs}
        self._shapes: dict[str, tuple[int | None, ...]] = {item.name: item.shape for item in plan.inputs}
        self._dtypes = {**plan.dtypes, **{item.slot: item.dtype for item in plan.inputs}}
        for slot, window in plan.windows.items():
            self._names[slot] = f"weight_{slot}"
            self._keep(f"weight_{slot}", values[window.start : window.stop].reshape(window.shape))

    # ---- what translations ask

    def add(self, operator: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> Any:
        if operator == "Cast":
            attributes["to"] = self._type(attributes["to"])
        made = [f"{operator.lower()}_{len(self._nodes)}_{place}" for place in range(outputs)]
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, made, **attributes))
        return made[0] if outputs == 1 else made

    def constant(self, value: Any, dtype: str) -> str:
        name = f"constant_{len(self._arrays)}"
        self._keep(name, np.asarray(value, dtype))
        return name

    def array(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise Gap("weights that are computed")
        return self._arrays[name]

    def shape(self, name: str) -> tuple[int | None, ...]:
        return self._shapes[name]

    # ---- the whole

    def model(self, name: str, outputs: list[str]) -> Any:
        """The model, checked by onnx itself."""
        gaps = []
        for step in self._plan.steps:
            try:
                self._translate(step)
            except Gap as gap:
                gaps.append(f"{step.layer or 'the model'}: {step.kernel} ({gap})")
                self._note(step, [f"gap_{slot}" for slot in step.outputs])
        if gaps:
            raise ValueError("ONNX export does not know: " + "; ".join(dict.fromkeys(gaps)) + ".")
        onnx = self._onnx
        results = []
        for slot, title in zip(self._plan.outputs, outputs, strict=True):
            inner = self._names[slot]
            self._nodes.append(onnx.helper.make_node("Identity", [inner], [title]))
            results.append(self._described(title, self._dtypes[slot], self._shapes[inner]))
        given = [self._described(item.name, item.dtype, item.shape) for item in self._plan.inputs]
        arrays = [onnx.numpy_helper.from_array(np.ascontiguousarray(array), title)
                  for title, array in self._arrays.items()]
        graph = onnx.helper.make_graph(self._nodes, name, given, results, arrays)
        opset = [onnx.helper.make_opsetid("", OPSET)]
        model = onnx.helper.make_model(graph, producer_name="bigdl_keras", opset_imports=opset, ir_version=8)
        onnx.checker.check_model(model)
        return model

    def _translate(self, step: Step) -> None:
        if step.kernel not in TRANSLATIONS:
            raise Gap("no translation")
        names = [self._name(slot, step) for slot in step.inputs]
        made = TRANSLATIONS[step.kernel](self, names, step.attributes)
        self._note(step, [made] if isinstance(made, str) else made)

    def _note(self, step: Step, names: list[str]) -> None:
        """File the names of a step's outputs, with the shapes that the kernel's own rule gives."""
        shapes = KERNELS[step.kernel].shape(*(self._shape_of(slot) for slot in step.inputs), **step.attributes)
        for slot, name, shape in zip(step.outputs, names, shapes if KERNELS[step.kernel].several else [shapes],
                                     strict=True):
            self._names[slot] = name
            self._shapes[name] = tuple(shape)

    def _name(self, slot: int, step: Step) -> str:
        if slot not in self._names:
            value = self._plan.constants[slot]
            others = [self._dtypes.get(other, "float32") for other in step.inputs if other not in self._plan.constants]
            dtype = str(value.dtype) if isinstance(value, np.ndarray) else (others or ["float32"])[-1]
            self._names[slot] = self.constant(value, dtype)
        return self._names[slot]

    def _shape_of(self, slot: int) -> tuple[int | None, ...]:
        if slot in self._names:
            return self._shapes[self._names[slot]]
        shape: tuple[int, ...] = np.shape(self._plan.constants[slot])
        return shape

    def _keep(self, name: str, array: np.ndarray) -> None:
        self._arrays[name] = array
        self._shapes[name] = array.shape

    def _described(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> Any:
        sizes = [f"{'rows' if axis == 0 else f'{name}_{axis}'}" if size is None else size
                 for axis, size in enumerate(shape)]
        return self._onnx.helper.make_tensor_value_info(name, self._type(dtype), sizes)

    def _type(self, dtype: str) -> int:
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
