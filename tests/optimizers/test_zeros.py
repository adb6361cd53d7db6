"""What rules say of weights without a gradient is what they do with them: rows are left out by it."""

import numpy as np
import pytest

from bigdl_keras import optimizers, registry
from bigdl_keras.keras1.optim_methods import TorchSGD

RULES = [rule for rule in dict.fromkeys(registry.find("optimizer", name) for name in registry.names("optimizer"))
         if rule.__module__.startswith("bigdl_keras.optimizers.") and rule is not optimizers.MultiOptimizer]
RESTING = [
    (optimizers.SGD, {}), (optimizers.SGD, {"clipvalue": 0.3}), (optimizers.SGD, {"clipvalue": (0.0, 0.3)}),
    (optimizers.SGD, {"lr": 0.1, "decay": 0.1}), (optimizers.Adagrad, {}), (optimizers.Adagrad, {"lr": 0.1}),
    (optimizers.RMSprop, {}), (optimizers.RMSprop, {"lr": 0.1}), (optimizers.Adadelta, {}), (TorchSGD, {}),
]
MOVING = [
    (optimizers.SGD, {"momentum": 0.9}), (optimizers.SGD, {"weight_decay": 0.1}),
    (optimizers.SGD, {"clipvalue": (0.1, 0.3)}), (optimizers.SGD, {"gradient_accumulation_steps": 2}),
    (optimizers.SGD, {"use_ema": True, "ema_overwrite_frequency": 2}), (optimizers.RMSprop, {"momentum": 0.9}),
    (TorchSGD, {"momentum": 0.9}), (TorchSGD, {"weightdecay": 0.1}),
]


def run(optimizer, steps=6, size=60):
    """Whether weights, and whether slots too, kept every bit in all steps in which their gradient was 0."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=size).astype(np.float32)
    state = optimizer.create_state(weights)
    kept, kept_slots = True, True
    for iteration in range(steps):
        gradient = np.where(rng.uniform(size=size) < 0.5, rng.normal(size=size), 0.0).astype(np.float32)
        zero, before = gradient == 0, weights.copy()
        slots = {name: vector.copy() for name, vector in state.items()}
        optimizer.step(weights, gradient, state, iteration)
        kept &= weights[zero].tobytes() == before[zero].tobytes()
        kept_slots &= all(state[name][zero].tobytes() == slots[name][zero].tobytes() for name in state)
    return kept, kept and kept_slots


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_says_what_it_does(rule):
    optimizer = rule()
    if rule.layerwise:  # norms of whole variables may be infinite or NaN
        assert not optimizer.leaves_zeros
    else:
        assert (optimizer.leaves_zeros, optimizer.skips_zeros) == run(optimizer)


@pytest.mark.parametrize(("rule", "options"), RESTING)
def test_options_that_let_weights_rest(rule, options):
    optimizer = rule(**options)
    assert optimizer.leaves_zeros
    assert run(optimizer) == (True, optimizer.skips_zeros)


@pytest.mark.parametrize(("rule", "options"), MOVING)
def test_options_that_move_all_weights(rule, options):
    optimizer = rule(**options)
    assert (optimizer.leaves_zeros, optimizer.skips_zeros) == run(optimizer) == (False, False)


@pytest.mark.parametrize("options", [{"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"use_ema": True}])
def test_options_that_need_all_weights(options):
    """Norms may be infinite or NaN, and averages move by themselves."""
    assert not optimizers.SGD(**options).leaves_zeros


@pytest.mark.parametrize(("rule", "options"), [case for case in RESTING if case[0](**case[1]).skips_zeros])
def test_a_step_on_the_others_alone_is_the_step(rule, options):
    rng, size = np.random.default_rng(1), 90_001
    whole = rng.normal(size=size).astype(np.float32)
    state = rule(**options).create_state(whole)
    few, few_state = whole.copy(), {name: vector.copy() for name, vector in state.items()}
    for iteration in range(3):
        gradient = np.where(rng.uniform(size=size) < 0.2, rng.normal(size=size), 0.0).astype(np.float32)
        some = np.flatnonzero(gradient)
        part, part_state = few[some], {name: vector[some] for name, vector in few_state.items()}
        rule(**options).step(part, gradient[some], part_state, iteration)
        few[some] = part
        for name in few_state:
            few_state[name][some] = part_state[name]
        rule(**options).step(whole, gradient, state, iteration)
    assert few.tobytes() == whole.tobytes()
    for name in state:
        assert few_state[name].tobytes() == state[name].tobytes()


def test_a_rule_that_is_rewritten_promises_nothing():
    class Drifting(optimizers.SGD):
        def update(self, weights, *arguments, **named):
            weights += 1.0

    assert not Drifting().leaves_zeros
    assert not run(Drifting())[0]
