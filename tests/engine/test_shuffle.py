"""The shuffle engine: short tasks, chains that are cut, sums in the middle of a plan, and nothing left behind."""

import os
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine import chain, conductor, retry, shuffle
from bigdl_keras.engine.job import EvaluationJob
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.phases import PHASES
from bigdl_keras.engine.report import Decision, Report
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.engine.triggers import MaxEpoch, MaxIteration, MinLoss, Or, SeveralIteration
from bigdl_keras.optimizers import SGD, Adam, Lamb
from bigdl_keras.spark import preflight

pytestmark = pytest.mark.spark


class Recorder(Report):
    def __init__(self):
        self.batches, self.epochs = [], []

    def on_batch_end(self, report, snapshot):
        self.batches.append(report)

    def on_epoch_end(self, report, snapshot):
        self.epochs.append(report)


def rows_of(spark, data, partitions=2):
    return as_source(spark.sparkContext.parallelize(list(zip(*data, strict=True)), partitions))


def fit(job, source, validation=None, report=None, workers=2):
    return choose_engine("shuffle", source, workers).run(job, source, validation, report or Report())


@pytest.fixture(params=["small", "sliced"])
def way(request, monkeypatch):
    """Both ways an update is made: each task all of it, or each task its slice."""
    if request.param == "sliced":
        monkeypatch.setattr(shuffle, "_STAGE_WORTH", 0)


def check(found, expected):
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
    assert found.progress == expected.progress
    for slot, vector in expected.optimizer_state.items():
        np.testing.assert_allclose(found.optimizer_state[slot], vector, atol=1e-5)


@pytest.mark.parametrize("settings", [
    {"dropout": 0.4, "states": True}, {"counted": True, "shuffle": False}, {"steps_per_epoch": 2},
    {"optimizer": lambda: SGD(0.1, momentum=0.9, nesterov=True)},
    {"optimizer": lambda: Adam(0.05, global_clipnorm=0.5)},
    {"optimizer": lambda: Lamb(0.05, use_ema=True)},
])
def test_weights_state_and_reports(spark, make_job, make_data, way, settings):
    if "optimizer" in settings:
        settings = {**settings, "optimizer": settings["optimizer"]()}
    job = make_job(epochs=2, batch_size=9, validation_batch_size=4, **settings)
    data, held = make_data(23), as_source(*make_data(11, seed=2))
    heard, heard_too = Recorder(), Recorder()
    expected = LocalEngine().run(job, as_source(*data), held, heard)
    check(fit(job, rows_of(spark, data), held, heard_too), expected)
    for mine, theirs in zip(heard.batches, heard_too.batches, strict=True):
        assert (mine.iteration, mine.epoch, mine.batch, mine.rows, mine.learning_rate) == (
            theirs.iteration, theirs.epoch, theirs.batch, theirs.rows, theirs.learning_rate)
        np.testing.assert_allclose(theirs.numbers, mine.numbers, rtol=1e-4)
    for mine, theirs in zip(heard.epochs, heard_too.epochs, strict=True):
        np.testing.assert_allclose(theirs.training.numbers, mine.training.numbers, rtol=1e-4)
        np.testing.assert_allclose(theirs.validation.numbers, mine.validation.numbers, rtol=1e-4)


def test_chains_are_cut(spark, make_job, make_data, way, monkeypatch):
    monkeypatch.setattr(chain, "_LONGEST_CHAIN", 3)
    job, data = make_job(epochs=2, batch_size=6), make_data(23)
    expected = LocalEngine().run(job, as_source(*data), None, Report())
    check(fit(job, rows_of(spark, data)), expected)


@pytest.mark.parametrize("settings", [{}, {"states": True, "dropout": 0.3},
                                      {"optimizer": lambda: Lamb(0.05, use_ema=True)}])
