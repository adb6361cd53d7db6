"""BigDL's and Keras 1.2.2's face of a model: their argument names, our models.

A model made here is one of ours in every other way: it trains on the same engines, nests in other models, and is saved
in Keras's own format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import models as _ours
from bigdl_keras.graph import nest
from bigdl_keras.keras1 import metrics as _metrics
from bigdl_keras.keras1 import objectives, optimizers
from bigdl_keras.keras1.composed_criteria import heads_of
from bigdl_keras.keras1.merging import Merge
from bigdl_keras.keras1.plateau import with_plateau
from bigdl_keras.layers import Layer
from bigdl_keras.models import Graph
from bigdl_keras.summary import EventFile

__all__ = ["KerasNet", "Model", "Sequential", "load_model", "model_from_json"]

_ENDINGS = (".keras", ".h5", ".hdf5")
_BATCH_ROWS = 32


class KerasNet(_ours.Model):
    """The methods of BigDL's models, before our own."""

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Any = None,  # type: ignore[override]
                loss_weights: Any = None, **kwargs: Any) -> None:
        """Choose optimizer, loss and metrics, by Keras 1's names or as objects of `keras1` or of ours.

        Args:
            optimizer: strings mean BigDL's settings: 'sgd' and 'adagrad' have lr=0.01.
            loss: name, object, or a function (y_true, y_pred) of variables.
            metrics: names or objects; the loss is always among the results.
            loss_weights: of several outputs.
            kwargs: as for our `compile`.
        """
        loss, loss_weights = heads_of(loss, loss_weights)
        super().compile(optimizers.get(optimizer), nest.map_leaves(objectives.get, loss), loss_weights,
                        _metrics.translate(metrics), **kwargs)

    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = 32, nb_epoch: int = 10,  # type: ignore[override]
            validation_split: float = 0, validation_data: Any = None, distributed: bool = True,
            feature_cols: Any = None, label_cols: Any = None, transform: Any = None, **kwargs: Any) -> Any:
        """Train for `nb_epoch` more epochs.

        Args:
            x: arrays, an RDD of `Sample` or of tuples, or a DataFrame.
            y: labels, for arrays.
            batch_size: rows of a global batch.
            nb_epoch: number of epochs.
            validation_split: last part of the arrays to validate on.
            validation_data: (x, y), an RDD or a DataFrame.
            distributed: False trains in this process. Arrays are in this process and train there in any case, with the
                result that a cluster would give.
            feature_cols, label_cols: columns of a DataFrame.
            transform: not known here; transform the DataFrame before.
            kwargs: `verbose`, `callbacks`, `shuffle`, `class_weight`, `sample_weight` and all else of our `fit`.

        Returns:
            History.
        """
        _refuse_transform(transform)
        if not distributed:
            kwargs.setdefault("engine", "local")
        kwargs["callbacks"] = with_plateau(kwargs.get("callbacks"), self.optimizer)
        return super().fit(x, y, batch_size, kwargs.pop("epochs", nb_epoch), validation_split=validation_split,
                           validation_data=validation_data, feature_cols=feature_cols, label_cols=label_cols, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = 32,  # type: ignore[override]
                 feature_cols: Any = None, label_cols: Any = None, transform: Any = None, **kwargs: Any) -> list[float]:
        """[loss, metrics ...] over a data set."""
        _refuse_transform(transform)
        found = super().evaluate(x, y, batch_size, feature_cols=feature_cols, label_cols=label_cols,
                                 **{"verbose": 0, **kwargs})
        return found if isinstance(found, list) else [found]

    def predict(self, x: Any, batch_per_thread: int = 4, distributed: bool = True,  # type: ignore[override]
                feature_cols: Any = None, prediction_col: str | None = None, transform: Any = None,
                batch_size: int | None = None, **kwargs: Any) -> Any:
        """Predictions, as what `x` is: arrays, an RDD in row order, or a DataFrame with a column more.

        Args:
            x: arrays, an RDD or a DataFrame.
            batch_per_thread: rows computed at a time; a small number is raised to 32.
            distributed: arrays are computed here in any case, RDDs and DataFrames where they are.
            feature_cols, prediction_col: columns of a DataFrame; 'prediction' is the default.
            transform: not known here.
            batch_size: Keras 1's name of `batch_per_thread`.
            kwargs: as for our `predict`.
        """
        _refuse_transform(transform)
        rows = batch_size or max(batch_per_thread, _BATCH_ROWS)
        return super().predict(x, rows, feature_cols=feature_cols, prediction_col=prediction_col or "prediction",
                               **{"verbose": 0, **kwargs})

    def predict_classes(self, x: Any, batch_per_thread: int = 4,  # type: ignore[override]
                        zero_based_label: bool = True, batch_size: int | None = None, **kwargs: Any) -> Any:
        """The class of each row; see our `predict_classes`."""
        return super().predict_classes(x, batch_size or max(batch_per_thread, _BATCH_ROWS), zero_based_label)

    def predict_local(self, X: Any, batch_size: int = -1) -> Any:
        """Predictions for arrays, all at once where `batch_size` is -1."""
        rows = len(nest.flatten(X)[0]) if batch_size == -1 else batch_size
        return self.predict(X, batch_size=max(rows, 1))

    def predict_proba(self, x: Any, batch_size: int = _BATCH_ROWS, verbose: int = 0) -> Any:
        """Keras 1's other name of `predict`."""
        return self.predict(x, batch_size=batch_size, verbose=verbose)

    def forward(self, input: Any) -> Any:
        """The outputs for one batch of arrays."""
        return self.predict_on_batch(input)

    def set_evaluate_status(self) -> KerasNet:
        """The model itself: whether it trains or predicts is decided call by call here."""
        return self

    def flattened_layers(self, include_container: bool = False) -> list[Layer]:
        """The layers, those of models inside included.

        Args:
            include_container: list the models inside too.
        """
        return _leaves(self, include_container)

    def summary(self, line_length: int = 120, positions: Sequence[float] | None = None,  # type: ignore[override]
                **kwargs: Any) -> None:
        """Print layers, output shapes, parameter counts and connections."""
        super().summary(line_length, positions or [0.33, 0.55, 0.67, 1.0], **kwargs)

    def new_graph(self, outputs: Any) -> KerasNet:
        """The part of the model that ends at the layers of these names; see our `new_graph`."""
        return with_face(super().new_graph(outputs))

    def to_model(self) -> KerasNet:
        """A `Model` of the same layers."""
        return Model(self.input, self.output)

    def saveModel(self, modelPath: str, weightPath: str | None = None, over_write: bool = False) -> None:
        """Write the model in Keras's format.

        Args:
            modelPath: the file; '.keras' is added where it ends neither so nor in '.h5'.
            weightPath: a file for the weights besides; '.weights.h5' is added likewise.
            over_write: whether the files may exist.
        """
        self.save(_with_ending(modelPath), overwrite=over_write)
        if weightPath is not None:
            path = weightPath if weightPath.endswith(".weights.h5") else f"{weightPath}.weights.h5"
            self.save_weights(path, overwrite=over_write)

    @staticmethod
    def load_keras(json_path: Any = None, hdf5_path: Any = None, by_name: bool = False, **kwargs: Any) -> Any:
        """The model of files of any Keras, with this face; see our `Model.load_keras`."""
        return with_face(_ours.Model.load_keras(json_path, hdf5_path, by_name, **kwargs))

    @classmethod
    def loadModel(cls, path: str, weightPath: str | None = None) -> KerasNet:
        """The model that `saveModel` wrote."""
        model = load_model(_with_ending(path))
        if weightPath is not None:
            model.load_weights(weightPath if weightPath.endswith(".weights.h5") else f"{weightPath}.weights.h5")
        return model


