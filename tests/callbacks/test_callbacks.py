"""Callbacks on a small model of numbers: what they decide, write and say."""

import csv
import json
import logging
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from urllib.parse import parse_qs

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bigdl_keras import callbacks, optimizers
from bigdl_keras.callbacks import Callback, CallbackList, Iteration
from bigdl_keras.callbacks.base import hears_batches
from bigdl_keras.summary import TrainSummary, ValidationSummary, read_scalars


class FakeModel:
    """All that callbacks know of a model."""

    def __init__(self, learning_rate=0.1):
        self.stop_training = False
        self.optimizer = optimizers.SGD(learning_rate)
        self.weights = [SimpleNamespace(path="dense/kernel", value=np.zeros(4, np.float32))]
        self.saved = []

    def get_weights(self):
        return [weight.value.copy() for weight in self.weights]

    def set_weights(self, values):
        for weight, value in zip(self.weights, values, strict=True):
            weight.value = value

    def save(self, path, overwrite=True):
        self.saved.append((path, self.weights[0].value[0]))

    save_weights = save


def fit(listeners, losses, model=None, batches=2, **params):
    """Run a fit whose validation losses are given; the weights of epoch k are k. Answers with the model."""
    model = model or FakeModel()
    run = CallbackList(listeners, add_history=True, model=model, epochs=len(losses), steps=batches, **params)
    run.on_train_begin()
    iteration = 0
    for epoch, loss in enumerate(losses):
        run.on_epoch_begin(epoch)
        model.weights[0].value = np.full(4, epoch, np.float32)
        for batch in range(batches):
            run.on_train_batch_begin(batch)
            iteration += 1
            run.on_iteration_end(Iteration(iteration, epoch, loss + batch, 8, 0.5, model.optimizer.learning_rate))
            run.on_train_batch_end(batch, {"loss": loss, "accuracy": 0.5})
            if model.stop_training:
                break
        run.on_epoch_end(epoch, {"loss": loss, "val_loss": loss, "val_accuracy": 1 - loss})
        if model.stop_training:
            break
    run.on_train_end()
    return model


def test_hooks_are_called_in_keras_order():
    seen = []

    class Recorder(Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(f"batch {batch} {logs['loss']}")

    for name in ("train_begin", "train_end", "epoch_begin", "epoch_end", "train_batch_begin"):
        def hook(self, *arguments, name=name):
            seen.append(name)
        setattr(Recorder, f"on_{name}", hook)
    fit(Recorder(), [0.5], batches=1)
    assert seen == ["train_begin", "epoch_begin", "train_batch_begin", "batch 0 0.5", "epoch_end", "train_end"]


def test_history():
    model = fit([], [0.5, 0.25])
    assert model.history.history == {"loss": [0.5, 0.25], "val_loss": [0.5, 0.25], "val_accuracy": [0.5, 0.75]}
    assert model.history.epoch == [0, 1]


@pytest.mark.parametrize(("arguments", "epochs", "weights"), [
    ({"patience": 0}, 4, 3),
    ({"patience": 2}, 5, 4),
    ({"patience": 2, "restore_best_weights": True}, 5, 2),
    ({"monitor": "val_accuracy", "patience": 1}, 4, 3),
    ({"min_delta": 0.15, "patience": 2}, 5, 4),
    ({"baseline": 0.1, "patience": 2}, 4, 3),
    ({"start_from_epoch": 4}, 6, 5),
    ({"patience": 9, "restore_best_weights": True}, 7, 2),
])
def test_early_stopping(arguments, epochs, weights):
    model = fit(callbacks.EarlyStopping(**arguments), [0.5, 0.4, 0.3, 0.35, 0.32, 0.4, 0.5])
    assert len(model.history.epoch) == epochs and model.weights[0].value[0] == weights


def test_monitors_that_are_missing_or_not_clear(caplog):
    with caplog.at_level(logging.WARNING):
        fit(callbacks.EarlyStopping("val_mae"), [0.5])
    assert "'val_mae', which is not in the logs. There are: loss, val_loss, val_accuracy" in caplog.text
    with pytest.raises(ValueError, match="cannot tell whether 'val_goodness' should rise or fall"):
        callbacks.EarlyStopping("val_goodness")
    with pytest.raises(ValueError, match="must be 'auto', 'min' or 'max'"):
        callbacks.EarlyStopping(mode="up")


def test_stop_within_an_epoch():
    stop = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(model, "stop_training", batch == 1))
    model = FakeModel()
    fit(stop, [0.5, 0.4], model, batches=5)
    assert model.history.epoch == [0]


def test_terminate_on_nan(capsys):
    model = fit(callbacks.TerminateOnNaN(), [0.5, float("nan"), 0.5])
    assert model.history.epoch == [0, 1] and "Batch 0: Invalid loss" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 0"):
        fit(callbacks.TerminateOnNaN(raise_error=True), [0.5, float("nan"), 0.5])


