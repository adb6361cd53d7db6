"""A slow worker is left out, and what is left is the exact update of the rows that were finished."""

import logging
import math
import threading
import time

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import ops
from bigdl_keras.data import as_source
from bigdl_keras.engine import wire
from bigdl_keras.engine.job import TrainingJob
from bigdl_keras.engine.phases import Phases
from bigdl_keras.engine.replica import Replica
from bigdl_keras.engine.report import EpochReport, Evaluation, Report
from bigdl_keras.engine.stragglers import Dropped, DropPolicy, Stragglers
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.deadline import DeadlineExecution, GivenUp
from bigdl_keras.graph.plan import Context
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import apply, tracing
from bigdl_keras.kernels import KERNELS
from bigdl_keras.kernels.table import Kernel, each, same_shape
from bigdl_keras.optimizers import SGD, Adam
from bigdl_keras.parameters import ParameterVector, Variable
from tests.engine.teams import socket_team, thread_team, train

POLICY = DropPolicy(0.25, 0.4, batch_size=4, warmup_iteration=4)
BATCH, WORKERS, SLOW = 12, 3, 100.0


class Clock(threading.local):
    """Each worker's own, which only the slow operation moves."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch):
    """A user's operation takes 1 second, and 10 for rows that are marked; nothing else takes time."""
    found = Clock()

    def slow(x, *, out=None):
        found.now += 10.0 if x.size and x[:, 0].max() >= SLOW else 1.0
        return x * 1.0

    monkeypatch.setattr(time, "perf_counter", lambda: found.now)
    monkeypatch.setitem(KERNELS, "slow", Kernel(slow, each(lambda dy, x, *, out=None: dy * 1.0), same_shape))
    return found


def make_job(policy, optimizer=None, table=False, **settings):
    """A regression on the columns behind the mark, with a moving average of them; with `table`, on a looked-up row."""
    rng = np.random.default_rng(0)
    weights = [Variable(0.3 * rng.normal(size=shape).astype("float32"), name)
               for name, shape in (("kernel", (3, 1)), ("bias", (1,)), ("table", (40, 1)))]
    average = Variable(np.zeros(3, "float32"), "average", trainable=False)
    vector = ParameterVector(weights, [average])
    x, y, rows = KerasTensor((None, 4), name="x"), KerasTensor((None, 1), name="y"), KerasTensor((), name="batch_rows")
    with tracing(True) as trace:
        features = apply("slow", x)[:, 1:]
        error = ops.tanh(ops.matmul(features, weights[0]) + weights[1]) - y
        if table:
            error = error + apply("embedding", weights[2], ops.cast(ops.abs(features[:, 0]) * 10.0, "int32"))
        trace.updates.append((average, average * 0.9 + ops.mean(features, axis=0) * 0.1))
        outputs = [ops.sum(error * error) / rows, ops.sum(error * 0.0 + 1.0)]
    plan = compile_plan(trace, [x, y, rows], outputs, vector.spans, vector.trainable_size)
    return TrainingJob(plan, vector.values, tuple(item.path for item in weights),
                       tuple(item.shape for item in weights), optimizer or Adam(0.05), batch_size=BATCH,
                       shuffle=False, drop=policy, **settings)


