"""fit, evaluate and predict: arguments become a job, a job's reports become logs for the callbacks."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras import initializers
from bigdl_keras.callbacks import CallbackList, Iteration, SummaryWriter, SwapEMAWeights, TerminateOnNaN
from bigdl_keras.data import ArraySource, Source, as_source, kind_of
from bigdl_keras.engine.job import EvaluationJob, PredictionJob, TrainingJob
from bigdl_keras.engine.predicting import class_of, classes_of
from bigdl_keras.engine.report import BatchReport, Decision, EpochReport, Evaluation, Report, Snapshot
from bigdl_keras.engine.retry import train
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.engine.triggers import check_trigger
from bigdl_keras.graph import nest
from bigdl_keras.graph.plan import Context
from bigdl_keras.models.batches import pack_logs
from bigdl_keras.models.columns import match, match_inputs
from bigdl_keras.models.objective import Numbers, Running
from bigdl_keras.models.recovery import Recovery, recovery_of, retry_policy
from bigdl_keras.models.runtime import Program
from bigdl_keras.summary import TrainSummary, ValidationSummary, read_scalars

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model

_BATCH_ROWS = 32


def fit(model: Model, arguments: dict[str, Any], nb_epoch: int | None = None) -> Any:
    """See `Model.fit`; `nb_epoch` is BigDL's name of `epochs`."""
    model.need_compiled("fit")
    epochs = arguments["epochs"] if nb_epoch is None else nb_epoch
    columns = {key: arguments[key] for key in ("feature_cols", "label_cols", "weight_col")}
    x, y, weights, validation = _split_validation(arguments)
    source = match(model, _source(model, x, y, weights, columns))
    batch_size = _positive("batch_size", arguments["batch_size"] or _BATCH_ROWS)
    check = None
    if validation is not None:
        validation_rows = _positive("validation_batch_size", arguments["validation_batch_size"] or batch_size)
        check = match(
            model, _validation_source(model, validation, columns, arguments["validation_steps"], validation_rows)
        )
    runtime = model.runtime
    program = runtime.objective_program(
        model.heads, source.inputs, source.labels, source.weights, True, arguments["class_weight"]
    )
    evaluation = (
        None
        if check is None
        else runtime.objective_program(model.heads, check.inputs, check.labels, check.weights, False)
    )
    callbacks = callbacks_of(model, arguments, epochs, batch_size, source.source.rows)
    engine = choose_engine(arguments["engine"], source.source, arguments["workers"])
    vector, optimizer = runtime.vector, model.optimizer
    settings = {
        "batch_size": batch_size,
        "shuffle": bool(arguments["shuffle"]),
        "steps_per_epoch": arguments["steps_per_epoch"],
    }
    policy = retry_policy(engine, arguments["retry_times"])
    recovery = recovery_of(model, callbacks, arguments, settings)
    recovery.bring_back(model)
    job = TrainingJob(
        plan=program.plan,
        values=vector.values.copy(),
        names=tuple(path for path, *_ in vector.segments),
        shapes=tuple(shape for *_, shape in vector.segments),
        optimizer=optimizer,
        optimizer_state=optimizer.state,
        iteration=optimizer.iterations,
        initial_epoch=arguments["initial_epoch"],
        epochs=epochs,
        batch_size=batch_size,
        shuffle=bool(arguments["shuffle"]),
        seed=_seed(arguments["seed"]),
        steps_per_epoch=arguments["steps_per_epoch"],
        timeout_seconds=policy.timeout_seconds,
        end_when=_trigger(arguments, "end_trigger"),
        validates_average=any(isinstance(callback, SwapEMAWeights) for callback in callbacks),
        validate_when=_trigger(arguments, "validation_trigger"),
        evaluate_plan=None if evaluation is None else evaluation.plan,
        validation_batch_size=arguments["validation_batch_size"] or batch_size,
        validation_epochs=validation_epochs(arguments["validation_freq"], arguments["initial_epoch"], epochs),
        answers_batches=callbacks.steers_batches,
        refuses_nan=not any(isinstance(callback, TerminateOnNaN) for callback in callbacks),
        constraint_plan=runtime.constraint_plan(),
        loss_count=program.loss_count,
        compression=arguments["compression"],
    )
    job = recovery.continued(job)
    report = _FitReport(model, callbacks, program, evaluation, recovery)
    model.stop_training = False
    callbacks.on_train_begin()
    recovery.restore_callbacks(callbacks)
    held = None if check is None else check.source
    result = train(engine, job, source.source, held, report, policy, recovery.keeps)
    np.copyto(vector.values, result.values)
    optimizer.state = result.optimizer_state
    optimizer.iterations = result.progress.iteration
    model.finished_epochs += result.progress.epoch - arguments["initial_epoch"]
    callbacks.on_train_end(report.logs)
    recovery.finish()
    return model.history