class Model(KerasNet):
    """`Model(input, output)`: a graph of layers.

    Args:
        input: tensor made by `Input`, or a list of them.
        output: tensor computed from them, or a list.
        name: name of the model.
    """


    def save_graph_topology(self, log_path: str, backward: bool = False) -> None:
        """Write the graph of layers for TensorBoard's tab "Graphs".

        Args:
            log_path: folder of the event file.
            backward: only False: the way back is not a graph of layers here.

        Raises:
            ValueError: `backward` is True.
        """
        if backward:
            raise ValueError("Only the graph of layers is drawn: gradients are steps of a plan. Use backward=False.")
        assert self.graph is not None
        names: dict[Any, str] = {}
        calls = [*dict.fromkeys(tensor.node for tensor in self.inputs), *self.graph.nodes]
        for number, node in enumerate(calls):
            name = str(getattr(node.operation, "name", None) or getattr(node.operation, "__name__", "operation"))
            names[node] = f"{name}_{number}" if name in names.values() else name
        events = EventFile(log_path)
        events.graph([(name, type(node.operation).__name__, [names[tensor.node] for tensor in node.input_tensors])
                      for node, name in names.items()])
        events.close()


class Sequential(KerasNet, _ours.Sequential):
    """A stack of layers; the first one may be `Merge(layers=[branch, ...], mode=...)`.

    Args:
        layers: the layers.
        name: name of the model.
    """

    _branches: Merge | None = None

    def _append(self, layer: Any) -> None:
        if not isinstance(layer, Merge):
            super()._append(layer)
            return
        if self._stack or self._entry or self._branches or not layer.layers:
            raise ValueError("Merge(layers=[...]) with its branches must be the first layer of a Sequential. Elsewhere "
                             "use merge(inputs, mode=...) and Model(input, output).")
        self._branches = layer

    def _connect(self) -> None:
        if self._branches is None:
            super()._connect()
            return
        branches = [self._branch(branch) for branch in self._branches.layers or ()]
        tensor = self._branches([branch.output for branch in branches])
        for layer in self._stack:
            tensor = layer(tensor)
        self._entry = None  # the first layer may have declared a shape
        self._set_graph(Graph([entry for branch in branches for entry in branch.inputs], tensor))

    @property
    def layers(self) -> list[Layer]:
        """The layers, those of branches included."""
        return super().layers if self._branches is None else list(self._layers)

    def _branch(self, branch: Any) -> _ours.Model:
        if isinstance(branch, Layer) and not isinstance(branch, _ours.Model):
            branch = Sequential([branch])
        if not isinstance(branch, _ours.Model) or branch.graph is None:
            raise ValueError(f"Each branch of Merge must be a model whose input shape is known. Received {branch!r}.")
        return branch


def load_model(path: Any, custom_objects: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    """A model from a file of any Keras, with this face."""
    return with_face(_ours.load_model(path, custom_objects=custom_objects, **kwargs))


def model_from_json(text: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """A model with fresh weights from the JSON of any Keras, with this face."""
    return with_face(_ours.model_from_json(text, custom_objects=custom_objects))


def with_face(model: Any) -> Any:
    """The same object under this module's class: these classes add methods to ours and no state."""
    if not isinstance(model, KerasNet):
        model.__class__ = Sequential if isinstance(model, _ours.Sequential) else Model
    return model


def _leaves(model: _ours.Model, include_container: bool) -> list[Layer]:
    found: list[Layer] = []
    for layer in model.layers:
        if not isinstance(layer, _ours.Model):
            found.append(layer)
            continue
        found.extend([layer] * include_container + _leaves(layer, include_container))
    return found


def _with_ending(path: str) -> str:
    return path if str(path).endswith(_ENDINGS) else f"{path}.keras"


def _refuse_transform(transform: Any) -> None:
    if transform is not None:
        raise ValueError("`transform` of image columns is not known here: transform the DataFrame before.")
