"""What real Keras computes for every entry of layer_configs, pickled to the file named on the command line."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "numpy"  # nothing is compiled, so that hundreds of layers take seconds

import keras
import layer_configs
import numpy as np


def answer(number: int, config: layer_configs.Config) -> dict[str, Any]:
    """Inputs, weights, and outputs in both phases, with the weights after training."""
    name, arguments, inputs, called = config
    random = np.random.default_rng(number)
    layer = getattr(keras.layers, name)(**layer_configs.build(keras.layers, arguments))
    arrays = [item if isinstance(item, np.ndarray) else random.normal(size=item).astype("float32") for item in inputs]
    layer_configs.call(layer, arrays, **called)
    weights = [random.uniform(0.5, 1.5, weight.shape).astype("float32") for weight in layer.weights]
    layer.set_weights(weights)
    outputs = layer_configs.call(layer, arrays, **called)
    trained = None if called or name == "Discretization" else layer_configs.call(layer, arrays, **_training(layer))
    names, after = [weight.name for weight in layer.weights], [np.asarray(weight) for weight in layer.weights]
    return {"inputs": arrays, "names": names, "weights": weights, "outputs": outputs, "trained": trained,
            "after": after}


def _training(layer: Any) -> dict[str, bool]:
    return {"training": True} if "training" in layer.call.__code__.co_varnames else {}


if __name__ == "__main__":
    answers = [answer(number, config) for number, config in enumerate(layer_configs.configs())]
    with open(sys.argv[1], "wb") as file:
        pickle.dump(answers, file)
