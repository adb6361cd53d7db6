"""The public face of a model: what Keras users call, each method handing over to the module that knows how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras import optimizers
from bigdl_keras.engine.stragglers import DropPolicy
from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import KerasTensor, is_symbolic
from bigdl_keras.layers.base import Layer, _walk
from bigdl_keras.models import batches, fitting, profiling, recovery, streaming, summary_table
from bigdl_keras.models.functional import Graph
from bigdl_keras.models.objective import Head, Running, make_heads
from bigdl_keras.models.runtime import Runtime, weight_carrier
from bigdl_keras.registry import suggestion

FILE_FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""What a model does with files and configs, by name; `models.loading`, which builds models itself, files them here."""

_STEPS = ("train_step", "test_step", "predict_step", "make_train_function", "compute_loss", "compute_metrics")
"""What a subclass may define in Keras to write its own training; here it is refused."""



class Model(Layer):
    """A model: `Model(inputs, outputs)` of connected layers, or a subclass that defines `call`.

    Args:
        inputs: a tensor made by `Input`, or a list or dict of them.
        outputs: a tensor computed from them by calling layers, or a list or dict of them.
        name: name of the model.

    Raises:
        ValueError: an output depends on an input that is not listed, or two layers share a name.

    Example:
        >>> import bigdl_keras as bk
        >>> inputs = bk.Input((4,))
        >>> model = bk.Model(inputs, bk.layers.Dense(1)(inputs))
        >>> model.output_shape
        (None, 1)
    """

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any) -> None:
        if inputs is None:  # BigDL and Keras 1 call them `input` and `output`
            inputs, outputs = kwargs.pop("input", None), kwargs.pop("output", outputs)
        super().__init__(name=name, **kwargs)
        self.supports_masking = True  # the layers inside hand masks on
        self.graph: Graph | None = None
        self.call_structure: Any = None
        self.compiled = False
        self.optimizer: Any = None
        self.heads: list[Head] = []
        self.stop_training = False
        self.history: Any = None
        self.finished_epochs = 0
        self.tensorboard: tuple[str, str] | None = None
        self.checkpoint: recovery.CheckpointWish | None = None
        self._runtime: Runtime | None = None
        self._times: list[profiling.LayerTimes] | None = None
        self._compile_arguments: dict[str, Any] = {}
        self._running: dict[str, Running] = {}
        self._clipping: dict[str, Any] = {}
        self.drop_policy: DropPolicy | None = None
        if inputs is not None or outputs is not None:
            self._set_graph(Graph(inputs, outputs))

    def _set_graph(self, graph: Graph) -> None:
        self.graph = graph
        self._origin = self._keras_version = None
        self._layers.clear()
        self._layers.extend(graph.layers)
        self.built = True

    # ---- structure

    # How the Keras 1 or 2 that a model was imported from lists its weights (models.loading.Origin); None: as we do.
    _origin: Any = None
    # The Keras that the model was imported from, whose formulas its optimizer follows.
    _keras_version: str | None = None

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights; those of a model imported from Keras 1 or 2 in the order and layout of that Keras."""
        return super().get_weights() if self._origin is None else self._origin.get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights, given as `get_weights` lists them.

        Raises:
            ValueError: another number of arrays, or a shape differs.
        """
        if self._origin is None:
            super().set_weights(weights)
        else:
            self._origin.set_weights(weights)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run the model's layers on `inputs`."""
        if self.graph is None:
            raise NotImplementedError(
                f"{type(self).__name__} must define call(self, inputs), or be made by Model(inputs, outputs)."
            )
        return self.graph.run(inputs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (
            self.graph is not None
            and args
            and not any(map(is_symbolic, nest.flatten(list(args))))
            and not kwargs.get("training")
        ):
            return self.predict_on_batch(args[0])  # through the plan, where masks travel
        return super().__call__(*args, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """None: the layers inside have set the masks of the outputs themselves."""
        return None

    def _children(self) -> list[Layer]:
        """The layers of a graph cannot change behind its back; those of a subclass are looked up anew."""
        return self._layers if self.graph is not None else super()._children()

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, inputs included."""
        return list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its place in `layers`.

        Raises:
            ValueError: there is none.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"There is no layer number {index}: the model has {len(self.layers)} layers.")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = [layer.name for layer in self.layers]
        raise ValueError(f"There is no layer called {name!r}. The layers are {known}.{suggestion(str(name), known)}")

    @property
    def inputs(self) -> list[KerasTensor]:
        """Input tensors, in order."""
        return self._need_graph().input_tensors

    @property
    def outputs(self) -> list[KerasTensor]:
        """Output tensors, in order."""
        return self._need_graph().output_tensors

    @property
    def input(self) -> Any:
        """Input tensors, as `Model` was given them."""
        return self._need_graph().inputs

    @property
    def output(self) -> Any:
        """Output tensors, as `Model` was given them."""
        return self._need_graph().outputs

    @property
    def input_shape(self) -> Any:
        """Shape of each input, with None for the batch."""
        return nest.map_leaves(lambda tensor: tensor.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shape of each output, with None for the batch."""
        return nest.map_leaves(lambda tensor: tensor.shape, self.output)

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs: those of the layers that make them."""
        return self.graph.output_names if self.graph is not None else [self.name]

    def _need_graph(self) -> Graph:
        if self.graph is None:
            raise ValueError(
                f"The model '{self.name}' has no shapes yet: give its first layer an Input, or call it on data."
            )
        return self.graph

    # ---- training

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """Choose what to train for, and how.

        Args:
            optimizer: name, config or object of `bigdl_keras.optimizers`.
            loss: name, `losses` object or a function (y_true, y_pred) written in ops; for several outputs a list, or a
                dict by output name.
            loss_weights: weight of each output's loss, a list or dict.
            metrics: names, `metrics` objects or functions; for several outputs lists or a dict.
            weighted_metrics: the same, weighted by sample and class weights.
            kwargs: `run_eagerly`, `jit_compile`, `steps_per_execution`, `auto_scale_loss` of Keras are accepted and
                change nothing: models always run compiled.

        Raises:
            ValueError: an unknown name, or arguments that do not fit the outputs.
            TypeError: an unknown keyword, or the class writes its own `train_step` or another step of Keras's loop.
        """
        own = [name for name in _STEPS if hasattr(type(self), name)]
        if own:
            raise TypeError(
                f"{type(self).__name__} defines {own[0]}(), which would never be called: gradients are found and "
                "weights updated on the workers, by one compiled plan. Write the formula in call(), with "
                "self.add_loss(...), or as a loss, a metric or a callback."
            )
        unknown = set(kwargs) - {
            "run_eagerly",
            "jit_compile",
            "steps_per_execution",
            "auto_scale_loss",
            "sample_weight_mode",
        }
        if unknown:
            raise TypeError(f"compile() does not know the argument {sorted(unknown)[0]!r}.")
        self.optimizer = optimizers.get(optimizer)
        if self._keras_version is not None:
            self.optimizer.follow(self._keras_version)
        self._clip(**self._clipping)
        self._compile_arguments = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        self.heads = [] if self.graph is None else self._make_heads()
        self.compiled = True
        self.stop_training = False
        self._running.clear()
        if self._runtime is not None:
            self._runtime.forget_programs()

    def _make_heads(self) -> list[Head]:
        arguments = self._compile_arguments
        return make_heads(
            self.output_names,
            arguments["loss"],
            arguments["loss_weights"],
            arguments["metrics"],
            arguments["weighted_metrics"],
        )

    def need_compiled(self, method: str) -> None:
        """Raise RuntimeError if `compile` has not been called."""
        if not self.compiled:
            raise RuntimeError(f"You must call `compile(optimizer, loss)` before `{method}()`.")
        if not self.heads:
            self.heads = self._make_heads()

    @property
    def runtime(self) -> Runtime:
        """The compiled side of the model, brought up to date with its weights and what is frozen."""
        if self._runtime is None or not self._runtime.current:
            old, self._runtime = self._runtime, Runtime(self)
            if old is not None and self.optimizer is not None and self.optimizer.state is not None:
                fresh = self.optimizer.create_state(self._runtime.vector.values[: self._runtime.vector.trainable_size])
                self.optimizer.state = weight_carrier(old.vector, self.optimizer.state, self._runtime.vector, fresh)
        return self._runtime

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        *,
        feature_cols: Any = None,
        label_cols: Any = None,
        weight_col: str | None = None,
        engine: str = "auto",
        workers: int | None = None,
        seed: int | None = None,
        end_trigger: Any = None,
        validation_trigger: Any = None,
        resume: bool = False,
        retry_times: int | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Train the model, in this process or on the workers of a Spark cluster.

        Args:
            x: arrays (one, or a list, tuple or dict for several inputs), an RDD of (x, y) or (x, y, weight) tuples or
                of `Sample`, a DataFrame, or whatever makes batches (x, y) or (x, y, weight): a generator, another
                iterable, or an object with `len(x)` batches `x[i]`. Such batches train in this process.
            y: labels, for arrays.
            batch_size: rows of a global batch, over all workers; default 32. Any number will do.
            epochs: train up to this epoch.
            verbose: 0 silent, 1 progress bar, 2 a line per epoch, 'auto'.
            callbacks: list of `callbacks.Callback`; they run here, on the driver.
            validation_split: last part of the arrays to validate on.
            validation_data: (x, y) or (x, y, weight) arrays, an RDD or a DataFrame.
            shuffle: draw the batches anew each epoch; False takes consecutive rows.
            class_weight: weight of each integer class.
            sample_weight: weight of each row, for arrays.
            initial_epoch: number of the first epoch.
            steps_per_epoch: at most so many batches an epoch.
            validation_steps, validation_batch_size: the same for validation.
            validation_freq: validate every so many epochs, or after the epochs listed.
            feature_cols, label_cols, weight_col: column names, for a DataFrame.
            engine: 'local', 'barrier', 'shuffle' or 'auto' (by the data and the cluster).
            workers: how many workers; default what the data and the cluster give.
            seed: fixes shuffling and dropout.
            end_trigger: a trigger of `bigdl_keras.triggers` that ends training before the last epoch.
            validation_trigger: a trigger that says when to validate, also within an epoch, instead of
                `validation_freq`; the logs of that batch then hold the values as `val_...`.
            resume: go on from the newest checkpoint of `set_checkpoint`, where there is one; weights, optimizer, place
                in the epoch, seed and callbacks are as they were when it was written.
            retry_times: how many losses of a worker in a row are made good from the last snapshot; default 5, or the
                Spark setting spark.bigdl_keras.failure.retryTimes.
            compression: 'bf16' or 'fp16': gradients and weights travel between the processes of a gang in two bytes a
                number. Sums and the weights that are updated stay in float32; None sends these.

        Returns:
            History: `.history` maps names to one value per epoch.

        Raises:
            RuntimeError: not compiled, or a worker was lost.
            ValueError, TypeError: the data does not fit the model; the message names column, row or layer.
        """
        arguments = locals_of(locals())
        if streaming.is_stream(x):
            return streaming.fit(self, arguments, **kwargs)
        arguments["validation_data"] = streaming.collected(validation_data, validation_steps)
        return fitting.fit(self, arguments, **kwargs)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        *,
        feature_cols: Any = None,
        label_cols: Any = None,
        weight_col: str | None = None,
    ) -> Any:
        """Loss and metrics over a data set, given as for `fit`.

        Returns:
            The loss, or [loss, metrics ...]; for several outputs [loss, loss of each output ..., metrics ...], these in
            order of their names; with `return_dict` a dict by name.
        """
        return (streaming if streaming.is_stream(x) else fitting).evaluate(self, locals_of(locals()))

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        *,
        feature_cols: Any = None,
        prediction_col: str = "prediction",
    ) -> Any:
        """The model's outputs for each row.

        Args:
            x: arrays, an RDD (of features, of tuples whose first part they are, or of `Sample`), or a DataFrame.
            batch_size: rows computed at a time; default 32.
            feature_cols: columns of a DataFrame.
            prediction_col: name of the column added to a DataFrame.

        Returns:
            What was given: arrays for arrays; an RDD of predictions in row order for an RDD; for a DataFrame one with
            all its columns and the predictions.
        """
        return (streaming if streaming.is_stream(x) else fitting).predict(self, locals_of(locals()))

    def predict_classes(self, x: Any, batch_size: int | None = None, zero_based_label: bool = True) -> Any:
        """The class of each row: the place of the largest output, or of a single output whether it is above 0.5.

        Args:
            x: arrays or an RDD.
            batch_size: rows computed at a time; default 32.
            zero_based_label: False counts classes from 1.

        Returns:
            An array of integers for arrays, an RDD of integers for an RDD.

        Raises:
            TypeError: `x` is a DataFrame, whose predictions are a column.
        """
        return fitting.predict_classes(self, x, batch_size, 0 if zero_based_label else 1)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One update on one batch of arrays.

        Returns:
            Loss and metrics as they stand since `reset_metrics()`: the loss alone, a list as of `evaluate`, or a dict.
        """
        return batches.train_on_batch(self, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics on one batch of arrays; see `train_on_batch`."""
        return batches.test_on_batch(self, x, y, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Predictions for one batch of arrays."""
        return batches.predict_on_batch(self, x)

    def reset_metrics(self) -> None:
        """Forget what `train_on_batch` and `test_on_batch` have summed up."""
        self._running.clear()

    @property
    def metrics_names(self) -> list[str]:
        """Names of the values that `evaluate` returns, known after the first step or evaluation."""
        numbers = self._numbers()
        return ["loss"] if numbers is None else numbers.names

    @property
    def metrics(self) -> list[Any]:
        """The metrics in use, known after the first step or evaluation."""
        numbers = self._numbers()
        return [] if numbers is None else [metric for _, metric, _ in numbers.metrics]

    def _numbers(self) -> Any:
        """How the numbers of a step read, once one has run."""
        programs = [] if self._runtime is None else self._runtime.programs
        return next((program.numbers for program in programs if program.numbers is not None), None)

    def reset_states(self) -> None:
        """Zero the states of stateful recurrent layers."""
        for layer in _walk(self):
            if layer is not self and hasattr(layer, "reset_state") and getattr(layer, "stateful", False):
                layer.reset_state()

    reset_state = reset_states

    # ---- files

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Write architecture, weights, compile arguments and optimizer state to a `.keras` (or legacy `.h5`) file.

        Raises:
            FileExistsError: the file exists and `overwrite` is False.
            ValueError: another file ending, or a model that plain data cannot describe.
        """
        FILE_FUNCTIONS["save"](self, filepath, overwrite)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write the weights to a `.weights.h5` file."""
        FILE_FUNCTIONS["save_weights"](self, filepath, overwrite)

    def load_weights(self, filepath: Any, by_name: bool = False, skip_mismatch: bool = False, **kwargs: Any) -> Any:
        """Fill the weights from a `.weights.h5`, `.h5` or `.keras` file of any Keras.

        Args:
            filepath: the file.
            by_name: only layers whose name is in the file.
            skip_mismatch: leave layers alone whose shapes differ, instead of raising.

        Returns:
            A report: `.matched`, `.skipped`, `.missing`, `.unused`.

        Raises:
            ValueError: a damaged file, or layers that do not fit.
        """
        return FILE_FUNCTIONS["load_weights"](self, filepath, by_name, skip_mismatch)

    @staticmethod
    def load_keras(json_path: Any = None, hdf5_path: Any = None, by_name: bool = False, **kwargs: Any) -> Model:
        """A model from the files of any Keras: its JSON, its HDF5 file, or both.

        Of both, the HDF5 file tells what the JSON of Keras 1 does not: the backend, on which the padding depends.

        Args:
            json_path: what `to_json()` wrote; alone, the weights are fresh.
            hdf5_path: the weights; alone, a whole-model file.
            by_name: fill only layers whose name is in the HDF5 file.
            kwargs: `custom_objects`, as for `load_model`.

        Raises:
            ValueError: neither path, or what `load_model` and `load_weights` raise.
        """
        model: Model = FILE_FUNCTIONS["load_keras"](json_path, hdf5_path, by_name, **kwargs)
        return model

    def export_onnx(self, filepath: Any) -> None:
        """Write the model, as it predicts, to an ONNX file; needs the package `onnx` (the extra `onnx`).

        Inputs have the names of the model's, outputs are called 'output_' and the name of the layer that makes them.

        Raises:
            ImportError: `onnx` is not installed.
            ValueError: parts of the model that ONNX cannot say; all are named.
        """
        self._need_graph()
        FILE_FUNCTIONS["export_onnx"](self, filepath)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture in Keras 3's JSON."""
        return FILE_FUNCTIONS["to_json"](self)

    def get_config(self) -> dict[str, Any]:
        """The architecture as plain data, in Keras 3's form."""
        if self.graph is None and not hasattr(self, "_stack"):
            return super().get_config()
        return FILE_FUNCTIONS["model_config"](self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """A model with fresh weights from what `get_config` answered."""
        return FILE_FUNCTIONS["model_from_config"](cls, config, custom_objects)

    # ---- freezing

    def freeze(self, names: Any = None) -> None:
        """Stop training the layers of these names (all if None)."""
        self._set_trainable(names, False)

    def unfreeze(self, names: Any = None) -> None:
        """Train the layers of these names again (all if None)."""
        self._set_trainable(names, True)

    def freeze_up_to(self, names: Any) -> None:
        """Stop training the layers of these names and all layers that they depend on."""
        graph = self._need_graph()
        for name in [names] if isinstance(names, str) else names:
            for layer in graph.layers_up_to(self.get_layer(name)):
                layer.trainable = False

    def _set_trainable(self, names: Any, value: bool) -> None:
        if names is None:
            self.trainable = value
            return
        for name in [names] if isinstance(names, str) else names:
            self.get_layer(name).trainable = value

    # ---- parts

    def new_graph(self, outputs: Any) -> Model:
        """The part of the model that ends at other layers; it shares layers and weights with this model.

        Args:
            outputs: name of a layer, or a list of names.

        Returns:
            A model from those of this model's inputs that are needed.

        Raises:
            ValueError: there is no such layer.
        """
        graph = self._need_graph()
        made = nest.map_leaves(lambda name: graph.output_of(self.get_layer(name)), outputs)
        tensors = nest.flatten(made)
        needed = graph.inputs_of(tensors)
        return Model(needed[0] if len(needed) == 1 else needed, tensors[0] if len(tensors) == 1 else tensors)

    # ---- clipping

    def set_constant_gradient_clipping(self, min: float, max: float) -> None:
        """Clip each element of the gradient to [min, max], from the next fit on."""
        if min > max:
            raise ValueError(f"`min` must not be greater than `max`. Received min={min}, max={max}.")
        self._clip(clipvalue=float(max) if min == -max else (float(min), float(max)))

    def set_gradient_clipping_by_l2_norm(self, clip_norm: float) -> None:
        """Scale the whole gradient down to this norm where it is longer, from the next fit on."""
        self._clip(global_clipnorm=float(clip_norm))

    def clear_gradient_clipping(self) -> None:
        """Clip gradients no more."""
        self._clip(clipvalue=None, clipnorm=None, global_clipnorm=None)
        self._clipping.clear()

    def _clip(self, **settings: Any) -> None:
        self._clipping |= settings
        if self.optimizer is not None:
            for name, value in settings.items():
                setattr(self.optimizer, name, value)

    # ---- slow workers

    def set_drop_module_property(
        self, drop_percentage: float, max_drop_percentage: float, batch_size: int = 100, warmup_iteration: int = 200
    ) -> None:
        """Let workers that are far slower than usual leave out their part of a batch, from the next fit on.

        After the warm-up, every `batch_size` iterations a limit is found for the seconds of forward and backward, which
        the given share of the workers' last times exceeded. A worker that exceeds it gives up between two steps of the
        model; the update is then that of the rows which the others have finished. As it depends on the clock which
        these are, such a fit is not reproducible, and History counts them as `dropped_rows`. A gang and the threads
        of the local engine do so; one worker alone never gives up.

        Args:
            drop_percentage: share of the workers' parts of batches that may be left out, 0.04 for 4 in 100; 0: none.
            max_drop_percentage: an iteration in which more than this share gave up makes no update.
            batch_size: iterations after which the limit is found anew.
            warmup_iteration: iterations at the start of a fit in which nobody gives up.

        Raises:
            ValueError: not 0 <= drop_percentage <= max_drop_percentage < 1; and by `fit`, where the workers meet while
                they compute (masked losses, synchronized batch normalization).
        """
        policy = DropPolicy(drop_percentage, max_drop_percentage, batch_size, warmup_iteration)
        self.drop_policy = policy if policy.drop_percentage else None

    # ---- watching

    def set_checkpoint(
        self, path: Any, trigger: Any = None, over_write: bool = True, *, keep: int = 2, filesystem: Any = None
    ) -> None:
        """Write checkpoints during `fit`, from which `fit(..., resume=True)` goes on, bit for bit.

        Args:
            path: folder of the checkpoints of this fit: a local path, or a URI that `pyarrow.fs` opens.
            trigger: when; default `triggers.EveryEpoch()`. (BigDL's scripts have `over_write` in this place.)
            over_write: a fit that does not resume may replace the checkpoints of an earlier one.
            keep: how many checkpoints stay.
            filesystem: a `pyarrow.fs.FileSystem` that `path` is on, instead of a URI.

        Raises:
            ValueError: the folder cannot be opened.
            TypeError: `trigger` is none.
        """
        self.checkpoint = recovery.checkpoint_wish(path, trigger, over_write, keep, filesystem)

    def set_tensorboard(self, log_dir: str, app_name: str) -> None:
        """Write Loss, Throughput and LearningRate of each iteration, and validation metrics, for TensorBoard.

        Args:
            log_dir: folder of all runs.
            app_name: folder of this run in it; 'train' and 'validation' lie inside.
        """
        self.tensorboard = (log_dir, app_name)

    def get_train_summary(self, tag: str) -> np.ndarray:
        """Rows (iteration, value, time) of 'Loss', 'Throughput' or 'LearningRate' written by `set_tensorboard`."""
        return fitting.read_summary(self, "train", tag)

    def get_validation_summary(self, tag: str) -> np.ndarray:
        """Rows (iteration, value, time) of a validation metric written by `set_tensorboard`."""
        return fitting.read_summary(self, "validation", tag)

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print the layers, their output shapes, parameter counts and connections."""
        text = summary_table.summary_text(self, line_length, positions, expand_nested, show_trainable)
        (print_fn or print)(text)

    def profile(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        runs: int = 5,
        print_fn: Callable[[str], Any] | None = None,
    ) -> list[profiling.LayerTimes]:
        """Measure what each layer takes of one batch, in this process, and print a table. The model stays as it is.

        Losses and metrics have entries of their own. As on a worker, matrix products take one thread.

        Args:
            x, y, sample_weight: one batch of arrays. With `y`, a training step of the compiled model is measured;
                without, a prediction.
            runs: how often; times are means.
            print_fn: prints the table; default `print`.

        Returns:
            One entry per layer, in the order of their work: `.layer`, `.forward_seconds`, `.backward_seconds`.
        """
        self._times = profiling.measure(self, x, y, sample_weight, runs)
        (print_fn or print)(profiling.table(self._times))
        return self._times

    def get_times(self) -> list[tuple[str, float, float]]:
        """(layer, forward seconds, backward seconds) of the last `profile`, as BigDL's getTimes."""
        if self._times is None:
            raise RuntimeError("Nothing has been measured: call profile(x, y) before get_times().")
        return [(item.layer, item.forward_seconds, item.backward_seconds) for item in self._times]


def locals_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a method by name, without `self`."""
    return {key: value for key, value in arguments.items() if key not in ("self", "kwargs", "__class__")}
