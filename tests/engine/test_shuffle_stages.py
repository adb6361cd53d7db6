"""The stages of the shuffle engine without Spark: tasks may start cold, run again and lie on different machines."""

import pickle
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.data.block import Block
from bigdl_keras.engine import member, parcels, shuffle_tasks
from bigdl_keras.engine.collectives.handshake import new_key
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.rounds import Due, History, Numbers, Round, Start, Work
from bigdl_keras.optimizers import Adam

SIZE, ROWS = 3, 24


class Notes(dict):
    add = dict.update


class LittleSpark:
    """Runs stages one task after the other, and carries what they send."""

    def __init__(self, job, data, whole, encrypted=False):
        self.job, self.notes = job, Notes()
        work = Work(replace(job, values=job.values[:0]), None, 1, 1, SIZE, whole, new_key(), "127.0.0.1", encrypted)
        start = Start(job.values.copy(), job.optimizer.create_state(job.values[:job.trainable_size]))
        self.told = Round("bigdl_keras-test", 0, 0, 0, SimpleNamespace(value=work), SimpleNamespace(value=start), 0,
                          self.notes)
        self.whole, self.work, self.start, self.sent = whole, work, start, None
        columns = as_source(*data).columns
        self.rows = []
        for rank in range(SIZE):
            mine = slice_of(ROWS, rank, SIZE)
            piece = (0, mine.start, Block(tuple(column[mine] for column in data), mine.stop - mine.start))
            self.rows += shuffle_tasks.keep_rows("bigdl_keras-test", (tuple(columns),), (ROWS,), 0, SIZE, rank,
                                                 [(rank, piece)])

    def stage(self, function, inputs, before=lambda rank: None):
        """What each task is sent."""
        boxes = [[] for _ in range(SIZE)]
        for rank in range(SIZE):
            before(rank)
            records = list(function(rank, [*inputs[rank]]))
            for key, message in zip(records[::2], records[1::2], strict=True):
                boxes[int.from_bytes(key, "big")].append(message)
        return boxes

    def round(self, iteration, before=lambda rank: None):
        """One iteration: the messages that its update will be made of."""
        batches = -(-ROWS // self.job.batch_size)
        told = replace(self.told, serial=3 * iteration + 1, epoch=iteration // batches, batch=iteration % batches,
                       iteration=iteration)
        inputs = self.sent or [[] for _ in range(SIZE)]
        if self.sent is not None and not self.whole:
            updating = partial(shuffle_tasks.update_slice, replace(told, serial=3 * iteration))
            inputs = self.stage(updating, inputs, before)
        inputs = [[*box, row] for box, row in zip(inputs, self.rows, strict=True)]
        sent = self.stage(partial(shuffle_tasks.compute_gradient, told), inputs, before)
        for rank in range(SIZE):
            note = self.notes[told.fit, told.serial, rank]
            assert isinstance(note, Numbers), pickle.loads(note.error)
        self.told, self.sent = replace(told, due=Due(iteration, None), seeds=None), sent
        return told

    def seeds(self, settled):
        """The histories that a next chain begins with."""
        owners = [0] if self.whole else range(SIZE)
        told = replace(self.told, serial=self.told.serial + 1)
        return tuple(dict(shuffle_tasks.keep_history(told, settled, owner, self.sent[owner]))[owner]
                     for owner in owners)

    def begin_anew(self):
        """End the chain; the next one begins with what it has led to."""
        seeds = self.seeds(settled=not self.whole)
        oldest = self.told.serial + (not self.whole)
        self.told = replace(self.told, leg=self.told.leg + 1, oldest=oldest, due=None, seeds=seeds)
        self.sent = None

    def values(self):
        """Weights of now."""
        values = self.start.values.copy()
        courier = member.Courier(self.work.key, 5.0)
        for owner, seed in enumerate(self.seeds(settled=True)):
            with seed.base.opened(courier) as (weights, _, states):
                values[self.work.owned(owner)] = weights
                self.work.put_states(values, states)
        courier.close()
        return values


@pytest.fixture(params=["whole", "slices"])
def whole(request):
    return request.param == "whole"


@pytest.fixture
def little(tmp_path, monkeypatch, make_job, make_data, whole):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    monkeypatch.setattr(parcels, "TRAVELS_BYTES", 0)  # all lies in files
    data = make_data(ROWS)
    yield partial(LittleSpark, make_job(epochs=2, batch_size=8, optimizer=Adam(0.05), states=True), data, whole), data
    member.dismiss("bigdl_keras-test")


def expected(little, data):
    return LocalEngine().run(little.job, as_source(*data), None, Report()).values


def check(little, data):
    np.testing.assert_allclose(little.values(), expected(little, data), atol=1e-6)


def test_rounds(little):
    spark, data = little[0](), little[1]
    for iteration in range(6):
        spark.round(iteration)
    check(spark, data)


def test_every_task_starts_cold(little):
    def forget(rank):
        member._members.clear()

    spark, data = little[0](), little[1]
    for iteration in range(6):
        spark.round(iteration, forget)
    check(spark, data)


def test_tasks_on_different_machines(little, monkeypatch):
    """Nothing is found in a file: all is fetched."""
    def elsewhere(place):
        raise FileNotFoundError(place.path)

    monkeypatch.setattr(parcels.Place, "map", elsewhere)
    spark, data = little[0](), little[1]
    for iteration in range(6):
        spark.round(iteration)
    check(spark, data)


def test_a_round_that_runs_again_sends_the_same(little):
    spark, data = little[0](), little[1]
    states = []
    for iteration in range(6):
        states.append((spark.told, spark.sent))
        spark.round(iteration)
    end = spark.told, spark.sent
    spark.told, spark.sent = states[2]
    spark.round(2)  # the process has read more of the history than this round knows
    courier = member.Courier(spark.work.key, 5.0)
    for first, second in zip(states[3][1], spark.sent, strict=True):
        for one, other in zip(first, second, strict=True):
            kind, *content = pickle.loads(one)
            if kind == "gradient":
                with parcels.opened([content[1], pickle.loads(other)[2]], courier) as (before, after):
                    np.testing.assert_array_equal(before, after)
    spark.told, spark.sent = end
    check(spark, data)


def test_every_round_runs_twice(little):
    """As after a death: the same process is asked for what it has just done."""
    spark, data = little[0](), little[1]
    for iteration in range(6):
        before = spark.told, spark.sent
        spark.round(iteration)
        spark.told, spark.sent = before
        spark.round(iteration)
    check(spark, data)


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("cold", [False, True])
def test_a_new_chain_goes_on(little, cold, every, tmp_path):
    spark, data = little[0](), little[1]
    for iteration in range(6):
        if iteration and iteration % every == 0:
            spark.begin_anew()
            if cold:
                member._members.clear()
        spark.round(iteration)
    check(spark, data)
    folders = sorted(path.name for path in (tmp_path / "bigdl_keras-test").glob("parcels-*"))
    last = 6 // every - 1
    assert folders == [f"parcels-{leg}" for leg in range(max(last - 2, 0), last + 2)]


def test_the_files_of_a_chain_serve_the_next(little, tmp_path):
    spark, folder = little[0](), tmp_path / "bigdl_keras-test"
    inodes = []
    for iteration in range(6):
        if iteration:
            inodes.append({path.stat().st_ino for path in folder.rglob("*") if path.is_file()})
            spark.begin_anew()
        spark.round(iteration)
    check(spark, little[1])
    assert inodes[4] <= inodes[3]  # not one that is new


def test_encrypted_traffic_leaves_no_files(little, tmp_path):
    spark, data = little[0](encrypted=True), little[1]
    for iteration in range(6):
        spark.round(iteration)
    check(spark, data)
    assert not list((tmp_path / "bigdl_keras-test").glob("parcels-*"))


def test_small_histories_stay_short(little, monkeypatch):
    monkeypatch.setattr(parcels, "TRAVELS_BYTES", 1 << 14)
    spark = little[0]()
    for iteration in range(4):
        spark.round(iteration)
    histories = [pickle.loads(message)[1] for box in spark.sent for message in box
                 if pickle.loads(message)[0] == "history"]
    assert len(histories) == SIZE
    assert all(isinstance(history, History) and not history.updates for history in histories)


def test_nothing_stays_on_the_machine(little, tmp_path):
    spark = little[0]()
    spark.round(0)
    for rank in range(SIZE):
        list(shuffle_tasks.let_go_of_rows("bigdl_keras-test", [spark.rows[rank]]))
    assert not list(tmp_path.iterdir())