def evaluate(model: Model, arguments: dict[str, Any]) -> Any:
    """See `Model.evaluate`."""
    model.need_compiled("evaluate")
    columns = {key: arguments[key] for key in ("feature_cols", "label_cols", "weight_col")}
    batch_size = _positive("batch_size", arguments["batch_size"] or _BATCH_ROWS)
    data = _first_rows(arguments["steps"], batch_size, arguments["x"], arguments["y"], arguments["sample_weight"])
    matched = match(model, _source(model, *data, columns))
    program = model.runtime.objective_program(model.heads, matched.inputs, matched.labels, matched.weights, False)
    job = EvaluationJob(
        program.plan,
        model.runtime.vector.values,
        batch_size=batch_size,
        loss_count=program.loss_count,
    )
    callbacks = CallbackList(arguments["callbacks"], model=model)
    callbacks.set_params({"verbose": arguments["verbose"], "batch_size": batch_size, "samples": matched.source.rows})
    callbacks.on_test_begin()
    found = choose_engine("auto", matched.source).evaluate(job, matched.source)
    logs = _logs_of(found, program)
    callbacks.on_test_end(logs)
    return pack_logs(logs, arguments["return_dict"])


def predict(model: Model, arguments: dict[str, Any]) -> Any:
    """See `Model.predict`."""
    batch_size = _positive("batch_size", arguments["batch_size"] or _BATCH_ROWS)
    data = _first_rows(arguments["steps"], batch_size, arguments["x"], None, None)
    kind = kind_of(data[0])
    columns = {"feature_cols": arguments["feature_cols"]}
    source, inputs = match_inputs(model, _source(model, *data, columns, labels=False))
    program = model.runtime.predict_program(inputs)
    if program.plan.updates and kind == "arrays":
        return _predict_in_turn(model, source, program, batch_size)
    several = not _is_leaf(program.structure)
    job = PredictionJob(
        program.plan,
        model.runtime.vector.values,
        batch_size,
        program.structure if several else None,
    )
    engine: Any = choose_engine("auto", source)
    if kind == "dataframe":
        return engine.predict_frame(job, source, arguments["prediction_col"])
    if kind == "rdd":
        return engine.predict(job, source)
    return nest.pack(program.structure, engine.predict(job, source))


def predict_classes(model: Model, x: Any, batch_size: int | None, first: int) -> Any:
    """See `Model.predict_classes`."""
    kind = kind_of(x)
    if kind == "dataframe":
        raise TypeError("predict_classes() takes arrays or an RDD. In a DataFrame of predictions find the largest one: "
                        "F.array_position('prediction', F.array_max('prediction')) - 1.")
    predictions = model.predict(x, batch_size=batch_size, verbose=0)
    if kind == "rdd":
        return predictions.map(partial(class_of, first=first))
    return classes_of(predictions, first)


def _predict_in_turn(model: Model, source: Source, program: Program, batch_size: int) -> Any:
    """Batch after batch in this process: stateful layers start where the batch before ended."""
    execution, block = model.runtime.execution(program), source.read()
    batches = []
    for start in range(0, block.rows, batch_size):
        outputs = execution.forward(block.take(slice(start, start + batch_size)).arrays, Context())
        batches.append([np.array(output) for output in outputs])
        execution.updates()
    return nest.pack(program.structure, [np.concatenate(parts) for parts in zip(*batches, strict=True)])


def read_summary(model: Model, role: str, tag: str) -> np.ndarray:
    """Rows (iteration, value, time) of a curve that `set_tensorboard` had written."""
    if model.tensorboard is None:
        raise RuntimeError("There is no summary: call set_tensorboard(log_dir, app_name) before fit().")
    log_dir, app_name = model.tensorboard
    curves = read_scalars(f"{log_dir}/{app_name}/{role}")
    if tag not in curves:
        raise ValueError(f"There is no curve {tag!r} in the {role} summary. Written so far: {sorted(curves)}.")
    return np.array(curves[tag], np.float64).reshape(-1, 3)