@pytest.mark.parametrize(("arguments", "expected"), [
    ({"filepath": "m-{epoch}.keras"}, [("m-1.keras", 0), ("m-2.keras", 1), ("m-3.keras", 2)]),
    ({"filepath": "m.keras", "save_best_only": True}, [("m.keras", 0), ("m.keras", 2)]),
    ({"filepath": "m.keras", "save_best_only": True, "initial_value_threshold": 0.45}, [("m.keras", 2)]),
    ({"filepath": "m.keras", "save_best_only": True, "monitor": "val_accuracy"}, [("m.keras", 0), ("m.keras", 2)]),
    ({"filepath": "{epoch:02d}-{val_loss:.1f}.weights.h5", "save_weights_only": True},
     [("01-0.5.weights.h5", 0), ("02-0.6.weights.h5", 1), ("03-0.4.weights.h5", 2)]),
    ({"filepath": "{epoch}-{batch}.h5", "save_freq": 3}, [("2-1.h5", 1), ("3-2.h5", 2)]),
])
def test_model_checkpoint(tmp_path, arguments, expected):
    arguments["filepath"] = tmp_path / "new" / arguments["filepath"]
    model = fit(callbacks.ModelCheckpoint(**arguments), [0.5, 0.6, 0.4])
    assert model.saved == [(str(tmp_path / "new" / name), weight) for name, weight in expected]


def test_model_checkpoint_messages(tmp_path, capsys):
    with pytest.raises(ValueError, match=r"must end in \.weights\.h5"):
        callbacks.ModelCheckpoint("m.keras", save_weights_only=True)
    with pytest.raises(ValueError, match="'epoch' or a number of batches"):
        callbacks.ModelCheckpoint("m.keras", save_freq="batch")
    with pytest.raises(KeyError, match="'val_mae', which is not known"):
        fit(callbacks.ModelCheckpoint("{val_mae}.keras"), [0.5])
    fit(callbacks.ModelCheckpoint(tmp_path / "m.keras", save_best_only=True, verbose=1), [0.5, 0.6])
    out = capsys.readouterr().out
    assert "Epoch 1: val_loss improved from inf to 0.5" in out and "Epoch 2: val_loss did not improve from 0.5" in out


def test_learning_rate_scheduler():
    model = fit(callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2), [0.5, 0.4])
    assert model.history.history["learning_rate"] == [0.05, 0.025]
    schedule = optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.5])
    model = fit(callbacks.LearningRateScheduler(schedule), [0.5, 0.4])
    assert model.history.history["learning_rate"] == [1.0, 0.5]
    with pytest.raises(ValueError, match=r"must return a number\. Received 'fast' for epoch 0"):
        fit(callbacks.LearningRateScheduler(lambda epoch: "fast"), [0.5])
    with pytest.raises(TypeError, match="follows a ExponentialDecay"):
        fit(callbacks.LearningRateScheduler(lambda epoch: 0.1), [0.5],
            FakeModel(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)))


def test_reduce_learning_rate_on_plateau(capsys):
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.03, verbose=1)
    model = fit(reduce, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4])
    rates = model.history.history["learning_rate"]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03, 0.03])
    assert "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.05" in capsys.readouterr().out
    with pytest.raises(ValueError, match="less than 1"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    logger = callbacks.CSVLogger(path)
    fit(logger, [0.5, 0.25])
    fit(logger, [0.125])
    fit(callbacks.CSVLogger(path, append=True), [1.0])
    rows = list(csv.DictReader(path.open()))
    assert list(rows[0]) == ["epoch", "loss", "val_accuracy", "val_loss"]
    assert [(row["epoch"], float(row["loss"])) for row in rows] == [("0", 0.5), ("1", 0.25), ("0", 0.125), ("0", 1.0)]
    fit(callbacks.CSVLogger(path, separator=";"), [0.5])
    assert path.read_text().splitlines()[0] == "epoch;loss;val_accuracy;val_loss"


def test_lambda_callback():
    seen = []
    fit(callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])),
                                 on_iteration_end=lambda iteration: seen.append(iteration.iteration)), [0.5])
    assert seen == [1, 2, (0, 0.5)]
    with pytest.raises(ValueError, match="no hook called 'on_epoch'"):
        callbacks.LambdaCallback(on_epoch=print)


