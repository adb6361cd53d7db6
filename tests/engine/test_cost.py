import pytest

from bigdl_keras import ops
from bigdl_keras.data import Column
from bigdl_keras.engine import cost
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.parameters import ParameterVector, Variable


def dense_plan(units, states=False):
    import numpy as np

    weight, average = Variable(np.zeros((100, units), "float32")), Variable(np.zeros(100, "float32"), trainable=False)
    vector = ParameterVector([weight], [average])
    x = KerasTensor((None, 100))
    with tracing(True) as trace:
        result = ops.matmul(x, weight)
        if states:
            trace.updates.append((average, ops.mean(x, axis=0)))
    return compile_plan(trace, [x], [result], vector.spans)


COLUMNS = [Column("x", (100,), "float32")]


def test_work_is_counted():
    assert cost.multiply_adds(dense_plan(30), COLUMNS, 7) == 7 * 100 * 30


@pytest.mark.parametrize(("units", "rows", "states", "expected"), [
    (10, 32, False, 1), (1000, 200, False, 4), (1000, 110, False, 2), (1000, 200, True, 1), (100_000, 20, False, 2),
])
def test_team_size(monkeypatch, units, rows, states, expected):
    monkeypatch.setattr(cost, "cores", lambda: 64)
    assert cost.team_size(dense_plan(units, states), COLUMNS, rows) == expected
    monkeypatch.setattr(cost, "cores", lambda: 1)
    assert cost.team_size(dense_plan(units, states), COLUMNS, rows) == 1


def test_small_products_leave_blas_one_thread():
    assert cost.blas_threads(dense_plan(10), COLUMNS, 32) == 1
    assert cost.blas_threads(dense_plan(1000), COLUMNS, 1000) is None