def make_data(slow, batches=14):
    """Rows of which some batches are slow on some workers: {batch: ranks}."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(BATCH * batches, 4)).astype("float32")
    share = BATCH // WORKERS
    for batch, ranks in slow.items():
        for rank in ranks:
            x[batch * BATCH + rank * share + 1, 0] = SLOW
    return x, rng.normal(size=(len(x), 1)).astype("float32")


def trained_on(job, data, rows_of_batch):
    """The values after one worker has trained on just these rows of each batch; None: no update."""
    values, gradients = job.values.copy(), np.zeros(job.trainable_size, np.float32)
    replica, state = Replica(job.plan, values, gradients), job.optimizer.create_state(job.values[:job.trainable_size])
    for iteration, rows in enumerate(rows_of_batch):
        if rows is not None:
            replica.compute_gradient([item[rows] for item in data], np.arange(len(rows)), len(rows), iteration)
            job.optimizer.step(values[:job.trainable_size], gradients, state, iteration)
    return values


class Watch(Report):
    def __init__(self):
        self.batches, self.epochs = [], []

    def on_batch_end(self, report, snapshot):
        self.batches.append(report)

    def on_epoch_end(self, report, snapshot):
        self.epochs.append(report)


@pytest.mark.parametrize("make", [thread_team, socket_team])
@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("optimizer", [Adam, SGD])
def test_the_update_is_that_of_the_rows_that_were_finished(clock, make, table, optimizer):
    # batch 2 falls into the warm-up; in batch 12, two of three are slow, which is more than may be dropped
    slow = {2: [1], 8: [1], 10: [0], 12: [1, 2], 13: [2]}
    data, watch = make_data(slow), Watch()
    job = make_job(POLICY, optimizer(0.05), table)
    loops, _ = train(job, data, WORKERS, report=watch, make=make)

    def rows(batch):
        if batch == 12:
            return None
        missing = slow.get(batch, []) if batch >= 8 else []
        return np.concatenate([batch * BATCH + rank * 4 + np.arange(4) for rank in range(WORKERS)
                               if rank not in missing])

    kept = [rows(batch) for batch in range(14)]
    expected = trained_on(job, data, kept)
    trainable = job.trainable_size
    for loop in loops:
        np.testing.assert_allclose(loop.values[:trainable], expected[:trainable], atol=2e-6)
        assert loop.iteration == 14
    assert [report.rows for report in watch.batches] == [12] * 8 + [8, 12, 8, 12, 4, 8]
    for report in watch.batches:
        assert report.numbers[1] == report.rows  # an increment of a metric: a sum over the rows that were finished
    assert watch.epochs[0].dropped == Dropped(parts=5, rows=20, iterations=1)
    assert watch.epochs[0].training.rows == 14 * BATCH - 20


@pytest.mark.parametrize("make", [thread_team, socket_team])
def test_losses_and_states_are_means_over_the_finished_rows(clock, make):
    data, watch = make_data({8: [1]}, batches=9), Watch()
    job = make_job(POLICY, SGD(0.0))
    loops, _ = train(job, data, WORKERS, report=watch, make=make)
    kept = np.r_[96:100, 104:108]
    replica = Replica(job.plan, job.values.copy(), np.zeros(job.trainable_size, np.float32))
    alone = replica.compute_gradient([item[kept] for item in data], np.arange(8), 8, 0)
    np.testing.assert_allclose(watch.batches[8].numbers, alone, rtol=1e-6)
    average = np.zeros(3)
    for batch in range(9):
        rows = kept if batch == 8 else np.arange(batch * BATCH, (batch + 1) * BATCH)
        average = 0.9 * average + 0.1 * data[0][rows, 1:].mean(axis=0)
    for loop in loops:
        np.testing.assert_allclose(loop.values[job.trainable_size:], average, rtol=1e-4)


def test_where_all_give_up_nothing_moves_and_the_loss_is_that_of_the_batch_before(clock):
    data, watch = make_data({8: [0, 1, 2]}, batches=9), Watch()
    job = make_job(POLICY)
    loops, _ = train(job, data, WORKERS, report=watch, make=thread_team)
    before, _ = train(job, [item[:8 * BATCH] for item in data], WORKERS, make=thread_team)
    np.testing.assert_array_equal(loops[0].values, before[0].values)
    assert watch.batches[8].rows == 0
    assert watch.batches[8].numbers[0] == watch.batches[7].numbers[0] > 0
    assert watch.epochs[0].dropped == Dropped(3, 12, 1)


def test_without_a_policy_nobody_looks_at_the_clock(clock):
    data = make_data({8: [1], 10: [0]})
    loops, _ = train(make_job(None), data, WORKERS, make=thread_team)
    assert not any(isinstance(loop.replica._execution, DeadlineExecution) for loop in loops)
    never = DropPolicy(0.25, 0.4, batch_size=4, warmup_iteration=1000)
    patient, _ = train(make_job(never), data, WORKERS, make=thread_team)
    for mine, theirs in zip(loops, patient, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)


def test_one_worker_never_gives_up(clock):
    data, watch = make_data({8: [0], 9: [0]}), Watch()
    loops, _ = train(make_job(POLICY), data, 1, report=watch)
    plain, _ = train(make_job(None), data, 1)
    np.testing.assert_array_equal(loops[0].values, plain[0].values)
    assert watch.epochs[0].dropped is None


# ---- the limit


def hear(stragglers, iterations, seconds, batch_rows=12):
    """So many iterations of these seconds of the workers; None: gave up."""
    for _ in range(iterations):
        words = sum(stragglers.words(rank, 4, item or 0.0, item is None) for rank, item in enumerate(seconds))
        stragglers.hear(words, batch_rows)


def test_the_limit_is_what_the_allowed_share_exceeded():
    stragglers = Stragglers(DropPolicy(0.2, 0.5, batch_size=5, warmup_iteration=7), 3)
    hear(stragglers, 5, [1.0, 2.0, 3.0])
    assert stragglers.limit == math.inf  # warm-up
    for turn in range(5):
        hear(stragglers, 1, [1.0, 2.0 + turn, 10.0 * turn])
    assert stragglers.limit == 20.0  # a fifth of 15 parts: the third largest of 40, 30, 20, 10, 6, ...
    hear(stragglers, 1, [1.0, 1.0, None])
    hear(stragglers, 4, [1.0, 1.5, 2.5])
    assert stragglers.limit == 2.5  # one of three is spent: the second largest of the others
    hear(stragglers, 3, [1.0, None, 2.0])
    hear(stragglers, 2, [1.0, 1.0, 2.0])
    assert stragglers.limit == pytest.approx(2.5 * 1.01)  # all are spent


def test_an_iteration_counts_what_it_went_without():
    stragglers = Stragglers(DropPolicy(0.2, 0.34, 5, 0), 3)
    hear(stragglers, 1, [1.0, None, 1.0])
    assert stragglers.updates
    assert stragglers.finished == 8
    hear(stragglers, 1, [None, None, 1.0])
    assert not stragglers.updates
    assert stragglers.read() == Dropped(3, 12, 1)
    assert stragglers.read() == Dropped(0, 0, 0)


@pytest.mark.parametrize("arguments", [(-0.1, 0.5), (0.5, 0.4), (0.1, 1.0), (0.1, 0.2, 0), (0.1, 0.2, 5, -1)])
def test_policies_that_cannot_be(arguments):
    with pytest.raises(ValueError, match=r"Expected .* Received"):
        DropPolicy(*arguments)


def test_it_gives_up_between_steps_and_leaves_a_gradient_of_zero(clock):
    job = make_job(POLICY, table=True)
    gradients = np.full(job.trainable_size, np.nan, np.float32)
    replica = Replica(job.plan, job.values.copy(), gradients, gives_up=True)
    data = make_data({0: [1]}, batches=1)
    arrays = [*data, np.float32(BATCH)]
    execution = DeadlineExecution(job.plan, job.values.copy(), gradients)
    execution.forward(arrays, Context(training=True))
    execution.deadline = clock.now - 1.0
    with pytest.raises(GivenUp):
        execution.backward()
    for deadline in (clock.now + 5.0, clock.now - 1.0):  # in the middle, and before it has begun
        gradients.fill(np.nan)
        numbers = replica.compute_gradient(data, np.arange(BATCH), BATCH, 0, deadline)
        assert replica.gave_up
        np.testing.assert_array_equal(numbers, [0.0, 0.0])
        np.testing.assert_array_equal(gradients, 0.0)
    replica.compute_gradient(data, np.arange(BATCH), BATCH, 0, clock.now + 10.0)
    assert not replica.gave_up
    assert np.abs(gradients).max() > 0


# ---- what the driver hears


def test_it_reaches_the_driver():
    report = EpochReport(1, 5, 1.0, Evaluation(np.ones(2), 7), None, 0.1, Phases(np.ones((2, 7))), Dropped(3, 20, 1))
    assert wire.unpack_epoch(*_travelled(report)).dropped == Dropped(3, 20, 1)
    plain = EpochReport(1, 5, 1.0, Evaluation(np.ones(2), 7), None, 0.1)
    assert wire.unpack_epoch(*_travelled(plain)).dropped is None


def _travelled(report):
    header, payload = wire.pack_epoch(report)
    return header, payload.tobytes()


def model_of(slow=False):
    """A model, slow where rows are marked."""
    model = bk.Sequential([bk.Input((4,)), bk.layers.Lambda(lambda x: apply("slow", x)), bk.layers.Dense(1)])
    model.compile(bk.optimizers.SGD(0.01), "mse")
    return model


def test_a_model_tells_history_log_and_tensorboard(clock, tmp_path, caplog):
    x, y = make_data({8: [1], 10: [0]})
    model = model_of()
    model.set_tensorboard(str(tmp_path), "app")
    model.set_drop_module_property(0.25, 0.4, batch_size=4, warmup_iteration=4)
    arguments = {"batch_size": BATCH, "verbose": 0, "shuffle": False, "engine": "local", "workers": WORKERS}
    with caplog.at_level(logging.INFO, "bigdl_keras"):
        history = model.fit(x, y, **arguments).history
    assert history["dropped_rows"] == [8]
    assert history["dropped_iterations"] == [0]
    assert "Epoch 1: 2 parts of batches, 8 rows, were dropped with slow workers; 0 iterations made no update." in [
        record.message for record in caplog.records]
    assert model.get_train_summary("Dropped/rows")[:, 1].tolist() == [8]
    model.set_drop_module_property(0.0, 0.0)
    assert "dropped_rows" not in model.fit(x, y, **arguments).history


def test_models_whose_workers_meet_on_their_way_are_refused():
    model = bk.Sequential([bk.Input((4,)), bk.layers.Dense(2), bk.layers.BatchNormalization(synchronized=True)])
    model.compile("sgd", "mse")
    model.set_drop_module_property(0.1, 0.2)
    with pytest.raises(ValueError, match="workers meet while they compute"):
        model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0, engine="local")


def test_the_names_of_the_original():
    from bigdl_keras.keras1.optimizer import Optimizer

    x, y = make_data({}, batches=1)
    model = bk.Sequential([bk.Input((4,)), bk.layers.Dense(1)])
    optimizer = Optimizer(model, (x, y), "mse", None, BATCH)
    optimizer.set_drop_module_property(0.04, 0.1, batchsize=50, warmup_iteration=10)
    assert model.drop_policy == DropPolicy(0.04, 0.1, 50, 10)


@pytest.mark.spark
def test_a_gang_leaves_out_its_slowest(spark):
    """Of any times, a fifth are the longest: on the real clock, too, some parts are given up, and all are counted."""
    from bigdl_keras.engine.selection import choose_engine

    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    model = bk.Sequential([bk.Input((6,)), bk.layers.Dense(8, activation="tanh"), bk.layers.Dense(1)])
    model.compile("adam", "mse")
    model.set_drop_module_property(0.2, 0.6, batch_size=5, warmup_iteration=5)
    rows = spark.sparkContext.parallelize(list(zip(x, y, strict=True)), 2)
    assert choose_engine("barrier", as_source(rows), 2).workers == 2
    history = model.fit(rows, batch_size=20, epochs=6, verbose=0, engine="barrier", workers=2).history
    assert sum(history["dropped_rows"]) > 0
    assert max(history["dropped_rows"]) < 400
    assert history["loss"][-1] < history["loss"][0]
