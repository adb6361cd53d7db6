import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdl_keras.data import as_source
from bigdl_keras.engine.collectives.compression import COMPRESSIONS, find_compression
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.engine.report import Decision, Report
from tests.engine.teams import socket_team, together, train

BF16, FP16 = COMPRESSIONS["bf16"], COMPRESSIONS["fp16"]


def passed(compression, vector):
    """The vector after its way over the wire."""
    wire = np.empty(compression.nbytes(len(vector)), np.uint8)
    compression.pack(vector, wire)
    found = np.full_like(vector, 7.0)
    compression.unpack(wire, found)
    total = np.ones_like(vector)
    compression.add(wire, total)
    np.testing.assert_array_equal(total, np.float32(1) + found)
    return found


def from_bits(*patterns):
    return np.array(patterns, np.uint32).view(np.float32)


@pytest.mark.parametrize(("bits", "expected"), [
    (0x3F800000, 0x3F800000),  # 1
    (0x3F808000, 0x3F800000),  # half way, the place that stays is even: down
    (0x3F818000, 0x3F820000),  # half way, odd: up
    (0x3F808001, 0x3F810000),  # a little more than half
    (0x3F807FFF, 0x3F800000),  # a little less
    (0x3FFFFFFF, 0x40000000),  # the carry goes into the exponent
    (0xBF818000, 0xBF820000),  # signs do not matter
    (0x00000000, 0x00000000), (0x80000000, 0x80000000),
    (0x00000001, 0x00000000), (0x00018000, 0x00020000),  # subnormal numbers
    (0x7F7FFFFF, 0x7F800000),  # the largest number is nearer to infinity
    (0x7F800000, 0x7F800000), (0xFF800000, 0xFF800000),  # infinities
])
def test_bf16_rounds_to_the_nearest_and_ties_to_even(bits, expected):
    found = passed(BF16, from_bits(bits)).view(np.uint32)[0]
    assert hex(found) == hex(expected)


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF, 0x7FC00000, 0x7F80FFFF])
def test_bf16_keeps_every_nan(bits):
    with np.errstate(invalid="ignore"):
        found = passed(BF16, from_bits(0x3F800000, bits, 0x40000000))
    assert np.isnan(found[1])
    assert np.signbit(found[1]) == bool(bits >> 31)
    np.testing.assert_array_equal(found[[0, 2]], [1, 2])


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_bf16_answers_with_the_nearest(numbers):
    vector = np.array(numbers, np.float32)
    found = passed(BF16, vector)
    below = (vector.view(np.uint32) & 0xFFFF0000).view(np.float32)
    with np.errstate(over="ignore"):
        above = ((vector.view(np.uint32) & 0xFFFF0000) + np.uint32(0x10000)).view(np.float32)
    error = np.abs(vector.astype(np.float64) - found)
    inside = np.isfinite(found) & np.isfinite(above)
    for other in (below, above):
        assert (error[inside] <= np.abs(vector.astype(np.float64) - other)[inside]).all()


def test_fp16_keeps_eleven_digits_of_small_and_large_numbers():
    rng = np.random.default_rng(0)
    for size in (1e-30, 1e-9, 1.0, 1e9, 1e30):
        vector = (rng.normal(size=100_000) * size).astype(np.float32)
        found = passed(FP16, vector)
        large = np.abs(vector) > size * 1e-4
        np.testing.assert_allclose(found[large], vector[large], rtol=2.0 ** -11)
        np.testing.assert_allclose(found, vector, rtol=2.0 ** -11, atol=size * 1e-8)


def test_fp16_rounds_ties_to_even():
    vector = np.array([1, 1 + 2.0 ** -11, 1 + 3 * 2.0 ** -11, -1 - 3 * 2.0 ** -11], np.float32)
    np.testing.assert_array_equal(passed(FP16, vector), np.array([1, 1, 1 + 2.0 ** -9, -1 - 2.0 ** -9], np.float32))


