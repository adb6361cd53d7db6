"""What a user of Keras 3 or BigDL finds here, and what not: `docs/coverage.md` is written by this script.

Usage: python .ci/coverage.py          writes the page
       python .ci/coverage.py --check  says whether it is up to date
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import bigdl_keras

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
NAMES = ROOT / "tests" / "data"

# (room, pattern of names) -> what stands in their place; the first that fits is told.
INSTEAD = [
    ("", r"^(Jax|Flax|Torch|TFSM)", "wraps a layer of another framework"),
    ("layers", r"^AugMix$", "`RandAugment`, or other Random... layers in a `Pipeline`"),
    ("layers", r"^RandomElastic", "`ops.image.elastic_transform` in a Lambda"),
    ("layers", r"^MaxNumB", "no bounding boxes: images alone are transformed"),
    ("ops", r"^(custom_gradient|device|name_scope)", "gradients follow from the kernels; plans hold no functions"),
    ("callbacks", r"^OrbaxCheckpoint$", "`callbacks.BackupAndRestore`, `model.set_checkpoint`"),
    ("utils", r"(_from_directory|load_img|save_img|_to_img|img_to)",
     "files become rows with Spark, e.g. `spark.read.format('image')`"),
    ("utils", r"^FeatureSpace$",
     "`Normalization`, `StringLookup`, ... on their own; a DataFrame's columns as inputs"),
    ("utils", r"^(plot_model|model_to_dot)$",
     "`model.summary()`, `model.to_json()`, `save_graph_topology` of `keras1.models`"),
    ("random", r"",
     "`normal` and `uniform`, of which they can be made; `ops.argmax` of Gumbel noise for `categorical`"),
    ("config", r"flash|nnx|traceback|unsafe|logging|max_|dtype_policy", "nothing here to set"),
    ("models", r"^save_model$", "`model.save`"),
    ("(utils|saving)", r"_(keras|registered)_", "`layers.serialize`, `losses.serialize`, ...; `get_custom_objects`"),
    ("saving", r"^(load|save)_", "`models.load_model`, and methods of the model"),
    ("saving", r"^KerasFileEditor$", "`python -m bigdl_keras` looks into files"),
    ("(config|backend)", r"set_(epsilon|image_data_format|backend)", "formulas and layers have it as an argument"),
    ("keras1.layers", r"^KerasLayerWrapper$", "layers of the JVM: write a Layer or a Lambda"),
    ("keras1.layers", r"^GetShape$", "`tensor.shape`"),
    ("keras1.models", r"^(backward|parameters)$", "gradients are those of a whole training step; `get_weights`"),
    ("keras1.models", r"^quantize$", "no quantized models"),
    ("optimizers.schedules", r"^Plateau$", "`keras1.optimizer.Plateau`, for the driver; `callbacks.ReduceLROnPlateau`"),
    ("keras1.metrics", r"ObjectDetection$", "no detection models: a list of boxes does not add up"),
]


def place_of(room: str) -> Any:
    """The module of this library, or an object of the class, that answers for a room."""
    path, _, last = room.rpartition(".")
    if last[:1].isupper():
        return getattr(importlib.import_module(f"bigdl_keras.{path}"), last)()
    return getattr(bigdl_keras, room) if "." not in room else importlib.import_module(f"bigdl_keras.{room}")


def is_here(room: str, name: str) -> bool:
    """Whether a user who looks for `name` in the room finds it."""
    return hasattr(place_of(room), name)


def instead(room: str, name: str) -> str:
    """What is told of a name that is not here."""
    for part, pattern, text in INSTEAD:
        if re.match(part, room) and re.search(pattern, name):
            return text
    return "not yet"


def chapter(title: str, file_name: str) -> list[str]:
    """All rooms of one library."""
    data = json.loads((NAMES / file_name).read_text())
    found = {room: [name for name in names if is_here(room, name)] for room, names in data["rooms"].items()}
    lines = [f"## {title} ({data['version']})", "", "| room | here | of |", "|---|---|---|"]
    lines += [f"| `{room}` | {len(found[room])} | {len(names)} |" for room, names in data["rooms"].items()]
    for room, names in data["rooms"].items():
        missing = [name for name in names if name not in found[room]]
        lines += ["", f"### `{room}`", "", f"Here: {', '.join(f'`{name}`' for name in found[room]) or 'nothing'}."]
        if missing:
            lines += ["", "| not here | instead |", "|---|---|"]
            reasons: dict[str, list[str]] = {}
            for name in missing:
                reasons.setdefault(instead(room, name), []).append(name)
            lines += [f"| {', '.join(f'`{name}`' for name in group)} | {reason} |" for reason, group in reasons.items()]
    return [*lines, ""]


ARGUMENTS = [
    ("Model.train_step`, `test_step`, `predict_step`, `compute_loss`, `compute_metrics",
     "a subclass that defines one is refused when it is compiled: workers run one compiled plan"),
    ("Dense(lora_rank=, quantization_config=)`, also of `EinsumDense`, `Embedding",
     "no adapters, no quantized weights"),
    ("BatchNormalization(renorm=)", "`synchronized=True`"),
    ("MultiHeadAttention(sliding_window=, use_gate=, flash_attention=)`, also of `GroupQueryAttention",
     "`attention_mask` says where to look"),
    ("Input(sparse=, ragged=, optional=)", "rows have one shape: pad them and mask"),
    ("metrics.SparseCategoricalCrossentropy(ignore_class=)", "`sample_weight`; the loss of this name has it"),
    ("metrics.SparseTopKCategoricalAccuracy(from_sorted_ids=)", "scores of all classes"),
    ("callbacks.TensorBoard(embeddings_metadata=)", "nothing"),
    ("SeedGenerator` and `seed=` of layers", "taken, but in a model all that is random follows the seed of `fit`"),
    ("Optimizer.apply_gradients, `Model.export`, `Layer.stateless_call",
     "`fit`; `model.save`"),
]


def arguments() -> list[str]:
    """What Keras takes and this library does not, where the name itself is here."""
    lines = ["## Arguments and methods of Keras that are not here", "", "| in Keras | here |", "|---|---|"]
    return [*lines, *(f"| `{name}` | {text} |" for name, text in ARGUMENTS), ""]


def page() -> str:
    """The whole page."""
    lines = ["# What is here of Keras 3 and of BigDL", "",
             "Written by `.ci/coverage.py` from the public names of real Keras and from BigDL's sources, compared with "
             "what can be imported here. What is here takes the original's arguments and means the same; where it "
             "differs on purpose, its docstring, or that of `bigdl_keras.keras1`, says so.", ""]
    lines += chapter("Keras", "keras3_names.json")
    lines += arguments()
    lines += chapter("BigDL", "bigdl_names.json")
    return "\n".join(lines)


def main() -> int:
    """Write the page, or compare."""
    text = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != text:
            print("docs/coverage.md is out of date: run python .ci/coverage.py")
            return 1
        return 0
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
