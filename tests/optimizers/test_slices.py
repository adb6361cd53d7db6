"""A step over slices is the step over the whole: rules bit for bit, norms of whole variables exactly."""

import inspect
import pickle
from itertools import pairwise
from threading import Barrier, Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigdl_keras import optimizers, registry
from bigdl_keras.optimizers.slices import CHUNK, Slice, chunks

NAMES = ("embedding/embeddings", "dense/kernel", "dense/bias", "scale/gamma")
SHAPES = ((11, 7), (7, 5), (5,), ())
SIZE = 11 * 7 + 7 * 5 + 5 + 1

REGISTERED = [rule for rule in dict.fromkeys(registry.find("optimizer", name) for name in registry.names("optimizer"))
              if rule.__module__.startswith("bigdl_keras.optimizers.")]  # keras1 may have been imported, too
RULES = [pytest.param(rule, {}, id=rule.__name__) for rule in REGISTERED if rule is not optimizers.MultiOptimizer]
PARTS = optimizers.OptimizerMap(
    optimizers.Adagrad(0.1), {"dense/.*": optimizers.Lamb(0.1, weight_decay=0.1), "scale/gamma": optimizers.SGD(1.0)})
OPTIONS = [
    pytest.param(optimizers.SGD, {"momentum": 0.9}, id="momentum"),
    pytest.param(optimizers.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, id="nesterov"),
    pytest.param(optimizers.Adam, {"amsgrad": True, "clipvalue": 0.1}, id="amsgrad"),
    pytest.param(optimizers.RMSprop, {"centered": True, "momentum": 0.5}, id="centered"),
    pytest.param(optimizers.RMSprop, {"lr": 0.01, "decay": 0.1}, id="legacy rmsprop"),
    pytest.param(optimizers.Adam, {"clipnorm": 0.3}, id="clipnorm"),
    pytest.param(optimizers.Adam, {"global_clipnorm": 0.3}, id="global clipnorm"),
    pytest.param(optimizers.Adam, {"use_ema": True, "ema_overwrite_frequency": 2, "ema_momentum": 0.7}, id="ema"),
    pytest.param(optimizers.Adam, {"gradient_accumulation_steps": 2, "clipnorm": 0.5}, id="accumulation"),
    pytest.param(optimizers.MultiOptimizer, {"optimizer_map": PARTS}, id="multi"),
    pytest.param(optimizers.Ftrl, {"learning_rate_power": -0.7, "l1_regularization_strength": 0.01}, id="ftrl power"),
]


class Team:
    """Runs one function per worker in threads; `total` sums over them, as a collective does."""

    def __init__(self, size):
        self.size, self.parts, self.barrier = size, [None] * size, Barrier(size, timeout=20)

    def total(self, rank):
        def total(numbers):
            self.parts[rank] = numbers
            self.barrier.wait()
            answer = np.sum(self.parts, axis=0)
            self.barrier.wait()
            return answer

        return total

    def run(self, work):
        errors = []

        def guarded(rank):
            try:
                work(rank, self.total(rank))
            except BaseException as error:
                errors.append(error)
                self.barrier.abort()

        threads = [Thread(target=guarded, args=(rank,)) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]


def train(made, cuts, steps=4):
    """Weights and state after some steps of a team whose slices end at `cuts`; a third of the embedding is at rest."""
    rng = np.random.default_rng(7)
    weights = rng.normal(size=SIZE).astype(np.float32)
    gradients = rng.normal(size=(steps, SIZE)).astype(np.float32)
    gradients[:, : 11 * 7].reshape(steps, 11, 7)[:, rng.random(11) < 0.3] = 0.0
    bounds = [0, *sorted(cuts), SIZE]
    optimizer = pickle.loads(pickle.dumps(made))
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    states = {slot: np.zeros(SIZE, np.float32) for slot in optimizer.slots}

    def work(rank, total):
        begin, end = bounds[rank], bounds[rank + 1]
        part = Slice.cut(NAMES, SHAPES, begin, end)
        state = optimizer.create_state(weights[begin:end])
        for step, gradient in enumerate(gradients):
            optimizer.step(weights[begin:end], gradient[begin:end].copy(), state, step, part, total)
        for slot in optimizer.slots:
            states[slot][begin:end] = state[slot]

    Team(len(bounds) - 1).run(work)
    return weights, states


@pytest.mark.parametrize(("rule", "options"), RULES + OPTIONS)
def test_pieces_are_the_whole(rule, options):
    exact = not rule.layerwise and not {"clipnorm", "global_clipnorm"} & set(options)
    check_pieces(rule(**options), exact)


@pytest.mark.parametrize("version", ["2.2.4", "2.8.0", "2.15.0"])
@pytest.mark.parametrize("rule", [rule for rule in REGISTERED if not rule.layerwise])
def test_pieces_are_the_whole_with_the_formulas_of_keras_2(rule, version):
    optimizer = rule(**({"momentum": 0.9} if rule in (optimizers.SGD, optimizers.RMSprop) else {}))
    optimizer.follow(version)
    check_pieces(optimizer, exact=True)


