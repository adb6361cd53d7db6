"""Models of Keras 1 in forms that later Keras dropped become plain graphs before they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .objects import Reading
from .spec import Call, LayerSpec, ModelSpec, TensorRef

Entry = dict[str, Any]
Tensor = list[Any]


def prepare(entry: Entry, reading: Reading) -> Entry:
    """The same model in a form the reader understands: a Sequential that starts with Merge([...]) becomes a graph."""
    config = entry["config"]
    if isinstance(config, list) and config and isinstance(config[0], dict) and config[0].get("class_name") == "Merge":
        layers: list[Entry] = []
        inputs: list[Tensor] = []
        output = _chain(config, layers, inputs)
        name = entry.get("name") or "sequential"
        return {
            "class_name": "Model",
            "config": {"name": name, "layers": layers, "input_layers": inputs, "output_layers": [output]},
        }
    return entry


def _chain(entries: list[Entry], layers: list[Entry], inputs: list[Tensor]) -> Tensor:
    """Append the layers of a Sequential, each called on the one before; returns its output tensor."""
    first = entries[0]
    config = first["config"]
    if first["class_name"] == "Merge":
        sources = [_branch(branch, layers, inputs) for branch in config["layers"]]
        rest = entries
        current: list[Tensor] = sources
    else:
        name = f"{_name(first)}_input"
        place = config if isinstance(config, dict) else {}
        shape = place.get("batch_input_shape") or (place.get("layer") or {}).get("config", {}).get("batch_input_shape")
        if shape is None:
            raise ValueError(f"Branch layer '{_name(first)}' of a Merge has no input shape.")
        layers.append(
            {
                "class_name": "InputLayer",
                "name": name,
                "inbound_nodes": [],
                "config": {
                    "name": name,
                    "batch_input_shape": shape,
                    "input_dtype": place.get("input_dtype", "float32"),
                },
            }
        )
        inputs.append([name, 0, 0])
        rest, current = entries, [[name, 0, 0]]
    for entry in rest:
        layers.append(
            {
                "class_name": entry["class_name"],
                "name": _name(entry),
                "config": entry["config"],
                "inbound_nodes": [current],
            }
        )
        current = [[_name(entry), 0, 0]]
    return current[0]


def _branch(branch: Entry, layers: list[Entry], inputs: list[Tensor]) -> Tensor:
    """Append the layers of one branch: a Sequential, a Model (whose own graph is taken over) or a single layer."""
    config = branch["config"]
    if branch["class_name"] == "Sequential":
        return _chain(config, layers, inputs)
    if isinstance(config, dict) and "input_layers" in config:
        layers.extend(config["layers"])
        inputs.extend(config["input_layers"])
        return list(config["output_layers"][0])
    return _chain([branch], layers, inputs)


def _name(entry: Entry) -> str:
    config = entry["config"]
    return str(
        entry.get("name") or (config.get("name") if isinstance(config, dict) else None) or entry["class_name"].lower()
    )


def through_identities(entries: list[Entry], tensor: Any) -> Any:
    """The input tensor that a model's input really is.

    A linear Activation of Keras 1 hands on its very input, so that a model may list the activation as its input layer.
    """
    by_name = {_name(entry): entry for entry in entries}
    for _ in range(len(entries)):
        entry = by_name.get(tensor[0]) if isinstance(tensor, list) and tensor else None
        if entry is None or entry["class_name"] != "Activation" or entry["config"].get("activation") != "linear":
            break
        tensor = entry["inbound_nodes"][0][0][:3]
    return tensor


# What one layer of Keras 1 does takes two of Keras 3 --------------------------------------------------------------


def finish(layers: tuple[LayerSpec, ...], in_graph: bool, reading: Reading) -> tuple[LayerSpec, ...]:
    """Put helpers beside the layers that computed more than their Keras 3 namesakes.

    Theano pads 'same' convolutions by half a kernel on each side, whatever the stride; Merge(mode='cos') adds an axis.
    """
    result: list[LayerSpec] = []
    for layer in layers:
        padding = _half_padding(layer) if reading.version.backend == "theano" else None
        if padding is not None:
            helper = LayerSpec(
                f"ZeroPadding{len(padding)}D",
                f"{layer.name}_padding",
                {
                    "name": f"{layer.name}_padding",
                    "padding": padding[0] if len(padding) == 1 else padding,
                    **({} if len(padding) == 1 else {"data_format": layer.config.get("data_format", "channels_last")}),
                },
                layer.inbound,
            )
            calls = tuple(Call((TensorRef(helper.name, index),)) for index in range(len(layer.inbound)))
            result += [helper, replace(layer, config={**layer.config, "padding": "valid"}, inbound=calls)]
        elif layer.class_name == "Dot" and layer.config.pop("expanded", False) and in_graph:
            inner = f"{layer.name}_product"
            calls = tuple(Call((TensorRef(inner, index),)) for index in range(len(layer.inbound)))
            result += [
                replace(layer, name=inner, config={**layer.config, "name": inner}),
                LayerSpec("ops.expand_dims", layer.name, {"axis": 1}, calls),
            ]
        else:
            result.append(layer)
    return tuple(result)


def padded_otherwise_by_theano(spec: ModelSpec) -> list[str]:
    """Names of the convolutions, in nested models too, whose 'same' padding Theano means otherwise."""
    names = [layer.name for layer in spec.layers if layer.model is None and _half_padding(layer) is not None]
    return names + [name for layer in spec.layers if layer.model for name in padded_otherwise_by_theano(layer.model)]


def _half_padding(layer: LayerSpec) -> list[list[int]] | None:
    """The padding that Theano's 'same' means for a convolution, or None where it is that of everybody else."""
    config = layer.config
    if layer.class_name not in ("Conv1D", "Conv2D", "Conv3D", "SeparableConv2D") or config.get("padding") != "same":
        return None
    kernel, strides = config["kernel_size"], config.get("strides") or [1] * len(config["kernel_size"])
    if all(size % 2 and stride == 1 for size, stride in zip(kernel, strides, strict=True)):
        return None
    return [[size // 2, (size - 1) // 2] for size in kernel]