def test_large_arrays_lie_in_files(spark, make_job, make_data, way, settings, monkeypatch):
    monkeypatch.setattr(chain, "_LONGEST_CHAIN", 4)
    if "optimizer" in settings:
        settings = {**settings, "optimizer": settings["optimizer"]()}
    settings = {"optimizer": Adam(0.005), **settings}
    job, data = make_job(epochs=3, batch_size=6, hidden=2000, **settings), make_data(23)
    held = as_source(*make_data(11, seed=2))
    expected = LocalEngine().run(job, as_source(*data), held, Report())
    check(fit(job, rows_of(spark, data), held), expected)
    assert not [path for folder in _local_folders(spark) for path in Path(folder).glob("bigdl_keras-*")]


def test_lost_parcels_cost_a_retry(spark, make_job, make_data, way, caplog):
    folders = [Path(folder) for folder in _local_folders(spark)]

    class Remover(Recorder):
        answers_batches = True

        def on_batch_end(self, report, snapshot):
            super().on_batch_end(report, snapshot)
            if report.iteration == 5:
                found = [path for folder in folders for path in folder.glob("bigdl_keras-*/parcels-*")]
                assert found
                for path in found:
                    shutil.rmtree(path)

    report = Remover()
    job = make_job(epochs=2, batch_size=6, hidden=2000, optimizer=Adam(0.005), answers_batches=True)
    data = make_data(24)
    expected, source = LocalEngine().run(job, as_source(*data), None, Report()), rows_of(spark, data)
    check(retry.train(choose_engine("shuffle", source, 2), job, source, None, report), expected)
    assert [item.iteration for item in report.batches] == list(range(1, 9))
    assert "A part of the training state" in caplog.text


def count_jobs(monkeypatch):
    """The number of iterations of every job from now on."""
    counts, train = [], chain.Chain.train

    def counting(self, steps):
        counts.append(len(steps))
        return train(self, steps)

    monkeypatch.setattr(chain.Chain, "train", counting)
    monkeypatch.setattr(conductor, "_JOB_SECONDS", 1e6)
    return counts


def test_several_iterations_in_a_job(spark, make_job, make_data, way, monkeypatch):
    counts, report = count_jobs(monkeypatch), Recorder()
    job, data = make_job(epochs=2, batch_size=4, dropout=0.2), make_data(40)
    check(fit(job, rows_of(spark, data), None, report), LocalEngine().run(job, as_source(*data), None, Report()))
    assert counts == [1, 9, 10]  # the first shows how long one takes; an epoch has ten
    assert [item.iteration for item in report.batches] == list(range(1, 21))
    assert [item.batch for item in report.batches] == list(range(10)) * 2


@pytest.mark.parametrize(("settings", "expected"), [
    ({"ask_when": SeveralIteration(4)}, [1, 3, 4, 2, 2, 4, 4]),
    ({"end_when": Or(MaxIteration(7), MaxEpoch(9))}, [1, 6]),
    ({"end_when": MinLoss(-1.0)}, [1] * 20), ({"answers_batches": True}, [1] * 20), ({"counted": True}, [1] * 20),
])
def test_a_job_ends_where_somebody_wants_to_hear_of_it(spark, make_job, make_data, monkeypatch, settings, expected):
    counts, asked = count_jobs(monkeypatch), []

    class Asked(Report):
        def on_batch_end(self, report, snapshot):
            if snapshot is not None:
                asked.append((report.iteration, snapshot.values().copy()))

    job, data = make_job(epochs=2, batch_size=4, **settings), make_data(40)
    fit(job, rows_of(spark, data), None, Asked())
    assert counts == expected
    if "ask_when" in settings:
        assert [iteration for iteration, _ in asked] == [4, 8, 12, 16, 20]
        for iteration, values in asked[:2]:
            stopped = make_job(epochs=1, batch_size=4, steps_per_epoch=iteration)
            np.testing.assert_allclose(values, LocalEngine().run(stopped, as_source(*data), None, Report()).values,
                                       atol=1e-5)