class _FitReport(Report):
    """Hears the engine, keeps the running numbers, and asks the callbacks."""

    def __init__(
        self,
        model: Model,
        callbacks: CallbackList,
        program: Program,
        evaluation: Program | None,
        recovery: Recovery,
    ) -> None:
        assert program.numbers is not None
        self.answers_batches = callbacks.steers_batches
        self.logs: dict[str, Any] = {}
        self._model = model
        self._callbacks = callbacks
        self._numbers: Numbers = program.numbers
        self._evaluation = evaluation
        self._recovery = recovery
        self._running = Running(program.numbers)
        self._rate = _rate(model.optimizer)

    def notes(self) -> dict[str, Any]:
        return self._recovery.notes(self._model, self._callbacks)

    def on_train_begin(self, rows: int, batches: int) -> None:
        self._recovery.check_rows(rows)
        self._callbacks.set_params({**self._callbacks.params, "samples": rows, "steps": batches})

    def on_epoch_begin(self, epoch: int) -> Decision | None:
        self._running = Running(self._numbers)
        self._callbacks.on_epoch_begin(epoch)
        self._recovery.continue_epoch(epoch, self._running, self._model.optimizer)
        return self._decide(None)

    def on_batch_end(self, report: BatchReport, snapshot: Snapshot | None) -> Decision | None:
        self._running.add(report.numbers, report.rows)
        self._model.optimizer.iterations = report.iteration
        if self._callbacks.uses_weights != "batch":
            snapshot = None
        elif snapshot is not None:
            self._receive(snapshot)
        found = self._validated(report)
        if self._callbacks.hears_batches:
            self._callbacks.on_iteration_end(
                Iteration(
                    report.iteration,
                    report.epoch,
                    float(report.numbers[0]),
                    report.rows,
                    report.seconds,
                    report.learning_rate,
                )
            )
            self._callbacks.on_train_batch_end(report.batch, self._running.logs() | found)
        return self._decide(snapshot)

    def on_epoch_end(self, report: EpochReport, snapshot: Snapshot) -> Decision | None:
        logs = self._running.logs() | self._validated(report)
        if self._callbacks.uses_weights is not None:
            self._receive(snapshot)
        self.logs = logs
        if report.phases is not None:
            self._callbacks.on_phases_measured(report.epoch, report.phases.scalars())
        self._callbacks.on_epoch_end(report.epoch, logs)
        for callback in self._callbacks:
            if isinstance(callback, SwapEMAWeights):
                callback.on_epoch_shown()
        return self._decide(snapshot)

    def _validated(self, report: BatchReport | EpochReport) -> dict[str, Any]:
        """What validation found at this moment, as logs."""
        if report.validation is None or self._evaluation is None:
            return {}
        self._callbacks.on_test_begin()
        found = _logs_of(report.validation, self._evaluation)
        self._callbacks.on_test_end(found)
        self.score = next((float(value) for name, value in found.items() if not name.endswith("loss")), None)
        return {f"val_{name}": value for name, value in found.items()}

    def _receive(self, snapshot: Snapshot) -> None:
        """Bring weights and optimizer state to the model, where callbacks look at them."""
        np.copyto(self._model.runtime.vector.values, snapshot.values())
        if self._callbacks.uses_weights is not None:
            self._model.optimizer.state = {slot: values.copy() for slot, values in snapshot.optimizer_state().items()}
        self._seen = self._model.runtime.vector.values.copy()

    def _decide(self, snapshot: Snapshot | None) -> Decision | None:
        """What the callbacks changed: the stop flag, the learning rate, the weights."""
        rate, before = _rate(self._model.optimizer), self._rate
        self._rate = rate
        values = None
        if snapshot is not None and self._callbacks.uses_weights is not None:
            current = self._model.runtime.vector.values
            if not np.array_equal(current, self._seen, equal_nan=True):
                values = current.copy()
        stop = bool(self._model.stop_training)
        if not stop and rate == before and values is None:
            return None
        return Decision(stop, rate if rate != before else None, values)


def _trigger(arguments: dict[str, Any], name: str) -> Any:
    return None if arguments[name] is None else check_trigger(name, arguments[name])


def _rate(optimizer: Any) -> float | None:
    """The learning rate that callbacks may change; None where it follows a schedule."""
    return None if optimizer.schedule is not None else float(optimizer.learning_rate)


def _logs_of(found: Evaluation, program: Program) -> dict[str, Any]:
    """Loss and metrics of a pass, whose losses are means over its rows and whose increments are sums."""
    assert program.numbers is not None
    running = Running(program.numbers)
    running.add(found.numbers, 1)
    return running.logs()


