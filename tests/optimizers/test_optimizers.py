"""Optimizers as objects: names, configs, learning rates, legacy arguments, messages."""

import math

import numpy as np
import pytest

from bigdl_keras import optimizers, registry
from bigdl_keras.optimizers import schedules
from bigdl_keras.optimizers.slices import Slice


@pytest.mark.parametrize("name", [name for name in registry.names("optimizer") if name != "MultiOptimizer"])
@pytest.mark.parametrize("options", [{}, {"lr": 0.02}, {"learning_rate": 0.02, "decay": 0.1},
                                     {"use_ema": True, "clipnorm": 1.0, "weight_decay": 0.01}])
def test_config_round_trip(name, options):
    optimizer = registry.find("optimizer", name)(**options)
    again = optimizers.get(optimizers.serialize(optimizer))
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()
    assert again.slots == optimizer.slots and again.legacy == optimizer.legacy


def test_multi_optimizer():
    parts = optimizers.OptimizerMap(optimizers.SGD(0.5),
                                    {"encoder/.*": optimizers.Adam(schedules.CosineDecay(0.1, 10))})
    optimizer = optimizers.MultiOptimizer(parts)
    again = optimizers.get(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config() and again.learning_rate == 0.5
    assert isinstance(parts.optimizer_of("encoder/dense/kernel"), optimizers.Adam)
    assert isinstance(parts.optimizer_of("encoder"), optimizers.SGD)
    with pytest.raises(TypeError, match="set that of one of its `optimizers`"):
        optimizer.learning_rate = 0.1
    parts["encoder/d.*"] = optimizers.Lion()
    with pytest.raises(ValueError, match="Several optimizers claim the variable 'encoder/dense/kernel'"):
        parts.optimizer_of("encoder/dense/kernel")
    with pytest.raises(TypeError, match="needs an OptimizerMap"):
        optimizers.MultiOptimizer({})
    with pytest.raises(TypeError, match="no MultiOptimizer"):
        optimizers.OptimizerMap(optimizer)
    with pytest.raises(ValueError, match="`use_ema` is not supported"):
        optimizers.OptimizerMap(optimizers.SGD(use_ema=True))


def test_lbfgs_finds_the_minimum_of_a_quadratic_faster_than_descent():
    rng = np.random.default_rng(0)
    scales = np.geomspace(1.0, 100.0, 12)
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    matrix, goal = turn * scales @ turn.T, rng.normal(size=12)

    def distance(optimizer, steps=40):
        weights = [np.zeros(12, np.float32)]
        for _ in range(steps):
            optimizer.apply([(matrix @ (weights[0] - goal)).astype(np.float32)], weights)
        return np.abs(weights[0] - goal).max()

    assert distance(optimizers.LBFGS()) < 1e-4 < 1e-2 < distance(optimizers.SGD(0.019))


def test_loss_scaling_is_left_out():
    inner = optimizers.Adam(0.5)
    assert optimizers.LossScaleOptimizer(inner) is inner
    config = {"inner_optimizer": optimizers.serialize(inner), "initial_scale": 8.0, "dynamic_growth_steps": 2}
    made = optimizers.get({"class_name": "LossScaleOptimizer", "config": config})
    assert made.get_config() == inner.get_config()


def test_names_and_messages():
    assert isinstance(optimizers.get("adam_w"), optimizers.AdamW) and isinstance(optimizers.get("SGD"), optimizers.SGD)
    assert isinstance(optimizers.get({"class_name": "Custom>Adam", "config": {"jit_compile": True}}), optimizers.Adam)
    with pytest.raises(ValueError, match="Did you mean 'adam'"):
        optimizers.get("adm")
    with pytest.raises(TypeError, match="type int"):
        optimizers.get(3)
    with pytest.raises(ValueError, match=r"does not know the argument\(s\) \['momentom'\]"):
        optimizers.SGD(momentom=0.9)
    with pytest.raises(ValueError, match="At most one of"):
        optimizers.Adam(clipnorm=1.0, clipvalue=0.5)
    with pytest.raises(TypeError, match="must be a number or a LearningRateSchedule"):
        optimizers.Adam("fast")


def test_learning_rate_is_settable_unless_scheduled():
    optimizer = optimizers.Adam(0.1)
    optimizer.learning_rate = 0.02
    assert optimizer.learning_rate == optimizer.lr == optimizer.learning_rate_at(7) == 0.02
    scheduled = optimizers.Adam(schedules.ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(TypeError, match="follows a ExponentialDecay"):
        scheduled.learning_rate = 0.1
    scheduled.iterations = 10
    assert scheduled.learning_rate == pytest.approx(0.05)
    scheduled.learning_rate = schedules.ExponentialDecay(1.0, 10, 0.5)
    assert scheduled.learning_rate == pytest.approx(0.5)


def test_legacy_decay_and_clipnorm():
    optimizer = optimizers.SGD(lr=0.1, decay=0.5, clipnorm=1.0)
    assert optimizer.learning_rate_at(2) == pytest.approx(0.05)
    assert optimizer.global_clipnorm == 1.0 and optimizer.clipnorm is None


@pytest.mark.parametrize(("name", "options", "old"), [
    ("Adagrad", {"initial_accumulator_value": 0.0}, {"lr": 0.01, "epsilon": 1e-7}),
    ("RMSprop", {}, {"lr": 0.01, "epsilon": 1e-7}),
    ("Nadam", {}, {"lr": 0.01, "epsilon": 1e-7}),
    ("Adam", {"clipnorm": 0.3}, {"lr": 0.01, "epsilon": 1e-7, "clipnorm": 0.3}),
])
def test_an_optimizer_follows_the_keras_that_wrote_a_model(name, options, old):
    rule = getattr(optimizers, name)
    follower = rule(0.01, **{key: value for key, value in options.items() if key == "clipnorm"})
    follower.follow("2.2.4")
    unmoved, expected = rule(0.01), rule(**old)
    unmoved.follow("3.15.1")
    unmoved.follow("2.15.0")
    assert unmoved.get_config() == rule(0.01).get_config()
    weights = [[np.full(3, 0.01, np.float32), np.ones(2, np.float32)] for _ in range(2)]
    for scale in (1e-7, 1e-3, 1.0):
        follower.apply([np.full(3, scale), np.ones(2)], weights[0])
        expected.apply([np.full(3, scale), np.ones(2)], weights[1])
    np.testing.assert_array_equal(np.concatenate(weights[0]), np.concatenate(weights[1]))


@pytest.mark.parametrize(("rule", "state_rests"), [
    (lambda: optimizers.SGD(0.1, momentum=0.9), True),
    (lambda: optimizers.RMSprop(0.1, momentum=0.9), True),
    (optimizers.Adadelta, True),
    (optimizers.Adamax, True),
    (optimizers.Nadam, False),
])
@pytest.mark.parametrize(("version", "lazy"), [
    ("2.8.0", True), ("2.2.4-tf", True), ("2.2.4", False), ("2.11.0", False),
])
def test_rows_that_no_sample_touched(rule, state_rests, version, lazy):
    """tf.keras before 2.11 hands its optimizers the touched rows alone, and most of its rules move nothing else."""
    optimizer = rule()
    optimizer.follow(version)
    part = Slice.whole(["embedding/embeddings", "dense/kernel"], [(3, 2), (2, 1)])
    weights = np.arange(1.0, 9.0, dtype=np.float32)
    state = optimizer.create_state(weights)
    optimizer.step(weights, np.ones(8, np.float32), state, 0, part)
    before = [vector.copy() for vector in (weights, *state.values())]
    gradient = np.ones(8, np.float32)
    gradient[[2, 3, 4, 6]] = 0.0  # all of the second row, half of the third, a number of the kernel
    optimizer.step(weights, gradient, state, 1, part)
    moved = np.array([now != then for now, then in zip((weights, *state.values()), before, strict=True)])
    assert moved.any(axis=0)[[0, 1, 4, 5, 6, 7]].all()
    assert moved[1:, 2:4].any() == (not lazy or not state_rests)
    assert not lazy or not moved[0, 2:4].any()


def test_ftrl_leaves_the_first_values_of_untouched_rows():
    part = Slice.whole(["embedding/embeddings"], [(2, 2)])
    for version, expected in (("2.8.0", 1.0), ("2.15.0", 0.0)):
        optimizer, weights = optimizers.Ftrl(), np.ones(4, np.float32)
        optimizer.follow(version)
        optimizer.step(weights, np.array([1, 1, 0, 0], np.float32), optimizer.create_state(weights), 0, part)
        assert list(weights[2:]) == [expected, expected]


def test_accumulation_updates_with_the_mean():
    weights, expected = [np.ones(3, np.float32)], [np.ones(3, np.float32)]
    gradients = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    optimizer, plain = optimizers.Adam(0.1, gradient_accumulation_steps=3), optimizers.Adam(0.1)
    for step, gradient in enumerate(gradients):
        before = weights[0].copy()
        optimizer.apply([gradient], weights)
        if step % 3 == 2:
            plain.apply([gradients[step - 2 : step + 1].mean(axis=0)], expected)
            np.testing.assert_allclose(weights[0], expected[0], rtol=1e-6)
        else:
            np.testing.assert_array_equal(weights[0], before)


def test_moving_average_replaces_the_weights_at_the_end():
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    weights = np.zeros(2, np.float32)
    state = optimizer.create_state(weights)
    seen = []
    for step in range(3):
        optimizer.step(weights, -np.ones(2, np.float32), state, step)
        seen.append(weights.copy())
    np.testing.assert_array_equal(seen, [[1, 1], [2, 2], [3, 3]])
    optimizer.finalize(weights, state)
    np.testing.assert_allclose(weights, 0.5 * (0.5 * 1 + 0.5 * 2) + 0.5 * 3)


def test_apply_explains_what_does_not_fit():
    with pytest.raises(ValueError, match="2 gradients for 1 weights"):
        optimizers.SGD().apply([np.ones(2)] * 2, [np.ones(2, np.float32)])
    with pytest.raises(ValueError, match=r"\[\(3,\)\] for weights of shapes \[\(2,\)\]"):
        optimizers.SGD().apply([np.ones(3)], [np.ones(2, np.float32)])


@pytest.mark.parametrize("name", registry.names("schedule"))
def test_every_schedule_has_a_row_in_the_table(name):
    assert name in {type(schedule).__name__ for schedule, *_ in SCHEDULES}


SCHEDULES = [
    (schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True), 15, 0.05),
    (schedules.PiecewiseConstantDecay([10, 20], [0.1, 0.2, 0.3]), 10, 0.1),
    (schedules.PolynomialDecay(0.1, 10, 0.0, cycle=True), 15, 0.025),
    (schedules.InverseTimeDecay(0.1, 2, 0.5, staircase=True), 5, 0.05),
    (schedules.CosineDecay(0.1, 10, alpha=0.1), 10, 0.01),
    (schedules.CosineDecayRestarts(0.1, 5, t_mul=1.0, m_mul=0.5), 5, 0.05),
    (schedules.Default(0.5, 0.1), 2, 0.05),
    (schedules.Poly(2.0, 10, 0.1), 5, 0.025),
    (schedules.Poly(2.0, 10, 0.1), 11, 0.0),
    (schedules.Exponential(10, 0.5, True, 0.1), 15, 0.05),
    (schedules.Exponential(10, 0.25, initial_learning_rate=0.1), 5, 0.05),
    (schedules.NaturalExp(5, 0.1, 0.1), 11, 0.1 * math.exp(-0.2)),
    (schedules.Step(3, 0.5, 0.1), 7, 0.025),
    (schedules.MultiStep([3, 8], 0.1, 0.1), 8, 0.001),
    (schedules.Warmup(0.01, 0.1), 5, 0.15),
    (schedules.EpochStep(2, 0.5, 10, 0.1), 41, 0.025),
    (schedules.EpochDecay(math.isqrt, 10, 0.1), 30, 0.001),
    (schedules.EpochDecayWithWarmUp(4, 0.1, math.isqrt, 10, 0.1), 3, 0.4),
    (schedules.EpochDecayWithWarmUp(4, 0.1, math.isqrt, 10, 0.1), 4, 0.05),
    (schedules.EpochDecayWithWarmUp(4, 0.1, math.isqrt, 10, 0.1), 30, 0.005),
    (schedules.EpochSchedule([[1, 2, 0.5], [3, 4, 0.25]], 10, 0.1), 20, 0.25),
    (schedules.EpochSchedule([[1, 2, 0.5]], 10, 0.1), 20, 0.1),
    (schedules.PolyEpochDecay(1.0, 4, 10, 0.1), 25, 0.05),
    (schedules.SequentialSchedule(10, 0.1).add(schedules.Warmup(0.1), 4).add(schedules.Poly(1.0, 10), 10), 3, 0.4),
    (schedules.SequentialSchedule(10, 0.1).add(schedules.Warmup(0.1), 4).add(schedules.Poly(1.0, 10), 10), 9, 0.25),
    (schedules.WarmupLinearDecay(0.1, 100, initial_learning_rate=0.1), 5, 0.05),
    (schedules.WarmupLinearDecay(0.1, 100, initial_learning_rate=0.1), 75, 0.025),
    (schedules.WarmupLinearDecay(0.1, 100, "cosine", 0.1), 50, 0.05),
]


@pytest.mark.parametrize(("schedule", "step", "rate"), SCHEDULES)
def test_schedule(schedule, step, rate):
    assert schedule(step) == pytest.approx(rate)
    again = schedules.deserialize(schedules.serialize(schedule))
    assert type(again) is type(schedule) and again.get_config() == schedule.get_config()
    assert optimizers.get(optimizers.serialize(optimizers.SGD(schedule))).learning_rate_at(step) == pytest.approx(rate)


def test_schedules_take_the_rate_of_their_optimizer():
    schedule = schedules.SequentialSchedule(10).add(schedules.Warmup(0.1), 2).add(schedules.Step(1, 0.5), 5)
    assert schedule.starting_at(0.2)(3) == pytest.approx(0.2)
    assert schedule.starting_at(0.2)(0) == 0.2 and schedule(0) == 0.001
    with pytest.raises(TypeError, match="such as Warmup or Poly"):
        schedule.add(schedules.CosineDecay(0.1, 10), 3)


def test_schedule_messages():
    with pytest.raises(ValueError, match="one element more"):
        schedules.PiecewiseConstantDecay([1], [0.1])
    with pytest.raises(ValueError, match="increase strictly"):
        schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="greater than 0"):
        schedules.CosineDecay(0.1, 0)