def test_validation_by_trigger_within_a_job(spark, make_job, make_data):
    job = make_job(epochs=2, batch_size=4, validate_when=SeveralIteration(3))
    data, held, heard, heard_too = make_data(40), as_source(*make_data(9, seed=3)), Recorder(), Recorder()
    LocalEngine().run(job, as_source(*data), held, heard)
    fit(job, rows_of(spark, data), held, heard_too)
    for mine, theirs in zip(heard.batches, heard_too.batches, strict=True):
        assert (mine.validation is None) == (theirs.validation is None)
        if mine.validation is not None:
            np.testing.assert_allclose(theirs.validation.numbers, mine.validation.numbers, rtol=1e-4)


def test_phases_of_short_tasks(spark, make_job, make_data, way):
    report = Recorder()
    fit(make_job(epochs=2, batch_size=8), rows_of(spark, make_data(40)), None, report, workers=3)
    for epoch in report.epochs:
        seconds = epoch.phases.seconds
        assert seconds.shape == (3, len(PHASES))
        assert (seconds >= 0).all()
        for phase in ("data", "forward", "backward", "wait", "reduce_scatter", "update"):
            assert epoch.phases.total()[phase] > 0, phase
        assert (seconds.sum(axis=1) <= epoch.seconds + 0.5).all()


def test_more_workers_than_slots(spark, make_job, make_data):
    job, data = make_job(epochs=1, batch_size=8), make_data(23)
    expected = LocalEngine().run(job, as_source(*data), None, Report())
    check(fit(job, rows_of(spark, data), workers=7), expected)


class Steerer(Recorder):
    def on_epoch_end(self, report, snapshot):
        super().on_epoch_end(report, snapshot)
        self.seen = snapshot.values().copy()
        self.state = {slot: vector.copy() for slot, vector in snapshot.optimizer_state().items()}
        if report.epoch == 0:
            return Decision(learning_rate=0.01, values=np.full_like(self.seen, 0.5))
        return None


def test_decisions_and_snapshots(spark, make_job, make_data, way):
    data, heard, heard_too = make_data(23), Steerer(), Steerer()
    expected = LocalEngine().run(make_job(epochs=2, batch_size=8), as_source(*data), None, heard)
    found = fit(make_job(epochs=2, batch_size=8), rows_of(spark, data), None, heard_too)
    assert [item.learning_rate for item in heard_too.batches] == [0.05] * 3 + [0.01] * 3
    check(found, expected)
    np.testing.assert_array_equal(heard_too.seen, found.values)
    for slot, vector in found.optimizer_state.items():
        np.testing.assert_array_equal(heard_too.state[slot], vector)


def test_stop_within_an_epoch(spark, make_job, make_data):
    class Stopper(Recorder):
        def on_batch_end(self, report, snapshot):
            super().on_batch_end(report, snapshot)
            return Decision(stop=report.iteration >= 3)

    report = Stopper()
    result = fit(make_job(epochs=9, batch_size=4, answers_batches=True), rows_of(spark, make_data(40)), None, report)
    assert (result.progress.epoch, result.progress.iteration, result.progress.stopped) == (1, 3, True)
    assert (len(report.batches), len(report.epochs)) == (3, 1)


@pytest.mark.parametrize("counted", [False, True])
def test_evaluate(spark, make_job, make_data, counted):
    data, job = make_data(23), make_job(counted=counted)
    task = EvaluationJob(job.evaluate_plan, job.values, batch_size=5)
    expected = LocalEngine().evaluate(task, as_source(*data))
    source = rows_of(spark, data, 3)
    found = choose_engine("shuffle", source, 2).evaluate(task, source)
    assert found.rows == 23
    np.testing.assert_allclose(found.numbers, expected.numbers, rtol=1e-5)