def test_tensorboard_in_keras_layout(tmp_path):
    board = callbacks.TensorBoard(tmp_path, histogram_freq=2, update_freq=2, write_steps_per_second=True)
    fit(board, [0.5, 0.25, 0.125])
    train = EventAccumulator(str(tmp_path / "train"), {"histograms": 0}).Reload()
    validation = EventAccumulator(str(tmp_path / "validation")).Reload()
    assert [(point.step, point.value) for point in train.Scalars("epoch_loss")] == [(0, 0.5), (1, 0.25), (2, 0.125)]
    assert [(point.step, point.value) for point in train.Scalars("batch_loss")] == [(2, 0.5), (4, 0.25), (6, 0.125)]
    assert train.Scalars("epoch_learning_rate")[0].value == pytest.approx(0.1)
    assert train.Scalars("batch_steps_per_second")[0].value == pytest.approx(2.0)
    assert [event.step for event in train.Histograms("dense/kernel/histogram")] == [0, 2]
    assert validation.Tags()["scalars"] == ["epoch_loss", "epoch_accuracy"]
    with pytest.raises(ValueError, match="`write_images` of TensorBoard is not supported"):
        callbacks.TensorBoard(write_images=True)


def test_summary_writer_in_bigdl_layout(tmp_path):
    train, validation = TrainSummary(tmp_path, "app"), ValidationSummary(tmp_path, "app")
    train.set_summary_trigger("LearningRate", lambda before, now: before.iteration // 2 < now.iteration // 2)
    train.set_summary_trigger("Parameters", lambda before, now: before.epoch < now.epoch)
    writer = callbacks.SummaryWriter(train, validation)
    seen_live = []
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen_live.append(
        len(read_scalars(train.folder)["Loss"])))
    fit([writer, look], [0.5, 0.25])
    np.testing.assert_array_equal(train.read_scalar("Loss")[:, :2], [[1, 0.5], [2, 1.5], [3, 0.25], [4, 1.25]])
    np.testing.assert_array_equal(train.read_scalar("Throughput")[:, 1], [16.0] * 4)
    assert train.read_scalar("LearningRate")[:, 0].tolist() == [2, 4]
    np.testing.assert_array_equal(validation.read_scalar("accuracy")[:, :2], [[2, 0.5], [4, 0.75]])
    assert seen_live == [2, 4]
    histograms = EventAccumulator(train.folder).Reload()
    assert [event.step for event in histograms.Histograms("dense/kernel")] == [3]
    assert writer.uses_weights == "batch"


@pytest.mark.parametrize("as_json", [False, True])
def test_remote_monitor(as_json):
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.path, body if as_json else parse_qs(body)["data"][0]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        fit(callbacks.RemoteMonitor(f"http://127.0.0.1:{server.server_port}", send_as_json=as_json), [np.float32(0.5)])
        server.shutdown()
    [(path, text)] = received
    assert path == "/publish/epoch/end/"
    assert json.loads(text) == {"epoch": 0, "loss": 0.5, "val_loss": 0.5, "val_accuracy": 0.5}


def test_a_remote_that_does_not_answer_is_a_warning(caplog):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    fit(callbacks.RemoteMonitor(f"http://127.0.0.1:{port}"), [0.5])
    assert "Could not send the logs of epoch 1" in caplog.text
    with pytest.raises(ValueError, match="http or https"):
        callbacks.RemoteMonitor("file:///tmp")


def test_who_uses_weights_and_who_hears_batches():
    class OfEpochs(Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    class OfBatches(Callback):
        def on_batch_end(self, batch, logs=None):
            pass

    class Careful(OfEpochs):
        uses_weights = "batch"

    assert OfEpochs.uses_weights == "epoch" and OfBatches.uses_weights is None and Careful.uses_weights == "batch"
    assert not hears_batches(OfEpochs()) and hears_batches(OfBatches()) and hears_batches(Careful())
    assert hears_batches(callbacks.LambdaCallback(on_train_batch_end=print))
    assert not hears_batches(callbacks.LambdaCallback(on_epoch_end=print)) and not hears_batches(callbacks.History())
    assert CallbackList([OfBatches(), callbacks.EarlyStopping()]).uses_weights is None
    assert CallbackList([OfEpochs(), callbacks.History()]).uses_weights == "epoch"
    assert CallbackList([OfEpochs(), Careful()]).uses_weights == "batch"
    assert callbacks.ModelCheckpoint("a.keras").uses_weights == "epoch"
    assert callbacks.ModelCheckpoint("a.keras", save_freq=5).uses_weights == "batch"


def test_lists_of_callbacks():
    inner = CallbackList([callbacks.History()])
    assert len(CallbackList([inner, [callbacks.TerminateOnNaN()]], add_history=True).callbacks) == 2
    assert CallbackList(None, add_history=True, add_progbar=True).history is not None
    with pytest.raises(TypeError, match="call the class to make an object"):
        CallbackList([callbacks.History])
    with pytest.raises(TypeError, match="a Callback or a list of them"):
        CallbackList(3)


def test_a_subclass_that_forgets_its_parents_constructor():
    class Forgetful(Callback):
        def __init__(self):
            pass

        def on_epoch_end(self, epoch, logs=None):
            self.seen = self.model

    forgetful = Forgetful()
    assert forgetful.model is None
    model = fit(forgetful, [0.5])
    assert forgetful.seen is model
