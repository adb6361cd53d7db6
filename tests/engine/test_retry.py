import logging

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine import retry
from bigdl_keras.engine.checkpoints import CheckpointFolder
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.report import Decision, Report
from bigdl_keras.engine.retry import Keep, RetryPolicy, is_loss, train
from bigdl_keras.engine.triggers import SeveralIteration
from bigdl_keras.errors import PartsLost, WorkerLost

LOSS = "Worker 1 of 2 on 127.0.0.1 died after iteration 7. Perhaps it had too little memory."


class FlakyEngine:
    """The local engine, whose workers are lost after so many batches: one number per attempt."""

    name = "flaky"
    workers = 2

    def __init__(self, *losses, error=WorkerLost):
        self.losses, self.error, self.starts = list(losses), error, []

    def run(self, job, source, validation, report):
        self.starts.append(job.iteration)
        left = self.losses.pop(0) if self.losses else None
        engine = self

        class Wire(Report):
            answers_batches = report.answers_batches
            on_train_begin, on_epoch_begin = report.on_train_begin, report.on_epoch_begin
            on_epoch_end = report.on_epoch_end
            count = 0

            def on_batch_end(self, batch, snapshot):
                if self.count == left:
                    raise engine.error(LOSS)
                self.count += 1
                return report.on_batch_end(batch, snapshot)

        return LocalEngine(2).run(job, source, validation, Wire())


class Steerer(Report):
    """Writes down all it hears, and changes weights and learning rates on the way."""

    def __init__(self, answers_batches=False):
        self.answers_batches = answers_batches
        self.heard = []

    def on_train_begin(self, rows, batches):
        self.heard.append((rows, batches))

    def on_epoch_begin(self, epoch):
        self.heard.append(("epoch", epoch))
        if epoch % 2:
            return None
        self.optimizer.learning_rate = 0.05 / (2 + epoch)  # a callback sets that of the driver
        return Decision(learning_rate=self.optimizer.learning_rate)

    def on_batch_end(self, report, snapshot):
        self.heard.append((report.iteration, report.epoch, report.batch, *report.numbers))
        if self.answers_batches and report.iteration == 5:
            return Decision(learning_rate=0.002, values=snapshot.values() * np.float32(0.5))
        return None

    def on_epoch_end(self, report, snapshot):
        self.heard.append((report.epoch, report.iteration, *report.training.numbers, *report.validation.numbers))
        if report.epoch == 2:
            return Decision(values=snapshot.values() * np.float32(0.9))
        return Decision(stop=report.epoch == 4)


POLICIES = [RetryPolicy(snapshot_seconds=0.0), RetryPolicy(snapshot_seconds=1e9)]


def run(make_job, make_data, engine, report, policy=POLICIES[0], keeps=(), **settings):
    job = make_job(epochs=9, batch_size=10, dropout=0.2, answers_batches=report.answers_batches, **settings)
    report.optimizer = job.optimizer
    return train(engine, job, as_source(*make_data(43)), as_source(*make_data(9)), report, policy, keeps)


@pytest.mark.parametrize("answers_batches", [False, True])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("losses", [(0,), (7,), (4, 0, 3), (12, 2, 6), (24,)])
def test_a_disturbed_fit_is_as_an_undisturbed_one(make_job, make_data, answers_batches, policy, losses):
    calm, expected = Steerer(answers_batches), run(make_job, make_data, LocalEngine(2), Steerer(answers_batches))
    run(make_job, make_data, LocalEngine(2), calm)
    report, engine = Steerer(answers_batches), FlakyEngine(*losses)
    result = run(make_job, make_data, engine, report, policy)
    assert len(engine.starts) == len(losses) + 1
    assert report.heard == calm.heard
    np.testing.assert_array_equal(result.values, expected.values)
    for slot, vector in expected.optimizer_state.items():
        np.testing.assert_array_equal(result.optimizer_state[slot], vector)
    assert result.progress == expected.progress


def test_little_is_done_again(make_job, make_data, caplog, monkeypatch):
    monkeypatch.setattr(retry, "_COST_SHARE", 0.0)
    engine = FlakyEngine(7, 6)
    with caplog.at_level(logging.WARNING):
        run(make_job, make_data, engine, Steerer())
    assert engine.starts == [0, 7, 13]
    lines = [record.message for record in caplog.records]
    assert lines == [
        "Worker 1 of 2 on 127.0.0.1 died after iteration 7. Retry 1 of 5 goes on from iteration 7 (epoch 2, batch 2); "
        "0 iterations are done again.",
        "Worker 1 of 2 on 127.0.0.1 died after iteration 7. Retry 2 of 5 goes on from iteration 13 (epoch 3, batch 3); "
        "0 iterations are done again."]


