"""Rows of tables travel alone, and nothing else changes: every sum, weight and slot is what whole tables give."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigdl_keras as bk
from bigdl_keras import layers, ops, optimizers
from bigdl_keras.data import ArraySource
from bigdl_keras.engine.collectives.compression import find_compression
from bigdl_keras.engine.collectives.rows import Frame, Lookups, Part, worth_it
from bigdl_keras.engine.job import TrainingJob
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.errors import WorkerLost
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.plan import Plan, Window
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import apply, tracing
from bigdl_keras.models.columns import match
from bigdl_keras.parameters import ParameterVector, Variable
from tests.engine.teams import socket_team, thread_team, together, train

USERS, ITEMS = (29, 3), (11, 2)


@st.composite
def vectors(draw):
    """A vector, tables in it, and per worker which rows are not zero."""
    windows, reached = [], 0
    for _ in range(draw(st.integers(1, 3))):
        start = reached + draw(st.integers(0, 4))
        shape = (draw(st.integers(1, 9)), draw(st.integers(1, 4)))
        windows.append(Window(start, start + shape[0] * shape[1], shape))
        reached = windows[-1].stop
    size = draw(st.sampled_from([2, 3, 5]))
    touched = [tuple(draw(st.none() | st.sets(st.integers(0, window.shape[0] - 1)).map(
        lambda rows: np.array(sorted(rows), np.int64))) for window in windows) for _ in range(size)]
    return reached + draw(st.integers(0, 4)), tuple(windows), touched


def filled(length, windows, rows, rng):
    """A vector that is zero in all other rows."""
    vector = rng.normal(size=length).astype(np.float32)
    for window, touched in zip(windows, rows, strict=True):
        table = vector[window.start:window.stop].reshape(window.shape)
        if touched is not None:
            table[np.setdiff1d(np.arange(len(table)), touched)] = 0
    return vector


@given(vectors())
def test_the_parts_of_a_vector_hold_every_number_once(case):
    length, windows, touched = case
    size, vector = len(touched), np.arange(1.0, length + 1)
    for rows in touched:
        found, kept = [], np.zeros(length)
        for rank in range(size):
            span = slice_of(length, rank, size)
            part = Part.cut(windows, span)
            mine = part.choose(rows)
            found.append(part.gather(vector[span], mine))
            assert len(found[-1]) == part.count(mine)
            part.scatter(found[-1], mine, kept[span])
        numbers = np.concatenate(found)
        assert len(set(numbers.tolist())) == len(numbers)
        named = filled(length, windows, rows, np.random.default_rng(0)) != 0
        cut = kept != 0  # rows that two workers share belong to what lies between
        np.testing.assert_array_equal(kept[cut], vector[cut])
        assert cut[named].all()


@settings(max_examples=40, deadline=None)
@given(vectors(), st.sampled_from([(thread_team, None), (socket_team, None), (socket_team, "bf16"),
                                   (socket_team, "fp16")]))
def test_verbs_answer_as_with_whole_vectors(case, kind):
    length, windows, touched = case
    (make, compression), size = kind, len(touched)
    team, masked = make(size, compression), compression is not None

    def work(rank):
        rng = np.random.default_rng(rank)
        lookups = Lookups(windows, length, rank, size, np.float32)
        trained = np.full(length, 0.5, np.float32)
        outcome = []
        for turn in range(3):
            lookups.touched = touched[(rank + turn) % size]
            vector = filled(length, windows, lookups.touched, rng)
            whole = team[rank].reduce_scatter(vector).copy()
            rows = team[rank].reduce_scatter(vector, lookups)
            own = trained[slice_of(length, rank, size)]
            moved, gathered = own - rows, trained.copy()
            gathered[slice_of(length, rank, size)] = moved
            trained = gathered.copy()
            team[rank].all_gather(gathered, moved if masked else None)
            team[rank].all_gather(trained, moved if masked else None, lookups)
            outcome.append((whole, rows.copy(), gathered, trained.copy()))
            if turn == 1:
                rows[...] = 7.0  # an optimizer's scratch
                lookups.scribbled()
        return outcome

    for outcome in together(work, size):
        for whole, rows, gathered, trained in outcome:
            assert rows.tobytes() == whole.tobytes() or compression is not None
            np.testing.assert_array_equal(rows, whole)
            np.testing.assert_array_equal(trained, gathered)
    for member in team:
        member.close()


@pytest.mark.parametrize("compression", ["bf16", "fp16"])
def test_moved_rows_are_rounded_as_within_the_whole_slice(compression):
    """fp16 scales a message by its largest number, which may be in a row that has not moved."""
    windows, team = (Window(0, 80, (20, 4)),), socket_team(2, compression)

    def work(rank):
        lookups = Lookups(windows, 80, rank, 2, np.float32)
        lookups.summed = (np.array([3]),)
        mine = np.full(40, 1e-7 / 3, np.float32)
        mine[0] = 1e4
        whole, moved = np.zeros(80, np.float32), np.zeros(80, np.float32)
        team[rank].all_gather(whole, mine)
        team[rank].all_gather(moved, mine)
        mine[12:16] *= 2.0
        team[rank].all_gather(whole, mine)
        team[rank].all_gather(moved, mine, lookups)
        return whole, moved

    for whole, moved in together(work, 2):
        np.testing.assert_array_equal(moved, whole)
    for member in team:
        member.close()


# ---- frames


WINDOWS = (Window(2, 32, (10, 3)), Window(32, 52, (5, 4)))
PART = Part.cut(WINDOWS, slice(0, 60))
FEW = (np.array([1, 7]), np.array([4]))


@pytest.mark.parametrize("name", [None, "bf16", "fp16"])
def test_a_frame_says_what_it_holds_and_is_never_longer_than_announced(name):
    frame = Frame(PART, np.float32, find_compression(name))
    vector = np.arange(60, dtype=np.float32)
    packed = frame.pack(vector, FEW)
    numbers, rows = frame.unpack(packed)
    np.testing.assert_array_equal(numbers, PART.gather(vector, FEW))
    for found, sent in zip(rows, FEW, strict=True):
        np.testing.assert_array_equal(found, sent)
    many = (np.arange(9), np.arange(5))
    assert len(packed) < len(frame.pack(vector, many)) == len(frame.pack(vector, (None, None))) == frame.longest
    assert frame.unpack(frame.pack(vector, many))[1] == (None, None)


def words(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


REST = bytes(4 * (2 + 8))  # the numbers between the tables


@pytest.mark.parametrize(("said", "why"), [
    (b"", "0 bytes for 2 tables"),
    (words(1), "4 bytes for 2 tables"),
    (words(11, 0) + REST, "announced 11 of 10 rows"),
    (words(0xFFFFFFFF, 0xFFFFFFFF) + REST, "announced 4294967295 of 10 rows"),
    (words(9, 0, 0, 1), "announced 9 of 10 rows in a frame"),
    (words(1, 0, 10) + bytes(12) + REST, "not ascending or not below 10"),
    (words(2, 0, 3, 3) + bytes(24) + REST, "not ascending"),
    (words(2, 0, 4, 3) + bytes(24) + REST, "not ascending"),
    (words(1, 0, 0xFFFFFFFF) + bytes(12) + REST, "not ascending or not below 10"),
    (words(1, 0, 3) + bytes(8) + REST, "where its rows take 64"),
    (words(1, 0, 3) + bytes(16) + REST, "where its rows take 64"),
    (words(10, 0) + REST, "where its rows take 168"),
])
def test_frames_that_cannot_be_are_refused(said, why):
    with pytest.raises(ValueError, match=why):
        Frame(PART, np.float32, None).unpack(np.frombuffer(said, np.uint8))


@given(st.binary(max_size=300))
def test_whatever_comes_is_refused_or_stays_within_the_tables(said):
    frame = Frame(PART, np.float32, None)
    try:
        numbers, rows = frame.unpack(np.frombuffer(said, np.uint8))
    except ValueError:
        return
    assert len(numbers) == PART.count(rows)
    PART.add(numbers, rows, np.zeros(60, np.float32))


@pytest.mark.parametrize(("header", "body", "why"), [
    ((1, 1 << 32), b"", r"\(1, 4294967296\) instead of \(1, at most 160\)"),
    ((2, 12), bytes(12), r"\(2, 12\) instead of \(1, at most 160\)"),
    ((1, 8), words(10, 0), "announced 10 of 9 rows"),
])
def test_a_peer_that_sends_anything_else_is_lost(header, body, why):
    first, second = socket_team(2)
    second._peers[0].connection.sendall(struct.pack("<QQ", *header) + body)
    lookups = Lookups((Window(0, 36, (9, 4)), Window(36, 76, (10, 4))), 76, 0, 2, np.float32)
    with pytest.raises(WorkerLost, match=rf"Worker 1 of 2 on 127.0.0.1 is lost.*{why}"):
        first.reduce_scatter(np.zeros(76, np.float32), lookups)
    for member in (first, second):
        member.close()


def test_few_rows_take_few_bytes():
    length, windows = 400_000, (Window(0, 400_000, (25_000, 16)),)
    sent = {}
    for sparse in (False, True):
        team = socket_team(2)

        def work(rank, team=team, sparse=sparse):
            lookups = Lookups(windows, length, rank, 2, np.float32)
            lookups.touched = (np.arange(rank, 25_000, 250),)
            vector = np.zeros(length, np.float32)
            vector.reshape(-1, 16)[lookups.touched[0]] = 1
            team[rank].reduce_scatter(vector, lookups if sparse else None)
            team[rank].all_gather(vector, None, lookups if sparse else None)

        together(work, 2)
        sent[sparse] = team[0].sent_bytes
        for member in team:
            member.close()
    # 50 rows of mine that the other owns, and 100 that were moved in my half: 16 numbers and one of the row each
    assert sent[True] == 50 * 17 * 4 + 100 * 17 * 4 + 2 * (16 + 4)
    assert sent[False] == 2 * (length * 2 + 16)


# ---- training


def ratings_job(optimizer, lookups_of_users=1, **settings):
    """Ratings (rows, 2) of users and items: a dot product, padding masked; users may be looked up twice."""
    rng = np.random.default_rng(0)
    weights = [Variable((0.4 * rng.normal(size=shape)).astype("float32"), name)
               for name, shape in (("bias", (1,)), ("users", USERS), ("kernel", (3, 2)), ("items", ITEMS))]
    vector, (bias, users, kernel, items) = ParameterVector(weights, []), weights
    ids, y = KerasTensor((None, 4), "int32", name="ids"), KerasTensor((None, 1), name="y")
    rows = KerasTensor((), name="batch_rows")
    with tracing(True) as trace:
        first = apply("embedding", users, ids[:, 0])
        if lookups_of_users > 1:
            first = first * ops.take(users, ids[:, 1] - USERS[0], axis=0)  # negative numbers count from the end
        several = apply("embedding", items, ops.minimum(ids[:, 1:], ITEMS[0] - 1))
        second = ops.sum(several * ops.cast(ops.expand_dims(ops.not_equal(ids[:, 1:], 0), -1), "float32"), axis=1)
        error = ops.sum(ops.matmul(first, kernel) * second, axis=-1, keepdims=True) + bias - y
        loss = ops.sum(error * error) / rows
    plan = compile_plan(trace, [ids, y, rows], [loss], vector.spans, vector.trainable_size)
    return TrainingJob(plan, vector.values, tuple(item.path for item in weights),
                       tuple(item.shape for item in weights), optimizer, batch_size=7, epochs=2, seed=3, **settings)


def ratings(rows, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, USERS[0], (rows, 4)).astype("int32"), rng.normal(size=(rows, 1)).astype("float32")


RULES = [
    lambda: optimizers.SGD(0.05), lambda: optimizers.Adagrad(0.1), lambda: optimizers.RMSprop(0.01),
    lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True), lambda: optimizers.Adam(0.02),
    lambda: optimizers.SGD(0.05, weight_decay=0.1), lambda: optimizers.SGD(0.05, clipvalue=0.01),
    lambda: optimizers.Adagrad(0.1, clipnorm=0.1), lambda: optimizers.SGD(0.05, global_clipnorm=0.1),
    lambda: optimizers.Lamb(0.02), lambda: optimizers.LARS(0.1), lambda: optimizers.Adadelta(1.0),
    lambda: optimizers.SGD(0.05, use_ema=True), lambda: optimizers.SGD(0.05, gradient_accumulation_steps=2),
]


def as_whole_tables(monkeypatch):
    monkeypatch.setattr(Plan, "tables", property(lambda plan: {}))


@settings(max_examples=25, deadline=None)
@given(rule=st.sampled_from(RULES), size=st.sampled_from([1, 2, 3, 5]), rows=st.integers(3, 30),
       make=st.sampled_from([thread_team, socket_team]), compression=st.sampled_from([None, None, "bf16", "fp16"]),
       lookups_of_users=st.sampled_from([1, 2]), seed=st.integers(0, 9))
def test_a_fit_by_rows_is_the_fit_by_whole_tables(rule, size, rows, make, compression, lookups_of_users, seed):
    compression = None if make is thread_team else compression
    data, outcomes = ratings(rows, seed), []
    for whole in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if whole:
                as_whole_tables(patch)
            job = ratings_job(rule(), lookups_of_users, compression=compression)
            assert len(job.plan.tables) == (0 if whole else 2)
            loops, _ = train(job, data, size, compression, make=make)
            assert (loops[0].lookups is None) == whole
            outcomes.append(loops)
    for mine, theirs in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)
        np.testing.assert_array_equal(mine.weights, theirs.weights)
        for slot, vector in mine.state.items():
            np.testing.assert_array_equal(vector, theirs.state[slot])


@pytest.mark.parametrize("make", [thread_team, socket_team])
@pytest.mark.parametrize("rule", RULES)
def test_any_number_of_workers_trains_as_one(rule, make):
    data = ratings(26)
    alone, _ = train(ratings_job(rule()), data, 1)
    for size in (2, 3, 5):
        loops, _ = train(ratings_job(rule()), data, size, make=make)
        for loop in loops:
            np.testing.assert_allclose(loop.values, alone[0].values, atol=2e-5)


def test_other_rows_are_neither_written_nor_stepped():
    """Marks beside the rows of the batches are still there at the end."""
    loops, _ = train(ratings_job(optimizers.Adagrad(0.1)), ratings(4), 1)
    loop = loops[0]
    window = next(iter(loop.job.plan.tables.values()))
    table = loop.gradients[window.start:window.stop].reshape(window.shape)
    slots = loop.state["accumulator"][window.start:window.stop].reshape(window.shape)
    unseen = np.setdiff1d(np.arange(USERS[0]), loop.shard.block.arrays[0][:, 0])
    table[unseen], slots[unseen] = 7.0, -1.0  # a step on them would answer with NaN, a cleared table with 0
    before = loop.values.copy()
    loop.job.optimizer.finalize(loop.weights, loop.state)
    list_of_batches = list(loop.shard.batches(loop.rule, 0))
    loop._iterate(0, 0, list_of_batches[0])
    assert (table[unseen] == 7.0).all() and (slots[unseen] == -1.0).all()
    moved = (loop.values != before)[window.start:window.stop].reshape(window.shape).any(axis=1)
    assert moved.any() and not moved[unseen].any()


# ---- which weights are tables


def table_windows(model, y):
    matched = match(model, ArraySource(np.zeros((2, 3), "int32"), y))
    plan = model.runtime.objective_program(model.heads, matched.inputs, matched.labels, matched.weights, True).plan
    return plan.tables.values()


def table_names(model, y):
    starts = {start: path.split("/")[0] for path, start, _, _ in model.runtime.vector.segments}
    return [starts[window.start] for window in table_windows(model, y)]


def test_tables_are_what_is_only_looked_up():
    x = bk.Input((3,), dtype="int32")
    plain = layers.Embedding(20, 4, name="plain")
    parts = [plain(x), plain(x), layers.Embedding(20, 4, name="penalized", embeddings_regularizer="l2")(x),
             layers.Embedding(20, 4, name="frozen", trainable=False)(x),
             layers.Embedding(20, 4, name="masked", mask_zero=True)(x)]
    hidden = layers.Flatten()(layers.Concatenate()(parts))
    model = bk.Model(x, layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    assert table_names(model, np.zeros((2, 1), "float32")) == ["plain", "masked"]


def test_a_table_that_is_also_multiplied_is_none():
    class Tied(layers.Layer):
        """A language model's head: the scores are products with the table itself."""

        def build(self, input_shape):
            self.table = self.add_weight(name="table", shape=(20, 4))

        def call(self, inputs):
            hidden = ops.mean(apply("embedding", self.table, inputs), axis=1)
            return ops.matmul(hidden, ops.transpose(self.table))

    model = bk.Sequential([bk.Input((3,), dtype="int32"), Tied()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert table_names(model, np.zeros(2, "int32")) == []


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "adam"])
def test_train_on_batch_between_plans_of_one_model(optimizer):
    """Two programs, with and without sample weights, write into the same gradient vector."""
    def run():
        model = bk.Sequential([bk.Input((3,), dtype="int32"), layers.Embedding(40, 2, mask_zero=True),
                               layers.GlobalAveragePooling1D(), layers.Dense(1)])
        model.set_weights([np.linspace(-1, 1, weight.size).reshape(weight.shape) for weight in model.get_weights()])
        model.compile(optimizer, "mse")
        rng = np.random.default_rng(0)
        for step in range(6):
            x, y = rng.integers(0, 40, (4, 3)), rng.normal(size=(4, 1))
            model.train_on_batch(x, y, sample_weight=rng.uniform(size=4) if step % 2 else None)
        return model.get_weights()

    found = run()
    with pytest.MonkeyPatch.context() as patch:
        as_whole_tables(patch)
        expected = run()
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_small_table_beside_large_layers_is_no_reason_to_copy_them():
    x = bk.Input((3,), dtype="int32")
    hidden = layers.Flatten()(layers.Embedding(10, 4)(x))
    model = bk.Model(x, layers.Dense(1)(layers.Dense(100)(hidden)))
    model.compile("sgd", "mse")
    windows = tuple(table_windows(model, np.zeros((2, 1), "float32")))
    assert len(windows) == 1
    assert not worth_it(windows, model.runtime.vector.trainable_size)
    assert worth_it(windows, 80)
    assert not worth_it((), 80)
