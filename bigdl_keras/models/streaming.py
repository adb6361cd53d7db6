"""Batches that a generator or a data set makes are used as they come, one after another, in this process."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras import initializers
from bigdl_keras.callbacks import CallbackList, Iteration, TerminateOnNaN
from bigdl_keras.data import kind_of
from bigdl_keras.engine.progress import Progress
from bigdl_keras.engine.triggers import check_trigger
from bigdl_keras.graph import nest
from bigdl_keras.models import batches, fitting, sources

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model

_ONLY_FOR_ROWS = ("y", "sample_weight", "feature_cols", "label_cols", "weight_col", "validation_trigger")


def is_stream(x: Any) -> bool:
    """Whether `x` makes batches: a generator, another iterable, or an object with `len(x)` batches `x[i]`."""
    if x is None or isinstance(x, (list, tuple, dict, str, bytes)) or hasattr(x, "__array__") or kind_of(x) != "arrays":
        return False
    return hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


class Stream:
    """The batches of `x`, epoch by epoch.

    Args:
        x: an iterator goes on where the epoch before ended; all else starts anew each epoch.
        steps: at most so many batches an epoch.
    """

    def __init__(self, x: Any, steps: int | None) -> None:
        self._x = x
        self._steps = steps
        self._indexed = hasattr(x, "__getitem__") and hasattr(x, "__len__")

    @property
    def count(self) -> int | None:
        """Batches of an epoch, None where only the end tells."""
        if self._steps is not None:
            return self._steps
        return len(self._x) if hasattr(self._x, "__len__") else None

    def epoch(self) -> Iterator[tuple[Any, Any, Any]]:
        """(x, y, weights) of each batch."""
        source = (self._x[number] for number in range(len(self._x))) if self._indexed else iter(self._x)
        for batch in islice(source, self._steps):
            yield _parts(batch)
        if self._indexed and hasattr(self._x, "on_epoch_end"):
            self._x.on_epoch_end()


def _parts(batch: Any) -> tuple[Any, Any, Any]:
    if not isinstance(batch, tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError(f"A batch must be (x,), (x, y) or (x, y, sample_weight). Received a tuple of {len(batch)}.")
    x, y, weights = (*batch, None, None)[:3]
    return x, y, weights


def fit(model: Model, arguments: dict[str, Any], nb_epoch: int | None = None) -> Any:
    """See `Model.fit`."""
    model.need_compiled("fit")
    epochs = arguments["epochs"] if nb_epoch is None else nb_epoch
    _check(model, arguments)
    run = _Run(model, arguments, epochs)
    run.callbacks.on_train_begin()
    model.stop_training = False
    for epoch in range(arguments["initial_epoch"], epochs):
        if not run.train_epoch(epoch) or model.stop_training:
            break
    run.finish()
    return model.history


def _check(model: Model, arguments: dict[str, Any]) -> None:
    for name in _ONLY_FOR_ROWS:
        if arguments.get(name) is not None:
            raise ValueError(
                f"`{name}` cannot be given beside batches that a generator or data set makes: "
                "let it make tuples (x, y, sample_weight)."
            )
    if arguments.get("validation_split"):
        raise ValueError("`validation_split` works on arrays. Give `validation_data`.")
    if arguments["engine"] not in ("auto", "local"):
        raise ValueError(
            "Batches of a generator train in this process, with engine 'local'. "
            f"Received engine={arguments['engine']!r}; for a cluster give an RDD or a DataFrame."
        )
    if getattr(model, "checkpoint", None) is not None or arguments.get("resume"):
        raise ValueError(
            "Checkpoints know the place in arrays, RDDs and DataFrames, not in a generator. "
            "Use callbacks.ModelCheckpoint."
        )


class _Run:
    """One fit over a stream."""

    def __init__(self, model: Model, arguments: dict[str, Any], epochs: int) -> None:
        self.model = model
        self.arguments = arguments
        self.stream = Stream(arguments["x"], arguments["steps_per_epoch"])
        self.callbacks = fitting.callbacks_of(model, arguments, epochs, arguments["batch_size"] or 0, None)
        self.callbacks.set_params({**self.callbacks.params, "steps": self.stream.count})
        self.logs: dict[str, Any] = {}
        self._refuses_nan = not any(isinstance(callback, TerminateOnNaN) for callback in self.callbacks)
        self._seed = initializers.draw_seed() if arguments["seed"] is None else int(arguments["seed"])
        trigger = arguments.get("end_trigger")
        self._end_when = None if trigger is None else check_trigger("end_trigger", trigger)
        self._validated = sources.validation_epochs(arguments["validation_freq"], arguments["initial_epoch"], epochs)

    def train_epoch(self, epoch: int) -> bool:
        """Train an epoch; False where the stream had nothing left."""
        model, seen = self.model, 0
        self.callbacks.on_epoch_begin(epoch)
        model._running.pop("train", None)
        for number, batch in enumerate(self.stream.epoch()):
            seen += 1
            self._train_batch(epoch, number, batch)
            if model.stop_training:
                break
        if not seen:
            warnings.warn(
                f"The generator had no batches left for epoch {epoch + 1}: training ends. Give "
                "steps_per_epoch, or data that can be iterated again.",
                stacklevel=4,
            )
            return False
        data = self.arguments["validation_data"]
        if data is not None and (self._validated is None or epoch in self._validated):
            self.callbacks.on_test_begin()
            found = _validate(model, data, self.arguments)
            self.callbacks.on_test_end(found)
            self.logs = self.logs | {f"val_{name}": value for name, value in found.items()}
        model.finished_epochs += 1
        self._watch_end(Progress(epoch, model.optimizer.iterations), Progress(epoch + 1, model.optimizer.iterations))
        self.callbacks.on_epoch_end(epoch, self.logs)
        return True

    def _train_batch(self, epoch: int, number: int, batch: tuple[Any, Any, Any]) -> None:
        model, optimizer = self.model, self.model.optimizer
        self.callbacks.on_train_batch_begin(number)
        started, rate = time.perf_counter(), optimizer.learning_rate_at(optimizer.iterations)
        step = batches.train_step(model, *batch, self.arguments["class_weight"], self._seed, self._refuses_nan)
        self.logs = batches.answer(model, "train", step.program, step.numbers, step.rows, return_dict=True)
        loss = float(step.numbers[0])
        if self.callbacks.hears_batches:
            self.callbacks.on_iteration_end(
                Iteration(optimizer.iterations, epoch, loss, step.rows, time.perf_counter() - started, rate)
            )
            self.callbacks.on_train_batch_end(number, self.logs)
        now = Progress(epoch, optimizer.iterations, loss=loss)
        self._watch_end(Progress(epoch, optimizer.iterations - 1), now)

    def _watch_end(self, before: Progress, now: Progress) -> None:
        if self._end_when is not None and self._end_when(before, now):
            self.model.stop_training = True

    def finish(self) -> None:
        """End of training."""
        model, vector = self.model, self.model.runtime.vector
        if model.optimizer.state is not None:
            model.optimizer.finalize(vector.values[: vector.trainable_size], model.optimizer.state)
        self.callbacks.on_train_end(self.logs)


def _validate(model: Model, data: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    steps = arguments["validation_steps"]
    if is_stream(data):
        return _measure(model, Stream(data, steps))
    x, y, weights = _parts(tuple(data)) if isinstance(data, (list, tuple)) else (data, None, None)
    rows = arguments["validation_batch_size"] or arguments["batch_size"]
    given = {"x": x, "y": y, "sample_weight": weights, "batch_size": rows, "steps": steps, "verbose": 0}
    columns = dict.fromkeys(("feature_cols", "label_cols", "weight_col", "callbacks"))
    found: dict[str, Any] = fitting.evaluate(model, {**given, **columns, "return_dict": True})
    return found


def evaluate(model: Model, arguments: dict[str, Any]) -> Any:
    """See `Model.evaluate`."""
    model.need_compiled("evaluate")
    callbacks = CallbackList(arguments["callbacks"], model=model)
    callbacks.on_test_begin()
    logs = _measure(model, Stream(arguments["x"], arguments["steps"]))
    callbacks.on_test_end(logs)
    return batches.pack_logs(logs, arguments["return_dict"])


def _measure(model: Model, stream: Stream) -> dict[str, Any]:
    model._running.pop("test", None)
    logs: dict[str, Any] | None = None
    for batch in stream.epoch():
        logs = batches.test_on_batch(model, *batch, return_dict=True)
    if logs is None:
        raise ValueError("There were no batches to evaluate.")
    return logs


def predict(model: Model, arguments: dict[str, Any]) -> Any:
    """See `Model.predict`."""
    found = [batches.predict_on_batch(model, x) for x, _, _ in Stream(arguments["x"], arguments["steps"]).epoch()]
    if not found:
        raise ValueError("There were no batches to predict on.")
    joined = [np.concatenate(parts) for parts in zip(*map(nest.flatten, found), strict=True)]
    return nest.pack(found[0], joined)


def collected(data: Any, steps: int | None) -> Any:
    """All batches of a stream as one (x, y, weights) of arrays; anything else as it is."""
    if not is_stream(data):
        return data
    parts = list(Stream(data, steps).epoch())
    if not parts:
        raise ValueError("There were no batches to validate on.")
    whole = nest.pack(
        parts[0],
        [
            np.concatenate(leaves) if leaves[0] is not None else None
            for leaves in zip(*map(nest.flatten, parts), strict=True)
        ],
    )
    return tuple(part for part in whole if part is not None)
