import numpy as np
import pytest

from bigdl_keras.data import as_source


def test_nests_are_numbered_and_selected():
    x = {"b": np.zeros((4, 2)), "a": np.ones((4, 3), dtype=np.int32)}
    source = as_source(x, [0, 1, 0, 1], np.ones(4))
    assert source.structure.x == {"b": 1, "a": 0}
    assert (source.structure.y, source.structure.weights) == (2, 3)
    assert [column.name for column in source.columns] == ["x['a']", "x['b']", "y", "sample_weight"]
    assert [column.dtype for column in source.columns] == ["<i4", "<f4", "<i8", "<f4"]
    chosen = source.select([1, 2])
    assert [array.shape for array in chosen.read().arrays] == [(4, 2), (4,)]
    assert [array.shape for array in chosen.first] == [(1, 2), (1,)]
    assert chosen.rows == 4


@pytest.mark.parametrize(("x", "y", "error", "match"), [
    (np.zeros((4, 2)), np.zeros(3), ValueError, r"same number of rows.*x: 4, y: 3"),
    (np.array([[1, None]], dtype=object), None, TypeError, "`x` must be an array of numbers"),
    (np.array(["a"]), None, TypeError, "strings must be encoded"),
    (3.0, None, ValueError, "one row per sample"),
])
def test_bad_arrays(x, y, error, match):
    with pytest.raises(error, match=match):
        as_source(x, y)


def test_column_names_go_with_dataframes_only():
    with pytest.raises(TypeError, match="name columns of a DataFrame"):
        as_source(np.zeros((2, 2)), feature_cols="x")