def test_fp16_keeps_what_is_no_number():
    found = passed(FP16, np.array([1, np.inf, -np.inf, np.nan, 0], np.float32))
    np.testing.assert_array_equal(found, [1, np.inf, -np.inf, np.nan, 0])
    np.testing.assert_array_equal(passed(FP16, np.zeros(3, np.float32)), np.zeros(3))


@pytest.mark.parametrize("name", ["bf16", "fp16"])
@pytest.mark.parametrize("length", [0, 1, 70_001])
def test_what_has_been_rounded_is_not_rounded_again(name, length):
    vector = np.random.default_rng(0).normal(size=length).astype(np.float32)
    once = passed(COMPRESSIONS[name], vector)
    np.testing.assert_array_equal(passed(COMPRESSIONS[name], once), once)


def test_unknown_names():
    assert find_compression(None) is None
    with pytest.raises(ValueError, match=r"'bf16' or 'fp16'. Received 'bf61'. Did you mean 'bf16'"):
        find_compression("bf61")


# ---- a team


@pytest.mark.parametrize("name", ["bf16", "fp16"])
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("length", [1, 7, 100_003])
def test_verbs(name, size, length):
    team = socket_team(size, name)
    rng = np.random.default_rng(0)
    vectors = [rng.normal(size=length).astype(np.float32) for _ in range(size)]

    def work(rank):
        vector = vectors[rank].copy()
        summed = team[rank].reduce_scatter(vector).copy()
        np.testing.assert_array_equal(vector, vectors[rank])
        whole = np.zeros(length, np.float32)
        team[rank].all_gather(whole, summed)
        exact = np.zeros(length, np.float32)
        exact[slice_of(length, rank, size)] = summed
        team[rank].all_gather(exact)
        return summed, whole, exact

    outcomes = together(work, size)
    for rank, (summed, whole, exact) in enumerate(outcomes):
        mine = slice_of(length, rank, size)
        expected = np.sum([vector if other == rank else passed(COMPRESSIONS[name], vector)
                           for other, vector in enumerate(vectors)], axis=0)[mine]
        np.testing.assert_allclose(summed, expected, rtol=1e-2, atol=1e-4 if name == "fp16" else 1e-6)
        np.testing.assert_array_equal(whole, outcomes[0][1])
        np.testing.assert_array_equal(exact, outcomes[0][2])
        np.testing.assert_array_equal(exact[mine], summed)
        np.testing.assert_array_equal(whole[mine], passed(COMPRESSIONS[name], summed))
    for member in team:
        member.close()


@pytest.mark.parametrize("name", ["bf16", "fp16"])
@pytest.mark.parametrize("size", [2, 3])
def test_replicas_stay_identical_and_the_loss_falls_as_in_full_precision(make_job, make_data, name, size):
    class Watch(Report):
        answers_batches = True

        def __init__(self):
            self.losses = []

        def on_batch_end(self, report, snapshot):
            self.losses.append(report.numbers[0])

    data = make_data(64)
    watch, exact = Watch(), Watch()
    loops, _ = train(make_job(epochs=30, batch_size=16, answers_batches=True, states=True), data, size, name, watch)
    plain, _ = train(make_job(epochs=30, batch_size=16, answers_batches=True, states=True), data, size, None, exact)
    for loop in loops[1:]:
        np.testing.assert_array_equal(loop.values, loops[0].values)
    rounded = [passed(COMPRESSIONS[name], loop.masters) for loop in loops]
    assert any((loop.masters != short).any() for loop, short in zip(loops, rounded, strict=True))
    for loop in loops:  # what the replicas computed with is what had travelled
        np.testing.assert_array_equal(loop.trained, np.concatenate(rounded))
    assert np.mean(exact.losses[-4:]) < 0.1 * np.mean(exact.losses[:4])
    # The model has 31 weights: rounding them to 8 digits is noise in its answers, which larger models average out.
    assert np.mean(watch.losses[-4:]) < {"bf16": 1.4, "fp16": 1.05}[name] * np.mean(exact.losses[-4:])
    np.testing.assert_allclose(loops[0].values, plain[0].values, atol=0.15)


