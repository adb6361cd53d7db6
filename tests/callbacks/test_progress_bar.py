"""The progress bar as a person sees it, on a terminal and in a log."""

import io
import re
import sys

import pytest

from bigdl_keras.callbacks import CallbackList, Iteration, progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def show(monkeypatch, output, verbose="auto", epochs=2, steps=3, validate=True, known=True):
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(progress_bar, "_REDRAW_SECONDS", 0.0)
    run = CallbackList(add_progbar=True, verbose=verbose, epochs=epochs, steps=steps if known else None)
    run.on_train_begin()
    for epoch in range(epochs):
        run.on_epoch_begin(epoch)
        for batch in range(steps):
            run.on_iteration_end(Iteration(1, epoch, 0.5, 100, 0.1, 0.1))
            run.on_train_batch_end(batch, {"accuracy": 0.75, "loss": 0.00025})
        logs = {"accuracy": 0.75, "loss": 0.00025}
        if validate:
            run.on_test_begin()
            run.on_test_batch_end(0, {"loss": 1.0})
            run.on_test_end({"loss": 1.0})
            logs["val_loss"] = 1.0
        run.on_epoch_end(epoch, logs)
    run.on_train_end()
    monkeypatch.undo()
    return output.getvalue()


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_one_line_an_epoch_in_a_log(monkeypatch, verbose):
    lines = show(monkeypatch, io.StringIO(), verbose).splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"Epoch 1/2 - 3/3 - 0s - \d+(us|ms|s)/step - [\d,]+ records/s - "
                        r"accuracy: 0\.7500 - loss: 2\.5000e-04 - val_loss: 1\.0000", lines[0])


def test_one_line_an_epoch_on_a_terminal_if_asked(monkeypatch):
    text = show(monkeypatch, Terminal(), 2)
    assert "\r" not in text and len(text.splitlines()) == 2


def test_nothing_if_silent(monkeypatch):
    assert show(monkeypatch, Terminal(), 0) == show(monkeypatch, io.StringIO(), 0) == ""


def test_a_bar_on_a_terminal(monkeypatch):
    text = re.sub(r"\x1b\[\d+m", "", show(monkeypatch, Terminal()))
    assert text.count("Epoch 1/2\n") == 1 and text.count("\n") == 4
    frames = text.split("\n")[1].split("\r")
    assert [frame.split()[0] for frame in frames if frame] == ["1/3", "2/3", "3/3", "3/3"]
    assert all(frame.count("━") == 20 for frame in frames if frame)
    assert "val_loss: 1.0000" in frames[-1] and "val_loss" not in frames[-2]


def test_a_number_of_batches_that_is_not_known(monkeypatch):
    text = re.sub(r"\x1b\[\d+m", "", show(monkeypatch, Terminal(), known=False))
    assert "2/Unknown" in text and "3/3 ━" in text


@pytest.mark.parametrize("kind", ["test", "predict"])
def test_evaluate_and_predict_have_a_line_of_their_own(monkeypatch, kind):
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    run = CallbackList(add_progbar=True, verbose=1, steps=2)
    getattr(run, f"on_{kind}_begin")()
    for batch in range(2):
        getattr(run, f"on_{kind}_batch_end")(batch, {"loss": 0.5})
    getattr(run, f"on_{kind}_end")({"loss": 0.5})
    expected = r"2/2 - 0s - \d+(us|ms|s)/step" + (r" - loss: 0\.5000" if kind == "test" else "") + "\n"
    assert re.fullmatch(expected, output.getvalue())
