"""fit, evaluate and predict: arguments become a job, a job's reports become logs for the callbacks."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras import initializers
from bigdl_keras.callbacks import CallbackList, SummaryWriter, SwapEMAWeights, TerminateOnNaN
from bigdl_keras.data import Source, kind_of
from bigdl_keras.engine.job import EvaluationJob, PredictionJob, TrainingJob
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.predicting import class_of, classes_of
from bigdl_keras.engine.retry import train
from bigdl_keras.engine.selection import Engine, choose_engine
from bigdl_keras.engine.triggers import check_trigger
from bigdl_keras.graph import nest
from bigdl_keras.graph.plan import Context
from bigdl_keras.models.batches import pack_logs
from bigdl_keras.models.columns import Matched, match, match_inputs
from bigdl_keras.models.fit_report import FitReport, logs_of
from bigdl_keras.models.recovery import recovery_of, retry_policy
from bigdl_keras.models.runtime import Program
from bigdl_keras.models.sources import (
    first_rows,
    positive,
    source_of,
    split_validation,
    validation_epochs,
    validation_source,
)
from bigdl_keras.summary import TrainSummary, ValidationSummary, read_scalars

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model

_BATCH_ROWS = 32
_logger = logging.getLogger(__name__)


def fit(model: Model, arguments: dict[str, Any], nb_epoch: int | None = None) -> Any:
    """See `Model.fit`; `nb_epoch` is BigDL's name of `epochs`."""
    model.need_compiled("fit")
    if nb_epoch is not None:
        arguments = {**arguments, "epochs": nb_epoch}
    batch_size = positive("batch_size", arguments["batch_size"] or _BATCH_ROWS)
    source, check = _matched(model, arguments, batch_size)
    program, evaluation = _programs(model, source, check, arguments["class_weight"])
    callbacks = callbacks_of(model, arguments, arguments["epochs"], batch_size, source.source.rows)
    engine = choose_engine(arguments["engine"], source.source, arguments["workers"])
    _mind_mixed_rows(program, engine)
    settings = {
        "batch_size": batch_size,
        "shuffle": bool(arguments["shuffle"]),
        "steps_per_epoch": arguments["steps_per_epoch"],
    }
    policy = retry_policy(engine, arguments["retry_times"])
    recovery = recovery_of(model, callbacks, arguments, settings)
    recovery.bring_back(model)
    job = _job(model, arguments, settings, callbacks, program, evaluation, policy.timeout_seconds)
    report = FitReport(model, callbacks, program, evaluation, recovery)
    model.stop_training = False
    callbacks.on_train_begin()
    recovery.restore_callbacks(callbacks)
    held = None if check is None else check.source
    result = train(engine, recovery.continued(job), source.source, held, report, policy, recovery.keeps)
    np.copyto(model.runtime.vector.values, result.values)
    model.optimizer.state = result.optimizer_state
    model.optimizer.iterations = result.progress.iteration
    model.finished_epochs += result.progress.epoch - arguments["initial_epoch"]
    callbacks.on_train_end(report.logs)
    recovery.finish()
    return model.history


def _mind_mixed_rows(program: Program, engine: Engine) -> None:
    """Keep a model that makes one value of all rows in one thread if nobody asked for more workers, else warn."""
    if program.mixed is None:
        return
    if isinstance(engine, LocalEngine) and engine.workers is None:
        engine.workers = 1
    if engine.workers != 1:
        _logger.warning(
            "The layer '%s' makes one value of all rows of a batch (by '%s'). Each worker makes it of its own rows, so "
            "that the result depends on how many there are. Wrap sums over rows in ops.global_sum(), or use workers=1.",
            program.mixed.layer, program.mixed.kernel,
        )


def _matched(model: Model, arguments: dict[str, Any], batch_size: int) -> tuple[Matched, Matched | None]:
    """The rows to train on and those to validate on, with their columns in the order of the model."""
    columns = {key: arguments[key] for key in ("feature_cols", "label_cols", "weight_col")}
    x, y, weights, validation = split_validation(arguments)
    source = match(model, source_of(model, x, y, weights, columns))
    if validation is None:
        return source, None
    rows = positive("validation_batch_size", arguments["validation_batch_size"] or batch_size)
    return source, match(model, validation_source(model, validation, columns, arguments["validation_steps"], rows))