def check_pieces(optimizer, exact):
    whole, whole_state = train(optimizer, [])
    assert np.isfinite(whole).all()

    @settings(max_examples=8, deadline=None)
    @given(st.lists(st.integers(0, SIZE), min_size=1, max_size=4))
    def check(cuts):
        pieces, state = train(optimizer, cuts)
        for slot in whole_state:
            compare(state[slot], whole_state[slot])
        compare(pieces, whole)

    def compare(got, expected):
        if exact:
            np.testing.assert_array_equal(got, expected)
        else:  # sums of squares in another order: equal to the last bit of float64, hence almost always of float32
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)

    check()


def test_parts_of_a_multi_optimizer_train_as_if_alone():
    rng = np.random.default_rng(3)
    weights, gradient = rng.normal(size=(2, SIZE)).astype(np.float32)
    together = weights.copy()
    optimizer = optimizers.MultiOptimizer(PARTS)
    state = optimizer.create_state(together)
    for step in range(3):
        optimizer.step(together, gradient.copy(), state, step, Slice.whole(NAMES, SHAPES))
    alone = weights.copy()
    for inner, begin, end in ((PARTS.default_optimizer, 0, 77), (PARTS["dense/.*"], 77, 117),
                              (PARTS["scale/gamma"], 117, 118)):
        part, own = Slice.cut(NAMES, SHAPES, begin, end), inner.create_state(alone[begin:end])
        for step in range(3):
            inner.step(alone[begin:end], gradient[begin:end].copy(), own, step, part)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("rule", [optimizers.Adam, optimizers.Ftrl, optimizers.Nadam])
def test_cuts_beside_the_chunks(rule):
    rng = np.random.default_rng(0)
    size = 2 * CHUNK + 1001
    weights, gradient = rng.normal(size=(2, size)).astype(np.float32)
    whole, pieces = weights.copy(), weights.copy()
    optimizer = rule()
    optimizer.step(whole, gradient.copy(), optimizer.create_state(whole), 0)
    for begin, end in ((0, 333), (333, CHUNK + 5), (CHUNK + 5, size)):
        optimizer.step(pieces[begin:end], gradient[begin:end].copy(), optimizer.create_state(pieces[begin:end]), 0)
    np.testing.assert_array_equal(pieces, whole)


def test_weight_decay_leaves_the_excluded_out():
    weights, gradient = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)
    optimizer = optimizers.SGD(0.5, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_list=["scale/gamma"], var_names=["bias$"])
    optimizer.step(weights, gradient, {}, 0, Slice.whole(NAMES, SHAPES))
    np.testing.assert_allclose(weights[:112], 0.95)
    np.testing.assert_array_equal(weights[112:], 1.0)


def test_clipnorm_is_that_of_each_variable_and_global_clipnorm_that_of_all():
    gradient = np.random.default_rng(1).normal(size=SIZE).astype(np.float32)
    part = Slice.whole(NAMES, SHAPES)
    each, together = gradient.copy(), gradient.copy()
    optimizers.SGD(clipnorm=2.0).clip(each, part)
    optimizers.SGD(global_clipnorm=2.0).clip(together, part)
    starts = np.cumsum([0, *part.sizes])
    for start, stop in pairwise(starts):
        norm = np.linalg.norm(gradient[start:stop])
        np.testing.assert_allclose(each[start:stop], gradient[start:stop] * min(1.0, 2.0 / norm), rtol=1e-6)
    np.testing.assert_allclose(together, gradient * 2.0 / np.linalg.norm(gradient), rtol=1e-6)


def test_segments_of_a_cut():
    part = Slice.cut(NAMES, SHAPES, 70, 116)
    assert [tuple(segment) for segment in part.segments] == [(0, 0, 7, 70), (1, 7, 42, 0), (2, 42, 46, 0)]
    assert Slice.cut(NAMES, SHAPES, 77, 77).segments == ()
    assert pickle.loads(pickle.dumps(part)) == part


def test_chunks_cover_a_vector_and_reuse_their_buffers():
    vector = np.arange(2 * CHUNK + 3)
    seen = [(part.copy(), scratch) for part, scratch in chunks(vector, scratch=1)]
    np.testing.assert_array_equal(np.concatenate([part for part, _ in seen]), vector)
    assert all(scratch.base is seen[0][1].base for _, scratch in seen)
    assert list(chunks(vector[:0], scratch=1)) == []


def test_state_stays_on_the_driver():
    optimizer = optimizers.Adam()
    weights = [np.ones((400, 400), np.float32)]
    optimizer.apply([np.ones((400, 400), np.float32)], weights)
    assert optimizer.iterations == 1 and set(optimizer.state) == {"momentum", "velocity"}
    travelling = pickle.dumps(optimizer)
    assert len(travelling) < 2000 and pickle.loads(travelling).iterations == 1


def test_every_public_rule_is_registered():
    public = {thing for thing in vars(optimizers).values()
              if inspect.isclass(thing) and issubclass(thing, optimizers.Optimizer) and not inspect.isabstract(thing)}
    assert public == {parameter.values[0] for parameter in RULES + OPTIONS} == set(REGISTERED)
