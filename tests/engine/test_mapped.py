"""Rows too many for memory lie in files without names, mapped by the worker that reads them, and leave nothing."""

import gc
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bigdl_keras.data import Block, Minibatches, as_source
from bigdl_keras.engine import mapped, tasks
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.spark import preflight


def maps_of(process, folder):
    """Mapped files of a process that lie in `folder`, with their permissions."""
    try:
        lines = Path(f"/proc/{process}/maps").read_text().splitlines()
    except FileNotFoundError:  # Spark has let the worker go: it maps nothing
        return []
    return [(line.split()[1], line.split(maxsplit=5)[5]) for line in lines if str(folder) in line]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path},elsewhere")
    return tmp_path


def block_of(rows, start=0):
    x = np.arange(start * 6, (start + rows) * 6, dtype="float32").reshape(rows, 2, 3)
    return Block.of([x, np.arange(start, start + rows, dtype="int64")])


@pytest.mark.parametrize("limit", [0, 100, 10**9])
def test_rows_in_any_order(folder, limit):
    empty = block_of(0)
    pieces = [(0, 5, block_of(4, 5)), (1, 0, block_of(2)), (0, 0, block_of(5)), (0, 9, block_of(1, 9)), (0, 9, empty)]
    training, validation, nothing = mapped.hold_rows([empty, empty, empty], pieces, limit)
    for held, rows in ((training, 10), (validation, 2), (nothing, 0)):
        assert held.rows == rows
        for array, expected in zip(held.arrays, block_of(rows).arrays, strict=True):
            np.testing.assert_array_equal(array, expected)
            assert array.dtype == expected.dtype
    assert not list(folder.iterdir())
    assert bool(maps_of(os.getpid(), folder)) == (limit < 10**9)
    del training, validation, nothing, held, array, expected
    gc.collect()
    assert not maps_of(os.getpid(), folder)


def test_pages_that_were_read_are_let_go(folder, monkeypatch):
    monkeypatch.setattr(mapped, "_RESIDENT_BYTES", 8 << 20)
    monkeypatch.setattr(mapped, "_WINDOW_BYTES", 4 << 20)
    x = np.random.default_rng(0).normal(size=(16_000, 1024)).astype("float32")  # 62 MiB
    pieces = ((0, start, Block.of([x[start:start + 1000]])) for start in range(0, len(x), 1000))
    block, = mapped.hold_rows([Block.of([x[:0]])], pieces, 1 << 20)

    def resident():
        return sum(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines()
                   if line.startswith(("RssFile", "RssShmem"))) * 1024

    before = resident()
    rule = Minibatches(len(x), 100, shuffle=True, seed=1)
    for mine in rule.deal(0, 0, len(x)):
        rows = block.take(mine.index)
        np.testing.assert_array_equal(rows.arrays[0], x[mine.index])
        assert resident() - before < 16 << 20
    for mine in Minibatches(len(x), 1000).deal(0, 0, len(x)):
        view = block.take(mine.index).arrays[0]
        block.take(slice(0, 2000))  # lets go
        np.testing.assert_array_equal(view, x[mine.index])


