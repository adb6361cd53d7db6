import pickle
from itertools import pairwise

import pytest

from bigdl_keras.callbacks import Iteration
from bigdl_keras.engine import triggers
from bigdl_keras.engine.progress import Progress
from bigdl_keras.engine.triggers import (
    And,
    EveryEpoch,
    MaxEpoch,
    MaxIteration,
    MaxScore,
    MinLoss,
    Or,
    SeveralIteration,
    foreseeable,
)

MOMENTS = [Progress(0, 9), Progress(0, 10), Progress(1, 11), Progress(1, 12, loss=0.4), Progress(2, 20, score=0.9)]


def fired(trigger):
    """At which of the moments a trigger fires, from one to the next."""
    return [trigger(before, now) for before, now in pairwise(MOMENTS)]


@pytest.mark.parametrize(("trigger", "expected"), [
    (MaxIteration(11), [False, True, True, True]),
    (MaxEpoch(2), [False, False, False, True]),
    (EveryEpoch(), [False, True, False, True]),
    (SeveralIteration(5), [True, False, False, True]),
    (SeveralIteration(1), [True, True, True, True]),
    (SeveralIteration(7), [False, False, False, True]),
    (MaxScore(0.8), [False, False, False, True]),
    (MaxScore(0.9), [False, False, False, False]),
    (MinLoss(0.5), [False, False, True, False]),
    (MinLoss(0.4), [False, False, False, False]),
    (And(EveryEpoch(), SeveralIteration(5)), [False, False, False, True]),
    (Or(EveryEpoch(), SeveralIteration(5)), [True, True, False, True]),
    (EveryEpoch() & MaxScore(0.5) | MaxIteration(12), [False, False, True, True]),
])
def test_firing(trigger, expected):
    assert fired(trigger) == expected
    assert fired(pickle.loads(pickle.dumps(trigger))) == expected
    assert pickle.loads(pickle.dumps(trigger)) == trigger


def test_the_moments_of_summaries_will_do():
    before, now = (Iteration(count, 0, loss, 32, 0.1, 0.01) for count, loss in ((9, 2.0), (10, 0.5)))
    assert SeveralIteration(10)(before, now)
    assert MinLoss(1.0)(before, now)
    assert not MaxScore(0.0)(before, now)


@pytest.mark.parametrize("make", [lambda: MaxEpoch(0), lambda: MaxIteration(1.5), lambda: SeveralIteration(-3),
                                  lambda: MinLoss("low"), lambda: MaxScore(float("nan"))])
def test_nonsense_is_refused(make):
    with pytest.raises(ValueError, match=r"(MaxEpoch|MaxIteration|SeveralIteration|MinLoss|MaxScore) needs a "):
        make()


def test_only_triggers_compose():
    with pytest.raises(TypeError, match=r"`And` must be a trigger.*Call the class"):
        And(EveryEpoch)
    with pytest.raises(TypeError, match="`Or` must be a trigger"):
        Or(EveryEpoch(), 3)


def test_public_names():
    import bigdl_keras as bk

    assert bk.triggers is triggers
    for name in triggers.__all__:
        assert hasattr(bk.triggers, name)


@pytest.mark.parametrize(("trigger", "expected"), [
    (MaxIteration(3), True), (MaxEpoch(3), True), (EveryEpoch(), True), (SeveralIteration(3), True),
    (MinLoss(0.1), False), (MaxScore(0.1), False), (Or(EveryEpoch(), MaxEpoch(3)), True),
    (And(EveryEpoch(), MinLoss(3)), False), (Or(And(EveryEpoch(), MaxEpoch(2)), MaxScore(0.5)), False),
    (lambda before, now: True, False),
])
def test_what_is_known_beforehand(trigger, expected):
    assert foreseeable(trigger) is expected