def test_nothing_is_left_behind(spark, make_job, make_data):
    source, held, job = rows_of(spark, make_data(20)), as_source(*make_data(10)), make_job(batch_size=10)
    folders = [Path(folder) for folder in _local_folders(spark)]

    def files():
        return len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(2):
        fit(job, source, held)
    threads, before = threading.active_count(), files()
    for _ in range(3):
        fit(job, source, held)
    assert threading.active_count() <= threads
    assert files() <= before + 2
    assert not list(spark.sparkContext._jsc.getPersistentRDDs().values())
    assert not [path for folder in folders for path in folder.glob("bigdl_keras-*")]


def _local_folders(spark):
    def folders(rows):
        list(rows)
        yield os.environ["SPARK_LOCAL_DIRS"]

    found = spark.sparkContext.parallelize([0], 1).mapPartitions(folders).collect()
    return found[0].split(",")


def test_ctrl_c(spark, make_job, make_data):
    class Interrupter(Report):
        def on_batch_end(self, report, snapshot):
            if report.iteration == 3:
                os.kill(os.getpid(), signal.SIGINT)

    source = rows_of(spark, make_data(40))
    with pytest.raises(KeyboardInterrupt):
        fit(make_job(epochs=1000, batch_size=8), source, None, Interrupter())
    assert fit(make_job(batch_size=20), source).progress.iteration == 2
    assert not spark.sparkContext.statusTracker().getActiveJobsIds()


def test_an_error_of_the_model_is_not_tried_again(spark, make_job, make_data):
    x, y = make_data(40)
    source = rows_of(spark, (x, np.repeat(y, 2, axis=1))[::-1])  # labels where features should be
    with pytest.raises(ValueError, match=r"matmul cannot multiply.*worker \d of 2"):
        fit(make_job(), source)


def test_a_bad_row_is_named(spark, make_job, make_data):
    x, y = make_data(40)
    rows = list(zip(x, y, strict=True))
    rows[33] = (np.zeros(4, "float32"), y[33])
    source = as_source(spark.sparkContext.parallelize(rows, 2))
    with pytest.raises(ValueError, match=r"`x` must have shape \(3,\).*partition 1, row 13 has shape \(4,\)"):
        fit(make_job(), source)


def test_the_job_group_of_the_caller_is_left_as_it_is(spark, make_job, make_data):
    context = spark.sparkContext
    context.setJobGroup("mine", "my jobs")
    try:
        fit(make_job(batch_size=20), rows_of(spark, make_data(20)))
        assert context.getLocalProperty("spark.jobGroup.id") == "mine"
    finally:
        context.setLocalProperty("spark.jobGroup.id", None)


def test_auto_says_why_it_takes_short_tasks(spark, make_data, monkeypatch, caplog):
    source = rows_of(spark, make_data(20))
    with caplog.at_level("INFO", "bigdl_keras"):
        assert choose_engine("auto", source).name == "barrier"
        monkeypatch.setattr(preflight, "is_elastic", lambda context: True)
        engine = choose_engine("auto", source)
    assert (engine.name, engine.workers) == ("shuffle", 2)
    first, second = [record.getMessage() for record in caplog.records]
    assert first.startswith("Engine 'barrier' with 2 workers")
    assert second.startswith("Engine 'shuffle' with 2 workers, for a gang cannot be scheduled")
    assert "dynamic allocation" in second


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_neither_lineage_nor_shuffle_files_grow(spark, make_job, make_data, way, monkeypatch):
    monkeypatch.setattr(chain, "_LONGEST_CHAIN", 8)
    folders, kept = [Path(folder) for folder in _local_folders(spark)], []

    def shuffles():
        files = (path.name for folder in folders for path in folder.rglob("shuffle_*.data"))
        return {name.split("_")[1] for name in files}

    before = shuffles()

    class Watcher(Report):
        def on_batch_end(self, report, snapshot):
            kept.append(len(shuffles() - before))

    fit(make_job(epochs=6, batch_size=4), rows_of(spark, make_data(40)), None, Watcher())
    assert len(kept) == 60
    assert max(kept) <= 3 * 8  # two a round; the files of the chain before may not all be gone yet
