"""`bigdl_keras.utils`: windows of a series, and the small things that scripts of Keras call."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk

SERIES = np.arange(20.0).reshape(10, 2)


@pytest.mark.parametrize(("arguments", "starts", "step"), [
    ({"sequence_length": 3}, range(8), 1),
    ({"sequence_length": 3, "sequence_stride": 2, "sampling_rate": 2}, (0, 2, 4), 2),
    ({"sequence_length": 2, "start_index": 1, "end_index": 6}, range(1, 5), 1),
])
def test_windows_and_their_targets(arguments, starts, step):
    targets = np.arange(100, 110)
    batches = bk.utils.timeseries_dataset_from_array(SERIES, targets, batch_size=2, **arguments)
    windows, answers = (np.concatenate(part) for part in zip(*batches, strict=True))
    length = arguments["sequence_length"]
    expected = [SERIES[start:start + step * length:step] for start in starts]
    np.testing.assert_array_equal(windows, expected)
    np.testing.assert_array_equal(answers, targets[list(starts)])
    assert len(batches) == -(-len(list(starts)) // 2)


def test_windows_train_and_shuffle():
    batches = bk.utils.timeseries_dataset_from_array(SERIES[:-1], SERIES[1:, 0], 2, batch_size=3, shuffle=True, seed=1)
    np.testing.assert_array_equal(np.sort(np.concatenate([x[:, 0, 0] for x, _ in batches])), SERIES[:8, 0])
    model = bk.Sequential([bk.layers.GRU(2), bk.layers.Dense(1)])
    model.compile("adam", "mse")
    assert len(model.fit(batches, epochs=2, verbose=0).history["loss"]) == 2
    assert bk.utils.timeseries_dataset_from_array(SERIES, None, 2, batch_size=None)[1].shape == (2, 2)
    with pytest.raises(ValueError, match="No window of 11 rows"):
        bk.utils.timeseries_dataset_from_array(SERIES, None, 11)
    with pytest.raises(ValueError, match="must be positive"):
        bk.utils.timeseries_dataset_from_array(SERIES, None, 0)


def test_parts_of_a_batch():
    assert bk.utils.unpack_x_y_sample_weight((1, 2)) == (1, 2, None)
    assert bk.utils.unpack_x_y_sample_weight(1) == (1, None, None)
    assert bk.utils.pack_x_y_sample_weight([1]) == ([1],) and bk.utils.pack_x_y_sample_weight(1, 2) == (1, 2)
    with pytest.raises(ValueError, match="4 parts"):
        bk.utils.unpack_x_y_sample_weight((1, 2, 3, 4))
    assert bk.utils.is_keras_tensor(bk.Input((2,))) and not bk.utils.is_keras_tensor(np.ones(2))
