import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine.job import EvaluationJob, PredictionJob
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.report import Decision, Report


class Recorder(Report):
    """Keeps what it hears."""

    def __init__(self):
        self.batches, self.epochs, self.began = [], [], []

    def on_train_begin(self, rows, batches):
        self.began.append((rows, batches))

    def on_epoch_begin(self, epoch):
        self.began.append(epoch)

    def on_batch_end(self, report, snapshot):
        self.batches.append(report)

    def on_epoch_end(self, report, snapshot):
        self.epochs.append(report)


def fit(job, data, workers=1, report=None, validation=None):
    report = report or Recorder()
    source = as_source(*data)
    check = as_source(*validation) if validation else None
    return LocalEngine(workers).run(job, source, check, report), report


def test_reports_and_learning(make_job, make_data):
    data = make_data(43)
    job = make_job(epochs=30, batch_size=10)
    before = job.values.copy()
    result, report = fit(job, data, validation=make_data(17, seed=2))
    np.testing.assert_array_equal(job.values, before)
    assert report.began[:2] == [(43, 5), 0]
    assert [item.batch for item in report.batches[:6]] == [0, 1, 2, 3, 4, 0]
    assert [item.iteration for item in report.batches] == list(range(1, 151))
    assert sum(item.rows for item in report.batches[:5]) == 43
    assert (result.progress.epoch, result.progress.iteration, result.progress.stopped) == (30, 150, False)
    first, last = report.epochs[0], report.epochs[-1]
    assert last.training.numbers[0] < first.training.numbers[0] / 3
    assert last.validation.numbers[0] < first.validation.numbers[0] / 2
    assert last.training.numbers[2] == 43
    assert last.validation.numbers[2] == 17 == last.validation.rows
    expected = sum(item.numbers[0] * item.rows for item in report.batches[-5:]) / 43
    assert last.training.numbers[0] == pytest.approx(expected)
    losses = LocalEngine().evaluate(EvaluationJob(job.evaluate_plan, result.values), as_source(*make_data(17, seed=2)))
    np.testing.assert_allclose(losses.numbers, last.validation.numbers, rtol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"dropout": 0.4}, {"counted": True}, {"shuffle": False}])
@pytest.mark.parametrize("workers", [2, 3])
def test_a_team_of_threads_trains_as_one(make_job, make_data, settings, workers):
    data = make_data(23)
    job = make_job(epochs=3, batch_size=7, **settings)
    alone, heard = fit(job, data, validation=make_data(5, seed=2))
    team, heard_too = fit(job, data, workers, validation=make_data(5, seed=2))
    np.testing.assert_allclose(team.values, alone.values, atol=1e-5)
    for slot, vector in alone.optimizer_state.items():
        np.testing.assert_allclose(team.optimizer_state[slot], vector, atol=1e-5)
    for mine, theirs in zip(heard.batches, heard_too.batches, strict=True):
        np.testing.assert_allclose(theirs.numbers, mine.numbers, rtol=1e-5)
    for mine, theirs in zip(heard.epochs, heard_too.epochs, strict=True):
        np.testing.assert_allclose(theirs.validation.numbers, mine.validation.numbers, rtol=1e-5)


def test_states_are_averaged_by_rows(make_job, make_data):
    x, y = make_data(20)
    alone, _ = fit(make_job(states=True, batch_size=20), (x, y))
    team, _ = fit(make_job(states=True, batch_size=20), (x, y), workers=3)
    np.testing.assert_allclose(alone.values[-3:], x.mean(axis=0) * 0.1, rtol=1e-5)
    np.testing.assert_allclose(team.values[-3:], alone.values[-3:], rtol=1e-5)


@pytest.mark.parametrize("workers", [1, 2])
def test_fit_continues(make_job, make_data, workers):
    data = make_data(23)
    whole, _ = fit(make_job(epochs=4, batch_size=7), data, workers)
    half, _ = fit(make_job(epochs=2, batch_size=7), data, workers)
    job = make_job(epochs=4, batch_size=7, initial_epoch=2, iteration=half.progress.iteration,
                   optimizer_state=half.optimizer_state)
    job.values[:] = half.values
    rest, _ = fit(job, data, workers)
    np.testing.assert_array_equal(rest.values, whole.values)