@pytest.mark.parametrize(("rows", "batch_size", "size"), [(43, 8, 3), (7, 10, 2), (5, 2, 4), (64, 16, 1)])
def test_striped_rows_find_their_places(rows, batch_size, size):
    """What is dealt comes, in whatever pieces, to where `deal_striped` looks for it."""
    rule = Minibatches(rows, batch_size)
    everything = block_of(rows)
    halves = [(0, everything.take(slice(0, rows // 2))), (0, everything.take(slice(rows // 2, rows)))]
    dealt = list(tasks.deal_stripes(rule, [0], size, 0, halves))
    for rank in range(size):
        mine = reversed([item for item in dealt if item[0] == rank])
        block, = mapped.hold_rows([block_of(0)], tasks.dealt_pieces((rows,), batch_size, size, rank, mine), 10**6)
        for batch, part in enumerate(rule.deal_striped(rank, size)):
            np.testing.assert_array_equal(block.take(part.index).arrays[1], batch * batch_size + part.places)


def test_dealt_pieces_are_small():
    pieces = [(0, block_of(20)), (0, block_of(10, 20))]
    for dealt in (list(tasks.deal_pieces(0, [0], 30, 2, 0, pieces, 200)),
                  list(tasks.deal_stripes(Minibatches(30, 4), [0], 2, 0, pieces, 200))):
        assert max(block.nbytes for _, (_, _, block) in dealt) <= 200
        assert sorted(int(row) for _, (_, _, block) in dealt for row in block.arrays[1]) == list(range(30))
        assert all(first == block.arrays[1][0] for _, (_, first, block) in dealt)


class Looker(Report):
    """Looks at the workers' processes during the fit, and breaks it off where told to."""

    def __init__(self, processes, folder, breaks=False):
        self.processes, self.folder, self.breaks, self.found = processes, folder, breaks, []

    def on_epoch_end(self, report, snapshot):
        self.found = [maps_of(path.read_text(), self.folder) for path in self.processes.iterdir()]
        if self.breaks:
            raise KeyError("enough")


@pytest.mark.spark
@pytest.mark.parametrize(("settings", "held", "breaks"), [
    ({"shuffle": True}, False, False),
    ({"shuffle": True}, False, True),
    ({"shuffle": False}, False, False),
    ({"shuffle": True}, True, False),
])
def test_a_gang_keeps_rows_in_files(spark, make_job, make_data, tmp_path, settings, held, breaks):
    context = spark.sparkContext

    def note_process(partition, rows):
        (tmp_path / str(partition)).write_text(str(os.getpid()))
        return rows

    job = make_job(batch_size=8, epochs=2, **settings)
    data, check = make_data(43), as_source(*make_data(10)) if held else None
    rdd = context.parallelize(list(zip(*data, strict=True)), 2).mapPartitionsWithIndex(note_process)
    local = context.parallelize([0], 1).map(lambda _: os.environ["SPARK_LOCAL_DIRS"].split(",")[0]).first()
    before = {path for path in Path(local).rglob("*") if path.is_file()}
    context._conf.set(preflight.MEMORY_LIMIT, "64")
    looker = Looker(tmp_path, local, breaks)
    try:
        engine = choose_engine("barrier", as_source(rdd), 2)
        if breaks:
            with pytest.raises(KeyError, match="enough"):
                engine.run(job, as_source(rdd), check, looker)
        else:
            found = engine.run(job, as_source(rdd), check, looker)
            expected = choose_engine("local", as_source(*data), 1).run(job, as_source(*data), check, Report())
            np.testing.assert_allclose(found.values, expected.values, rtol=1e-5, atol=1e-6)
    finally:
        context._conf.set(preflight.MEMORY_LIMIT, "256m")
    dealt = held or not settings["shuffle"]  # then workers are other processes than those that noted themselves
    if not dealt:
        assert len(looker.found) == 2
        for maps in looker.found:
            assert len(maps) >= 2, maps  # x and y
            assert all(permissions == "r--s" and path.endswith("(deleted)") for permissions, path in maps)
    for path in tmp_path.iterdir():
        wait_until(lambda path=path: not maps_of(path.read_text(), local))
    assert {path for path in Path(local).rglob("*") if path.is_file()} - before == set() or dealt


def wait_until(condition):
    """The stage's end is told a moment before its tasks' generators are gone."""
    ready = threading.Event()
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        ready.wait(0.05)


@pytest.mark.spark
@pytest.mark.parametrize(("text", "expected"), [("64", 64), ("512m", 512 << 20), ("2GB", 2 << 30), ("7k", 7 << 10)])
def test_the_limit_is_a_size(text, expected):
    class Context:
        def getConf(self):
            return {preflight.MEMORY_LIMIT: text}

    assert preflight.memory_limit(Context()) == expected


def test_a_limit_that_is_none():
    class Context:
        def getConf(self):
            return {preflight.MEMORY_LIMIT: "much"}

    with pytest.raises(ValueError, match="memoryLimit must be a size as '512m'"):
        preflight.memory_limit(Context())


@pytest.mark.spark
@pytest.mark.parametrize("workers", [2, 3])
def test_storage_levels_are_left_as_found(spark, make_job, make_data, workers):
    from pyspark import StorageLevel

    context = spark.sparkContext
    rows = list(zip(*make_data(40), strict=True))
    for level in (None, StorageLevel.DISK_ONLY, StorageLevel.MEMORY_ONLY):
        rdd = context.parallelize(rows, 2)
        if level is not None:
            rdd.persist(level)
        before = str(rdd.getStorageLevel())
        choose_engine("barrier", as_source(rdd), workers).run(make_job(batch_size=8), as_source(rdd), None, Report())
        assert str(rdd.getStorageLevel()) == before
        assert rdd.is_cached == (level is not None)
        rdd.unpersist()
    table = [([float(value) for value in x], float(y[0])) for x, y in rows]
    frame = spark.createDataFrame(table, "x array<float>, y float")
    for cached in (False, True):
        if cached:
            frame.persist(StorageLevel.MEMORY_AND_DISK)
        before = str(frame.storageLevel)
        source = as_source(frame, feature_cols="x", label_cols=["y"], input_shapes=[(3,)])
        choose_engine("barrier", source, workers).run(make_job(batch_size=8), source, None, Report())
        assert str(frame.storageLevel) == before
    frame.unpersist()
    assert not dict(context._jsc.getPersistentRDDs())