def test_averages_of_keras_2_begin_with_the_weights():
    weights = np.float32([1.0])
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.75)
    optimizer.follow("2.15.0")
    state = optimizer.create_state(weights)
    optimizer.step(weights, np.float32([0.5]), state, 0)
    assert state["average"] == pytest.approx(0.75 * 1.0 + 0.25 * 0.5)


def test_nadam_of_keras_2_begins_its_product_anew_where_a_file_ends():
    part = Slice.whole(["kernel", "bias"], [(1,), (1,)])
    weights = [np.zeros(2, np.float32) for _ in range(2)]
    for vector, iteration in zip(weights, (0, 5), strict=True):
        optimizer = optimizers.Nadam()
        optimizer.follow("2.15.0")
        optimizer.resume(iteration)
        optimizer.step(vector, np.ones(2, np.float32), optimizer.create_state(vector), iteration, part)
    u = [0.9 * (1 - 0.5 * 0.96**step) for step in (6, 7)]
    for variable, turns in ((0, 1), (1, 2)):
        product = u[0] ** turns
        top = u[1] * 0.1 / (1 - product * u[1]) + (1 - u[0]) / (1 - product)
        expected = -0.001 * top / (math.sqrt(0.001 / (1 - 0.999**6)) + 1e-7)
        assert weights[1][variable] == pytest.approx(expected, rel=1e-5)


def test_the_rules_that_keras_2_kept_as_legacy():
    optimizer = optimizers.RMSprop.from_config({"learning_rate": 0.1, "momentum": 0.5, "is_legacy_optimizer": True})
    optimizer.follow("2.15.0")
    assert optimizer.legacy and optimizer.get_config()["decay"] == 0.0