class Stopper(Recorder):
    def __init__(self, answers_batches):
        super().__init__()
        self.answers_batches = answers_batches

    def on_batch_end(self, report, snapshot):
        super().on_batch_end(report, snapshot)
        return Decision(stop=report.iteration == 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_stop_within_an_epoch(make_job, make_data, workers):
    result, report = fit(make_job(epochs=9, batch_size=5, answers_batches=True), make_data(43), workers, Stopper(True))
    assert (result.progress.epoch, result.progress.iteration, result.progress.stopped) == (1, 3, True)
    assert (len(report.batches), len(report.epochs)) == (3, 1)
    result, _ = fit(make_job(epochs=9, batch_size=5), make_data(43), workers, Stopper(False))
    assert result.progress.stopped
    assert 3 <= result.progress.iteration < 9


class Steerer(Recorder):
    """Sets learning rates and weights, and looks at snapshots."""

    def on_epoch_end(self, report, snapshot):
        super().on_epoch_end(report, snapshot)
        self.seen = snapshot.values().copy()
        self.state = {slot: vector.copy() for slot, vector in snapshot.optimizer_state().items()}
        if report.epoch == 0:
            return Decision(learning_rate=0.0, values=np.full_like(self.seen, 0.5))
        return None


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_decisions_at_the_end_of_an_epoch(make_job, make_data, workers):
    from bigdl_keras.optimizers import SGD

    result, report = fit(make_job(epochs=2, batch_size=5, optimizer=SGD(0.1, momentum=0.9)), make_data(), workers,
                         Steerer())
    assert report.batches[-1].learning_rate == 0.0
    assert result.progress.iteration == 18
    np.testing.assert_array_equal(report.seen, result.values)
    assert {slot: vector.shape for slot, vector in report.state.items()} == {
        slot: vector.shape for slot, vector in result.optimizer_state.items()}
    for slot, vector in result.optimizer_state.items():
        np.testing.assert_array_equal(report.state[slot], vector)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_report_ends_the_team(make_job, make_data, workers):
    class Broken(Report):
        def on_epoch_end(self, report, snapshot):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fit(make_job(epochs=2), make_data(), workers, Broken())


def test_steps_per_epoch(make_job, make_data):
    _, report = fit(make_job(epochs=2, batch_size=5, steps_per_epoch=2), make_data(43))
    assert report.began[0] == (43, 2)
    assert len(report.batches) == 4


def test_predict_in_batches(make_job, make_data):
    job = make_job()
    x, y = make_data(10)
    columns = as_source(x, y)
    whole = LocalEngine().predict(PredictionJob(_outputs(job), job.values, batch_size=10), columns)
    parts = LocalEngine().predict(PredictionJob(_outputs(job), job.values, batch_size=3), columns)
    assert whole[0].shape == (10, 1)
    np.testing.assert_allclose(parts[0], whole[0], rtol=1e-6)


def _outputs(job):
    """A prediction plan from the columns of the job: x * y, row by row."""
    from bigdl_keras.graph.compiler import compile_plan
    from bigdl_keras.graph.tensor import KerasTensor
    from bigdl_keras.graph.trace import tracing

    x, y = KerasTensor((None, 3)), KerasTensor((None, 1))
    with tracing() as trace:
        product = (x * y)[:, :1]
    return compile_plan(trace, [x, y], [product], {})


@pytest.mark.parametrize("workers", [1, 2])
def test_validation_by_a_trigger(make_job, make_data, workers):
    from bigdl_keras.engine.triggers import EveryEpoch, SeveralIteration

    held = make_data(17, seed=2)
    every, report = fit(make_job(epochs=2, batch_size=10), make_data(43), workers, validation=held)
    job = make_job(epochs=2, batch_size=10, validate_when=EveryEpoch() | SeveralIteration(4))
    often, heard = fit(job, make_data(43), workers, validation=held)
    assert [item.iteration for item in heard.batches if item.validation is not None] == [4, 8]
    assert all(item.validation.rows == 17 for item in heard.batches if item.validation is not None)
    for mine, theirs in zip(heard.epochs, report.epochs, strict=True):
        np.testing.assert_array_equal(mine.validation.numbers, theirs.validation.numbers)
    np.testing.assert_array_equal(often.values, every.values)
    job = make_job(epochs=2, batch_size=10, validate_when=SeveralIteration(4))
    _, heard = fit(job, make_data(43), workers, validation=held)
    assert [item.validation for item in heard.epochs] == [None, None]
