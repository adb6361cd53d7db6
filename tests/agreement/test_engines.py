"""The barrier engine gives the weights of the local engine on the same global batches, wherever the rows are."""

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine.job import EvaluationJob
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.report import Decision, Report
from bigdl_keras.engine.selection import choose_engine

pytestmark = pytest.mark.spark


class Recorder(Report):
    def __init__(self):
        self.batches, self.epochs = [], []

    def on_batch_end(self, report, snapshot):
        self.batches.append(report)

    def on_epoch_end(self, report, snapshot):
        self.epochs.append(report)


def partitioned(spark, data, sizes):
    """An RDD of (x, y) rows whose partitions have these sizes."""
    rows = list(zip(*data, strict=True))
    bounds = np.cumsum([0, *sizes])
    assert bounds[-1] == len(rows)
    chunks = [rows[bounds[number]:bounds[number + 1]] for number in range(len(sizes))]
    return spark.sparkContext.parallelize(chunks, len(chunks)).flatMap(list)


def check(spark, job, data, sizes, workers, validation=None, held_sizes=None):
    heard, heard_too = Recorder(), Recorder()
    source = as_source(*data)
    held = as_source(*validation) if validation else None
    expected = LocalEngine().run(job, source, held, heard)
    rows = as_source(partitioned(spark, data, sizes))
    held_rows = as_source(partitioned(spark, validation, held_sizes)) if held_sizes else held
    engine = choose_engine("barrier", rows, workers)
    found = engine.run(job, rows, held_rows, heard_too)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
    assert found.progress == expected.progress
    for slot, vector in expected.optimizer_state.items():
        np.testing.assert_allclose(found.optimizer_state[slot], vector, atol=1e-5)
    for mine, theirs in zip(heard.batches, heard_too.batches, strict=True):
        assert (mine.iteration, mine.epoch, mine.batch, mine.rows) == (
            theirs.iteration, theirs.epoch, theirs.batch, theirs.rows)
        np.testing.assert_allclose(theirs.numbers, mine.numbers, rtol=1e-4)
    for mine, theirs in zip(heard.epochs, heard_too.epochs, strict=True):
        np.testing.assert_allclose(theirs.training.numbers, mine.training.numbers, rtol=1e-4)
        assert (mine.validation is None) == (theirs.validation is None)
        if mine.validation is not None and theirs.validation is not None:
            np.testing.assert_allclose(theirs.validation.numbers, mine.validation.numbers, rtol=1e-4)
    return found


@pytest.mark.parametrize(("sizes", "workers"), [
    ([23], 1), ([12, 11], 2), ([20, 3], 2), ([8, 0, 15], 3), ([23], 3), ([5, 6, 7, 5], 2), ([0, 0, 23, 0], 2),
])
def test_same_weights(spark, make_job, make_data, sizes, workers):
    check(spark, make_job(epochs=2, batch_size=7), make_data(23), sizes, workers)


@pytest.mark.parametrize("settings", [{"dropout": 0.4}, {"counted": True}, {"shuffle": False}, {"steps_per_epoch": 2}])
def test_same_weights_with(spark, make_job, make_data, settings):
    check(spark, make_job(epochs=2, batch_size=7, **settings), make_data(23), [9, 11, 3], 3)


def test_fewer_rows_than_workers(spark, make_job, make_data):
    check(spark, make_job(epochs=2, batch_size=32), make_data(2), [1, 1], 3)


@pytest.mark.parametrize("counted", [False, True])
def test_validation(spark, make_job, make_data, counted):
    job = make_job(epochs=2, batch_size=7, validation_batch_size=4, counted=counted)
    check(spark, job, make_data(23), [12, 11], 2, make_data(11, seed=2), [2, 9, 0])


def test_states(spark, make_job, make_data):
    check(spark, make_job(states=True, batch_size=20), make_data(20), [13, 7], 2)


