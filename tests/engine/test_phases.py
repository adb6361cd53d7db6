import logging
import time

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine import replica as replica_module
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.phases import PHASES, Phases, Stopwatch
from bigdl_keras.engine.report import Report
from bigdl_keras.graph.plan import Execution


class Recorder(Report):
    def __init__(self):
        self.epochs, self.batches = [], []

    def on_batch_end(self, report, snapshot):
        self.batches.append(report)

    def on_epoch_end(self, report, snapshot):
        self.epochs.append(report)


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when it is told to."""
    class Clock:
        now = 100.0

        def perf_counter(self):
            return self.now

    found = Clock()
    monkeypatch.setattr(time, "perf_counter", found.perf_counter)
    return found


def test_every_moment_belongs_to_one_phase(clock):
    watch = Stopwatch()
    clock.now += 7  # nobody's
    watch.start()
    clock.now += 1
    watch.lap("data")
    clock.now += 2
    watch.lap("forward")
    clock.now += 4
    watch.lap("data")
    np.testing.assert_array_equal(watch.read(), [5, 2, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(watch.read(), np.zeros(len(PHASES)))


def test_what_they_tell():
    phases = Phases(np.array([[1.0, 2, 3, 4, 5, 6, 7], [1, 6, 3, 0, 5, 6, 7]]))
    assert phases.total() == dict(zip(PHASES, [2, 8, 6, 4, 10, 12, 14], strict=True))
    assert phases.longest()["forward"] == 6
    assert phases.of(1)["wait"] == 0
    assert phases.slowest == 1
    assert phases.waiting(0) == pytest.approx(4 / 28)
    assert phases.scalars()["Phase/forward"] == 4
    assert phases.scalars()["Phase/forward/longest"] == 6
    assert phases.verdict(lambda rank: f"worker {rank} on b") == (
        "Worker 1 on b was the slowest: 10.00 s of its own work, 8.00 s on average. It waited 0% of its time, "
        "the others 14%.")
    assert "Phase/forward/longest" not in Phases(np.ones((1, 7))).scalars()


def test_the_timers_are_around_the_right_work(clock, make_job, make_data, monkeypatch):
    """Each piece of work moves the clock by an amount of its own; the phases find just these."""
    def slow(owner, name, seconds):
        original = getattr(owner, name)

        def run(*arguments, **named):
            clock.now += seconds
            return original(*arguments, **named)
        monkeypatch.setattr(owner, name, run)

    source, job, recorder = as_source(*make_data(32)), make_job(epochs=2, batch_size=8), Recorder()
    slow(type(source.read()), "take", 1)
    slow(Execution, "forward", 10)
    slow(Execution, "backward", 100)
    slow(Execution, "updates", 1000)
    slow(type(job.optimizer), "step", 10_000)
    slow(Recorder, "on_batch_end", 1_000_000)  # the user's own code: in no phase
    LocalEngine(1).run(job, source, None, recorder)
    for epoch in recorder.epochs:
        found = epoch.phases.of(0)
        assert found == {"data": 4, "forward": 40, "backward": 4400, "wait": 0, "reduce_scatter": 0,
                         "update": 40_000, "all_gather": 0}


def test_the_sum_is_the_time_of_the_iterations(make_job, make_data):
    recorder = Recorder()
    LocalEngine(1).run(make_job(epochs=1, batch_size=8), as_source(*make_data(2000)), None, recorder)
    spent, measured = sum(batch.seconds for batch in recorder.batches), recorder.epochs[0].phases.seconds.sum()
    assert measured == pytest.approx(spent, rel=0.3)
    assert recorder.epochs[0].phases.seconds.shape == (1, len(PHASES))


def test_the_others_wait_for_the_slowest(make_job, make_data, monkeypatch):
    """One of two threads computes for longer; the other's waiting says so."""
    original = replica_module.Replica._forward

    def run(self, arrays, batch_rows, context):
        if context.training and context.places is not None and len(context.places) and context.places[0] > 0:
            until = time.perf_counter() + 0.02
            while time.perf_counter() < until:
                time.sleep(0.001)
        return original(self, arrays, batch_rows, context)

    monkeypatch.setattr(replica_module.Replica, "_forward", run)
    recorder = Recorder()
    LocalEngine(2).run(make_job(epochs=1, batch_size=8, shuffle=False), as_source(*make_data(80)), None, recorder)
    phases = recorder.epochs[0].phases
    assert phases.slowest == 1
    assert phases.of(1)["forward"] >= 10 * 0.02
    assert phases.of(0)["wait"] >= 0.5 * 10 * 0.02
    assert phases.waiting(0) > phases.waiting(1)


@pytest.mark.spark
def test_a_gang_reports_its_slowest(spark, make_job, make_data, caplog):
    from bigdl_keras.engine.selection import choose_engine

    source = as_source(spark.sparkContext.parallelize(list(zip(*make_data(40), strict=True)), 2))
    recorder = Recorder()
    with caplog.at_level(logging.INFO, "bigdl_keras"):
        choose_engine("barrier", source, 2).run(make_job(epochs=2, batch_size=8), source, None, recorder)
    for epoch in recorder.epochs:
        assert epoch.phases.seconds.shape == (2, len(PHASES))
        assert (epoch.phases.seconds > 0).all()
        assert epoch.phases.seconds[0].sum() < epoch.seconds  # of worker 0, who timed the epoch; others begin earlier
    lines = [record.message for record in caplog.records if "slowest" in record.message]
    assert len(lines) == 2
    assert lines[1].startswith("Epoch 2: Worker ")


def test_tensorboard_shows_them(tmp_path):
    import bigdl_keras as bk
    from bigdl_keras.summary import read_scalars

    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.set_tensorboard(str(tmp_path), "app")
    x = np.ones((16, 3), "float32")
    model.fit(x, x[:, :1], epochs=2, batch_size=8, verbose=0, engine="local",
              callbacks=[bk.callbacks.TensorBoard(str(tmp_path / "keras"))])
    assert [point[1] > 0 for point in model.get_train_summary("Phase/forward")] == [True, True]
    assert [point[0] for point in model.get_train_summary("Phase/update")] == [2, 4]
    assert {f"Phase/{name}" for name in PHASES} <= set(read_scalars(str(tmp_path / "keras" / "train")))