def test_snapshots_at_checkpoints(make_job, make_data, tmp_path):
    engine, folder = FlakyEngine(13, 0), CheckpointFolder(tmp_path)
    result = run(make_job, make_data, engine, Steerer(), POLICIES[1], [Keep(folder, SeveralIteration(4))])
    assert engine.starts == [0, 12, 12]
    assert folder.newest().iteration == 24
    expected = run(make_job, make_data, LocalEngine(2), Steerer())
    np.testing.assert_array_equal(result.values, expected.values)


def test_losses_in_a_row_are_bounded(make_job, make_data):
    engine = FlakyEngine(*[0] * 9)
    with pytest.raises(WorkerLost) as caught:
        run(make_job, make_data, engine, Steerer())
    assert len(engine.starts) == 6
    last = str(caught.value.__cause__)
    assert last.startswith(LOSS)
    assert str(caught.value) == (
        "The fit is given up after 6 losses in a row, 5 retries included; the last one would have gone on from the "
        f"start of the fit. What happened last: {last} Look for the cause first; fit(retry_times=...) or "
        "spark.bigdl_keras.failure.retryTimes allow more retries. With model.set_checkpoint(path), fit(..., "
        "resume=True) could go on from the last checkpoint.")
    engine = FlakyEngine(0)
    with pytest.raises(WorkerLost, match="^" + LOSS):
        run(make_job, make_data, engine, Steerer(), RetryPolicy(times=0))
    assert len(engine.starts) == 1


def test_a_late_loss_starts_a_new_row(make_job, make_data, monkeypatch):
    clock = iter(range(0, 10**9, 700))  # seconds: more than 5 * 120 between any two looks
    monkeypatch.setattr(retry.time, "monotonic", lambda: float(next(clock)))
    engine = FlakyEngine(*[0] * 9)
    run(make_job, make_data, engine, Steerer())
    assert len(engine.starts) == 10


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, RuntimeError])
def test_an_error_of_the_user_is_raised_at_once(make_job, make_data, error):
    engine = FlakyEngine(3, error=error)
    with pytest.raises(error, match="died after"):
        run(make_job, make_data, engine, Steerer())
    assert engine.starts == [0]


@pytest.mark.parametrize(("error", "expected"), [
    (PartsLost("A part of the training state is gone."), True),
    (WorkerLost("x"), True), (ConnectionResetError("x"), True), (ValueError("x"), False),
    (Exception("Job aborted due to stage failure: ... ExecutorLostFailure (executor 1 exited ...)"), True),
    (Exception("Could not recover from a failed barrier ResultStage. Most recent failure reason: ..."), True),
    (Exception("Python worker exited unexpectedly\nTraceback (most recent call last):\nValueError: mine"), False),
])
def test_what_is_a_loss(error, expected):
    assert is_loss(error) == expected


def test_the_policy_of_a_configuration():
    conf = {"spark.bigdl_keras.failure.retryTimes": "2", "spark.bigdl_keras.failure.snapshotSeconds": "3.5",
            "spark.bigdl_keras.failure.timeoutSeconds": "7"}
    assert RetryPolicy.of(conf.get) == RetryPolicy(2, 120.0, 3.5, 60.0, 7.0)


def test_lost_slots_are_waited_for_and_then_done_without(monkeypatch, caplog):
    from bigdl_keras.engine.barrier import BarrierEngine

    slots = iter([1, 2, 3])
    monkeypatch.setattr(retry.preflight, "free_slots", lambda context: next(slots))
    engine = BarrierEngine(3, None)
    assert retry._recovered(engine, 60.0) is engine
    monkeypatch.setattr(retry.preflight, "free_slots", lambda context: 2)
    fewer = retry._recovered(engine, 0.0)
    assert (fewer.workers, fewer.name) == (2, "barrier")
    assert "2 of 3 task slots left" in caplog.text
    monkeypatch.setattr(retry.preflight, "free_slots", lambda context: 0)
    assert retry._recovered(engine, 0.0) is engine  # whose preflight says what is wrong
