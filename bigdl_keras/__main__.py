"""The command line: look into Keras files and change their format, without running anything that they contain."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bigdl_keras import saving
from bigdl_keras.models import loading

_WRITTEN = (".keras", ".weights.h5", ".h5", ".hdf5", ".json")
_EPILOG = """\
exit codes: 0 done; 1 the file cannot be read, or not be written as asked; 2 wrong arguments.
Nothing in a file is executed: Lambda layers with Python code in them are shown, and refused by convert."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    Args:
        arguments: as on the command line; default those of this process.
    """
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "inspect":
            for line in inspect(chosen.file):
                print(line)
        else:
            print(convert(chosen.input, chosen.output, chosen.weights, chosen.overwrite, not chosen.no_compile))
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, TypeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bigdl_keras", description="Look into files of any Keras, and change their format.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    looking = commands.add_parser("inspect", help="print version, architecture, weights and optimizer of a file")
    looking.add_argument("file", metavar="FILE", help=".keras, .h5, .weights.h5 or .json, of Keras 1, 2 or 3")
    changing = commands.add_parser("convert", help="write a model as another kind of file, in the format of Keras 3")
    changing.add_argument("input", metavar="IN", help="a whole model (.keras, .h5), or an architecture (.json)")
    changing.add_argument("output", metavar="OUT", help="what it ends in says what is written: " + ", ".join(_WRITTEN))
    changing.add_argument("--weights", metavar="FILE", help="weights for IN, needed where IN is a .json")
    changing.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    changing.add_argument("--no-compile", action="store_true", help="leave out loss, metrics and optimizer")
    return parser


# ---- inspect

def inspect(path: str) -> Iterable[str]:
    """Lines that tell what a file holds.

    Raises:
        ValueError: no such file, or it cannot be read.
    """
    with saving.fetched(path) as place:
        if saving.is_json(place):
            with saving.reading(path):
                spec = saving.read_json(saving.read_text(place), safe_mode=False)
            yield f"{path}: an architecture ({spec.class_name}), without weights"
            yield f"written by {spec.version}"
            yield from _model(spec)
            return
        file = saving.read_file(place, safe_mode=False)
        kind = "weights only" if file.spec is None else f"a whole model ({file.spec.class_name})"
        yield f"{path}: {kind}, {_size(os.path.getsize(place))}"
        yield f"written by {file.version}"
        if file.spec is not None:
            yield from _model(file.spec)
        weights, remembered = file.list_arrays()
        yield from ("", f"Weights: {_total(weights)}", *_arrays(weights))
        yield from ("", *_optimizer(file.spec, remembered))


def _model(spec: saving.ModelSpec) -> Iterable[str]:
    yield from ("", f"Architecture of '{spec.name}'", *_architecture(spec))
    unknown = sorted(_class_names(spec) - loading.known_layers())
    if unknown:
        yield f"Not known to bigdl_keras: {', '.join(unknown)}. Pass custom_objects= to load_model()."


def _architecture(spec: saving.ModelSpec) -> list[str]:
    rows = [("Layer", "Class", "Arguments", "Connected to"), *_layer_rows(spec, 0)]
    stacked = not any(row[3] for row in rows[1:])
    return _table([row[:3] for row in rows] if stacked else rows)


def _layer_rows(spec: saving.ModelSpec, depth: int) -> Iterable[tuple[str, str, str, str]]:
    for layer in spec.layers:
        parents = [f"{tensor.layer}[{tensor.node_index}]" if tensor.node_index else tensor.layer
                   for call in layer.inbound for tensor in saving.tensors_of([call.args, call.kwargs])]
        name = "  " * depth + layer.name
        yield name, layer.class_name, _arguments(layer.config), ", ".join(dict.fromkeys(parents))
        if layer.model is not None:
            yield from _layer_rows(layer.model, depth + 1)


# What a reader of the table looks for first; the rest is in `to_json()`.
_SHOWN = (
    "batch_shape", "units", "filters", "kernel_size", "pool_size", "strides", "padding", "dilation_rate", "groups",
    "input_dim", "output_dim", "num_heads", "key_dim", "target_shape", "dims", "size", "n", "rate", "axis", "axes",
    "activation", "recurrent_activation", "return_sequences", "go_backwards", "stateful", "function",
)
_COUNTS = ("strides", "dilation_rate", "groups")  # not worth telling where they are 1


def _arguments(config: dict[str, Any]) -> str:
    found = []
    for name in _SHOWN:
        value = config.get(name)
        if value is None or value is False or value == "linear" or (name, value) == ("padding", "valid"):
            continue
        if name in _COUNTS and set(value if isinstance(value, (list, tuple)) else [value]) == {1}:
            continue
        shown = tuple(value) if isinstance(value, list) else value
        found.append(f"{name}={shown.get('class_name', '...') if isinstance(shown, dict) else shown}")
    for name in ("layer", "forward_layer", "cell"):
        inner = config.get(name)
        if isinstance(inner, dict):
            found.append(f"{name}={inner.get('class_name')}({_arguments(inner.get('config') or {})})")
    return " ".join(found)


def _class_names(spec: saving.ModelSpec) -> set[str]:
    names: set[str] = set()
    for layer in spec.layers:
        names |= {layer.class_name} if layer.model is None else _class_names(layer.model)
    return names


def _arrays(entries: Sequence[saving.ArrayEntry]) -> list[str]:
    if not entries:
        return []
    rows = [("Layer", "Array", "Shape", "Type", "Size")]
    rows += [(entry.owner, entry.name, str(entry.shape), entry.dtype, _size(entry.byte_count)) for entry in entries]
    return _table(rows)


def _optimizer(spec: saving.ModelSpec | None, remembered: Sequence[saving.ArrayEntry]) -> list[str]:
    compiled = (spec.compile if spec is not None else None) or {}
    optimizer = compiled.get("optimizer")
    lines = []
    if isinstance(optimizer, dict):
        config = optimizer.get("config") or {}
        plain = ", ".join(f"{key}={value}" for key, value in config.items() if isinstance(value, (int, float, str)))
        lines = [f"Optimizer: {optimizer.get('class_name')}({plain})", f"Loss: {compiled.get('loss')}"]
    elif not remembered:
        return ["No optimizer."]
    return [*lines, f"Optimizer state: {_total(remembered)}", *_arrays(remembered)]


def _total(entries: Sequence[saving.ArrayEntry]) -> str:
    return f"{len(entries)} arrays, {_size(sum(entry.byte_count for entry in entries))}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


# ---- convert

def convert(source: str, target: str, weights: str | None = None, overwrite: bool = False, compile: bool = True) -> str:
    """Write the model in a file as another kind of file; returns a line that says what was done.

    Raises:
        ValueError: the files do not allow it; the message says what is needed.
        FileExistsError: `target` is there, and `overwrite` is False.
    """
    ending = saving.without_query(target)
    if not ending.endswith(_WRITTEN):
        raise ValueError(f"OUT must end in one of {', '.join(_WRITTEN)}. Received {target!r}.")
    if saving.exists(target) and not overwrite:
        raise FileExistsError(f"{target} exists. Pass --overwrite to replace it.")
    with saving.fetched(source) as place:
        model, report = _model_of(source, place, target, weights, compile)
    if ending.endswith(".json"):
        with saving.delivered(target) as place:
            Path(place).write_text(model.to_json(), encoding="utf-8")
    elif ending.endswith(".weights.h5"):
        model.save_weights(target)
    else:
        model.save(target)
    return f"{source} -> {target}{report}"


def _model_of(source: str, place: str, target: str, weights: str | None, compile: bool) -> tuple[Any, str]:
    """The model in the file `source`, which lies at `place`, and what became of `weights`."""
    if saving.is_json(place):
        if weights is None and not saving.without_query(target).endswith(".json"):
            raise ValueError(f"{source} is an architecture without weights: pass --weights FILE to write {target}.")
        model = loading.model_beside(place, weights)
    elif saving.read_file(place, safe_mode=False).is_weights_only:
        raise ValueError(f"{source} holds weights only. Pass the model's JSON as IN: convert ARCHITECTURE.json "
                         f"{target} --weights {source}.")
    else:
        model = loading.load_model(place, compile=compile)
    return model, "" if weights is None else f" ({model.load_weights(weights)})"


if __name__ == "__main__":
    sys.exit(main())