def callbacks_of(
    model: Model, arguments: dict[str, Any], epochs: int, batch_size: int, rows: int | None
) -> CallbackList:
    """The callbacks of a fit: the user's, then history, progress bar and TensorBoard."""
    verbose = arguments["verbose"]
    callbacks = CallbackList(
        arguments["callbacks"],
        add_history=True,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        batch_size=batch_size,
        samples=rows,
        steps=None,
    )
    if model.tensorboard is not None:
        log_dir, app_name = model.tensorboard
        callbacks.append(SummaryWriter(TrainSummary(log_dir, app_name), ValidationSummary(log_dir, app_name)))
    callbacks.set_model(model)
    callbacks.set_params(
        {"verbose": verbose, "epochs": epochs, "batch_size": batch_size, "samples": rows, "steps": None}
    )
    return callbacks


def _split_validation(arguments: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """(x, y, weights, validation data), with the last part of the arrays taken away by `validation_split`."""
    x, y, weights = arguments["x"], arguments["y"], arguments["sample_weight"]
    fraction = arguments["validation_split"]
    if not fraction or arguments["validation_data"] is not None:
        return x, y, weights, arguments["validation_data"]
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1. Received {fraction}.")
    if kind_of(x) != "arrays":
        raise ValueError(
            "`validation_split` works on arrays. For an RDD or a DataFrame use randomSplit() and `validation_data`."
        )
    rows = len(nest.flatten(x)[0])
    edge = int(rows * (1 - fraction))
    if edge == 0 or edge == rows:
        raise ValueError(
            f"`validation_split`={fraction} of {rows} rows leaves no rows to train on, or none to validate on."
        )

    def part(value: Any, rows_of_part: slice) -> Any:
        if value is None:
            return None
        if isinstance(value, (list, tuple)) and value and np.ndim(value[0]) == 0:
            value = np.asarray(value)
        return nest.map_leaves(lambda leaf: np.asarray(leaf)[rows_of_part], value)

    first, last = slice(0, edge), slice(edge, None)
    validation = (part(x, last), part(y, last)) + (() if weights is None else (part(weights, last),))
    return part(x, first), part(y, first), part(weights, first), validation


def _source(model: Model, x: Any, y: Any, weights: Any, columns: dict[str, Any], labels: bool = True) -> Source:
    shapes = [tensor.shape[1:] for tensor in model.graph.input_tensors] if model.graph is not None else [(None,)]
    outputs = len(model.graph.output_tensors) if model.graph is not None else 1
    return as_source(x, y, weights, **columns, labels=labels, input_shapes=shapes, outputs=outputs)


def _first_rows(steps: int | None, batch_size: int, x: Any, y: Any, weights: Any) -> tuple[Any, Any, Any]:
    """The rows of the first `steps` batches of arrays."""
    if steps is None:
        return x, y, weights
    if kind_of(x) != "arrays":
        raise ValueError(
            "A number of steps can be set for arrays. Take the rows you want of an RDD or a DataFrame with limit()."
        )
    rows = _positive("steps", steps) * batch_size
    x, y, weights = (
        None if part is None else nest.map_leaves(lambda leaf: leaf[:rows], part) for part in (x, y, weights)
    )
    return x, y, weights


def _validation_source(
    model: Model, validation: Any, columns: dict[str, Any], steps: int | None, batch_size: int
) -> Source:
    if kind_of(validation) != "arrays":
        _first_rows(steps, batch_size, validation, None, None)
        usable = columns if kind_of(validation) == "dataframe" else {}
        return _source(model, validation, None, None, usable)
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise ValueError(
            "`validation_data` must be a tuple (x, y) or (x, y, sample_weight) of arrays, an RDD or a DataFrame. "
            f"Received {type(validation).__name__}."
        )
    x, y, weights = (*validation, None)[:3]
    return ArraySource(*_first_rows(steps, batch_size, x, y, weights))


def validation_epochs(frequency: Any, initial_epoch: int, epochs: int) -> Collection[int] | None:
    """The epochs after which to validate, None for all."""
    if isinstance(frequency, Collection):
        return {int(epoch) - 1 for epoch in frequency}
    if _positive("validation_freq", frequency) == 1:
        return None
    return {epoch for epoch in range(initial_epoch, epochs) if (epoch + 1) % frequency == 0}


def _positive(name: str, value: Any) -> int:
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received {value!r}.")
    return int(value)


def _seed(seed: int | None) -> int:
    return initializers.draw_seed() if seed is None else int(seed)


def _is_leaf(structure: Any) -> bool:
    return not isinstance(structure, (list, tuple, dict))