def test_a_lineage_that_a_barrier_stage_cannot_hold(spark, make_job, make_data):
    data = make_data(23)
    rows = partitioned(spark, data, [10, 10, 3, 0]).coalesce(2)
    job = make_job(batch_size=7)
    expected = LocalEngine().run(job, as_source(*data), None, Report())
    source = as_source(rows)
    found = choose_engine("barrier", source, 2).run(job, source, None, Report())
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


def test_dataframe(spark, make_job, make_data):
    x, y = make_data(23)
    frame = spark.createDataFrame([(row.tolist(), float(label[0])) for row, label in zip(x, y, strict=True)],
                                  "x array<double>, y double").repartition(3)
    source = as_source(frame, feature_cols="x", label_cols="y")
    block = source.read()
    job = make_job(epochs=2, batch_size=7)
    found = choose_engine("auto", source, 2).run(job, _column_labels(source), None, Report())
    expected = LocalEngine().run(job, as_source(block.arrays[0], block.arrays[1][:, None]), None, Report())
    assert found.progress.iteration == 8
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


def _column_labels(source):
    """Labels as a column of one, which is what the job's plan takes."""
    from dataclasses import replace

    groups = source.reader.groups
    columns = [groups[0], replace(groups[1], column=replace(groups[1].column, shape=(1,)))]
    source.reader = replace(source.reader, groups=tuple(columns))
    source.columns = tuple(group.column for group in columns)
    return source


@pytest.mark.parametrize("counted", [False, True])
def test_evaluate(spark, make_job, make_data, counted):
    data = make_data(23)
    job = make_job(counted=counted)
    task = EvaluationJob(job.evaluate_plan, job.values, batch_size=5)
    expected = LocalEngine().evaluate(task, as_source(*data))
    source = as_source(partitioned(spark, data, [10, 0, 13]))
    found = choose_engine("auto", source).evaluate(task, source)
    assert found.rows == 23
    np.testing.assert_allclose(found.numbers, expected.numbers, rtol=1e-5)


class Stopper(Recorder):
    def __init__(self, answers_batches):
        super().__init__()
        self.answers_batches = answers_batches

    def on_batch_end(self, report, snapshot):
        super().on_batch_end(report, snapshot)
        return Decision(stop=report.iteration >= 3)


def test_stop_within_an_epoch(spark, make_job, make_data):
    source = as_source(partitioned(spark, make_data(400), [200, 200]))
    report = Stopper(answers_batches=True)
    job = make_job(epochs=9, batch_size=4, answers_batches=True)
    result = choose_engine("auto", source).run(job, source, None, report)
    assert (result.progress.epoch, result.progress.iteration, result.progress.stopped) == (1, 3, True)
    assert (len(report.batches), len(report.epochs)) == (3, 1)
    report = Stopper(answers_batches=False)
    result = choose_engine("auto", source).run(make_job(epochs=90, batch_size=4), source, None, report)
    assert result.progress.stopped
    assert result.progress.iteration < 9000


class Steerer(Recorder):
    def on_epoch_end(self, report, snapshot):
        super().on_epoch_end(report, snapshot)
        self.seen = snapshot.values().copy()
        self.state = {slot: vector.copy() for slot, vector in snapshot.optimizer_state().items()}
        if report.epoch == 0:
            return Decision(learning_rate=0.01, values=np.full_like(self.seen, 0.5))
        return None


def test_decisions_and_snapshots(spark, make_job, make_data):
    data = make_data(23)
    heard, heard_too = Steerer(), Steerer()
    expected = LocalEngine().run(make_job(epochs=2, batch_size=7), as_source(*data), None, heard)
    source = as_source(partitioned(spark, data, [11, 12]))
    found = choose_engine("auto", source).run(make_job(epochs=2, batch_size=7), source, None, heard_too)
    assert [item.learning_rate for item in heard_too.batches] == [0.05] * 4 + [0.01] * 4
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
    np.testing.assert_array_equal(heard_too.seen, found.values)
    for slot, vector in found.optimizer_state.items():
        np.testing.assert_array_equal(heard_too.state[slot], vector)
