"""Trees of arrays as a model would build them, here taken from genuine .keras files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bigdl_keras import saving
from bigdl_keras.saving.archive import read_archive
from bigdl_keras.saving.keras_h5.reader import H5Reader
from bigdl_keras.saving.spec import LayerSpec, ModelSpec, StoreNode, StoreVariable
from bigdl_keras.saving.store import snake_case

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "public"
NAMES = {
    "BatchNormalization": ["gamma", "beta", "moving_mean", "moving_variance"],
    "SpectralNormalization": ["kernel", "vector_u"],
}
FROZEN = {"moving_mean", "moving_variance", "vector_u"}
ORDER = ["query_dense", "key_dense", "value_dense", "output_dense"]


def tree_from_keras(path: Path) -> tuple[ModelSpec, StoreNode]:
    """The architecture of a .keras file, and a tree with its arrays."""
    file = saving.read_file(path)
    assert file.spec is not None
    with H5Reader(read_archive(path).weights(), str(path)) as reader:
        return file.spec, _model(file.spec, reader, reader.root, True)


def _model(spec: ModelSpec, reader: H5Reader, place: Any, trainable: bool) -> StoreNode:
    counts: dict[str, int] = {}
    parts = []
    layers = (
        spec.layers
        if spec.class_name == "Functional"
        else [layer for layer in spec.layers if layer.class_name != "InputLayer"]
    )
    for layer in layers:
        if layer.class_name.startswith("ops."):
            continue
        name = snake_case(layer.class_name)
        number = counts.get(name, 0)
        counts[name] = number + 1
        group = reader.group(place, f"layers/{name}_{number}" if number else f"layers/{name}")
        assert group is not None, (layer.name, name, number)
        parts.append(_layer(layer, reader, group, trainable and spec.trainable))
    return StoreNode(spec.class_name, spec.name, (), {"layers": tuple(parts)})


def _layer(layer: LayerSpec, reader: H5Reader, group: Any, trainable: bool) -> StoreNode:
    if layer.model is not None:
        return _model(layer.model, reader, group, trainable and layer.config.get("trainable", True))
    return _object(
        layer.class_name, layer.name, layer.config, reader, group, trainable and layer.config.get("trainable", True)
    )


def _object(class_name: str, name: str, config: Any, reader: H5Reader, group: Any, trainable: bool) -> StoreNode:
    own = reader.group(group, "vars")
    arrays = [array.read() for array in reader.numbered(own)] if own is not None else []
    names = NAMES.get(class_name, [])
    if class_name == "BatchNormalization" and len(arrays) == 3:
        names = [item for item in names if item != ("beta" if config.get("scale", True) else "gamma")]
    variables = tuple(
        StoreVariable(
            names[index] if index < len(names) else f"array{index}",
            array.shape,
            trainable and (names[index] if index < len(names) else "") not in FROZEN,
            array,
        )
        for index, array in enumerate(arrays)
    )
    children: dict[str, Any] = {}
    keys = [key for key in reader.keys(group) if key != "vars"]
    for key in sorted(
        keys,
        key=lambda item: (
            ORDER.index(item.lstrip("_")) if item.lstrip("_") in ORDER else -(item == "forward_layer"),
            item,
        ),
    ):
        inner = reader.group(group, key)
        if key == "cells":
            cells = config["cells"] if "cells" in config else config["cell"]["config"]["cells"]
            counts: dict[str, int] = {}
            parts = []
            for cell in cells:
                snake = snake_case(cell["class_name"])
                number = counts.get(snake, 0)
                counts[snake] = number + 1
                parts.append(
                    _object(
                        cell["class_name"],
                        cell["config"]["name"],
                        cell["config"],
                        reader,
                        reader.group(inner, f"{snake}_{number}" if number else snake),
                        trainable,
                    )
                )
            children[key] = tuple(parts)
            continue
        nested = config.get(key) or (config.get("layer") if key in ("forward_layer", "backward_layer") else None) or {}
        inner_class = nested.get("class_name") or {
            "cell": f"{class_name}Cell".replace("2DCell", "Cell").replace("1DCell", "Cell")
        }.get(key, "EinsumDense")
        label = reader.text(reader.group(inner, "vars"), "name") or key
        children[key] = _object(inner_class, label, nested.get("config", {}), reader, inner, trainable)
    if class_name == "SpectralNormalization":
        children["layer"] = StoreNode(
            children["layer"].class_name, children["layer"].name, (variables[0], *children["layer"].variables[1:])
        )
    return StoreNode(class_name, name, variables, children, config)


@pytest.fixture(scope="session")
def keras_tree() -> Callable[[Path], tuple[ModelSpec, StoreNode]]:
    """`tree_from_keras`."""
    return tree_from_keras