def _programs(
    model: Model, source: Matched, check: Matched | None, class_weight: dict[int, float] | None
) -> tuple[Program, Program | None]:
    """The plans of a training step and of a validation step."""
    runtime, heads = model.runtime, model.heads
    training = runtime.objective_program(heads, source.inputs, source.labels, source.weights, True, class_weight)
    if check is None:
        return training, None
    return training, runtime.objective_program(heads, check.inputs, check.labels, check.weights, False)


def _job(
    model: Model,
    arguments: dict[str, Any],
    settings: dict[str, Any],
    callbacks: CallbackList,
    program: Program,
    evaluation: Program | None,
    timeout_seconds: float,
) -> TrainingJob:
    """All that the workers need, as one picklable thing."""
    runtime, optimizer = model.runtime, model.optimizer
    vector = runtime.vector
    first, epochs = arguments["initial_epoch"], arguments["epochs"]
    return TrainingJob(
        plan=program.plan,
        values=vector.values.copy(),
        names=tuple(path for path, *_ in vector.segments),
        shapes=tuple(shape for *_, shape in vector.segments),
        optimizer=optimizer,
        optimizer_state=optimizer.state,
        iteration=optimizer.iterations,
        initial_epoch=first,
        epochs=epochs,
        **settings,
        seed=_seed(arguments["seed"]),
        timeout_seconds=timeout_seconds,
        end_when=_trigger(arguments, "end_trigger"),
        validates_average=any(isinstance(callback, SwapEMAWeights) for callback in callbacks),
        validate_when=_trigger(arguments, "validation_trigger"),
        evaluate_plan=None if evaluation is None else evaluation.plan,
        validation_batch_size=arguments["validation_batch_size"] or settings["batch_size"],
        validation_epochs=validation_epochs(arguments["validation_freq"], first, epochs),
        answers_batches=callbacks.steers_batches,
        refuses_nan=not any(isinstance(callback, TerminateOnNaN) for callback in callbacks),
        constraint_plan=runtime.constraint_plan(),
        loss_count=program.loss_count,
        compression=arguments["compression"],
        drop=model.drop_policy,
    )


def evaluate(model: Model, arguments: dict[str, Any]) -> Any:
    """See `Model.evaluate`."""
    model.need_compiled("evaluate")
    columns = {key: arguments[key] for key in ("feature_cols", "label_cols", "weight_col")}
    batch_size = positive("batch_size", arguments["batch_size"] or _BATCH_ROWS)
    data = first_rows(arguments["steps"], batch_size, arguments["x"], arguments["y"], arguments["sample_weight"])
    matched = match(model, source_of(model, *data, columns))
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
    engine = choose_engine("auto", matched.source)
    _mind_mixed_rows(program, engine)
    found = engine.evaluate(job, matched.source)
    logs = logs_of(found, program)
    callbacks.on_test_end(logs)
    return pack_logs(logs, arguments["return_dict"])


def predict(model: Model, arguments: dict[str, Any]) -> Any:
    """See `Model.predict`."""
    batch_size = positive("batch_size", arguments["batch_size"] or _BATCH_ROWS)
    data = first_rows(arguments["steps"], batch_size, arguments["x"], None, None)
    kind = kind_of(data[0])
    columns = {"feature_cols": arguments["feature_cols"]}
    source, inputs = match_inputs(model, source_of(model, *data, columns, labels=False))
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
        raise TypeError(
            "predict_classes() takes arrays or an RDD. In a DataFrame of predictions find the largest one: "
            "F.array_position('prediction', F.array_max('prediction')) - 1."
        )
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


def _trigger(arguments: dict[str, Any], name: str) -> Any:
    return None if arguments[name] is None else check_trigger(name, arguments[name])


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


def _seed(seed: int | None) -> int:
    return initializers.draw_seed() if seed is None else int(seed)


def _is_leaf(structure: Any) -> bool:
    return not isinstance(structure, (list, tuple, dict))