def test_a_snapshot_and_the_result_are_in_full_precision(make_job, make_data):
    class Keeper(Report):
        answers_batches = True

        def on_batch_end(self, report, snapshot):
            self.values, self.state = snapshot.values().copy(), snapshot.optimizer_state()
            return Decision(values=self.values + 1.0) if report.iteration == 1 else None

    keeper = Keeper()
    loops, _ = train(make_job(epochs=2, batch_size=16, answers_batches=True), make_data(32), 2, "bf16", keeper)
    np.testing.assert_array_equal(keeper.values, loops[0].values)
    assert (loops[0].values != loops[0].trained).any()


def test_a_fit_that_goes_on_is_the_fit_that_was_never_cut(make_job, make_data):
    data = make_data(32)
    whole, _ = train(make_job(epochs=4, batch_size=8), data, 2, "bf16")
    first, _ = train(make_job(epochs=2, batch_size=8), data, 2, "bf16")
    state = {slot: np.concatenate([loop.state[slot] for loop in first]) for slot in first[0].state}
    job = make_job(initial_epoch=2, epochs=4, batch_size=8, iteration=first[0].iteration, optimizer_state=state)
    job.values[:] = first[0].values
    rest, _ = train(job, data, 2, "bf16")
    np.testing.assert_array_equal(rest[0].values, whole[0].values)


def test_half_the_bytes_travel():
    length = 1_000_000
    sent = {}
    for name in (None, "bf16", "fp16"):
        team = socket_team(2, name)

        def work(rank, team=team, name=name):
            vector = np.zeros(length, np.float32)
            mine = team[rank].reduce_scatter(vector).copy()
            team[rank].all_gather(vector, None if name is None else mine)

        together(work, 2)
        sent[name] = team[0].sent_bytes
        for member in team:
            member.close()
    assert sent[None] == pytest.approx(4 * length, rel=1e-4)
    assert sent["bf16"] == pytest.approx(2 * length, rel=1e-4)
    assert sent["fp16"] == pytest.approx(2 * length, rel=1e-4)


def test_constrained_weights_travel_in_full(make_job, make_data):
    from bigdl_keras.graph.compiler import compile_plan
    from bigdl_keras.graph.trace import tracing

    with tracing(training=True) as trace:
        pass
    nothing = compile_plan(trace, [], [], {})
    loops, _ = train(make_job(epochs=1, batch_size=16, constraint_plan=nothing), make_data(32), 2, "bf16")
    assert loops[0].masters is None
    np.testing.assert_array_equal(loops[0].values, loops[1].values)


def test_the_local_engine_sends_nothing(make_job, make_data):
    source = as_source(*make_data(20))
    plain = LocalEngine().run(make_job(epochs=1), source, None, Report())
    found = LocalEngine().run(make_job(epochs=1, compression="bf16"), source, None, Report())
    np.testing.assert_array_equal(found.values, plain.values)


def test_a_job_refuses_what_cannot_be(make_job):
    with pytest.raises(ValueError, match="`compression` must be None"):
        make_job(compression="int8")


@pytest.mark.spark
@pytest.mark.parametrize("workers", [2, 3])
def test_a_gang_on_spark(spark, make_job, make_data, workers):
    from bigdl_keras.engine.selection import choose_engine

    data = make_data(40)
    rows = as_source(spark.sparkContext.parallelize(list(zip(*data, strict=True)), workers))
    engine = choose_engine("barrier", rows, workers)
    found = engine.run(make_job(epochs=3, batch_size=8, compression="bf16"), rows, None, Report())
    plain = LocalEngine().run(make_job(epochs=3, batch_size=8), as_source(*data), None, Report())
    np.testing.assert_allclose(found.values, plain.values, atol=0.05)
    assert (found.values != plain.values).any()


def test_fit_hands_it_on_and_refuses_unknown_names():
    import bigdl_keras as bk

    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 3), "float32")
    model.fit(x, x[:, :1], verbose=0, engine="local", compression="bf16")
    with pytest.raises(ValueError, match=r"`compression` must be None, 'bf16' or 'fp16'\. Received 'zip'"):
        model.fit(x, x[:, :1], verbose=0, engine="local", compression="zip")
