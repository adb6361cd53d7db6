"""Event files as the real TensorBoard reads them, and as we read them back."""

import pickle
import threading

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bigdl_keras.summary import EventFile, TrainSummary, ValidationSummary, read_scalars


def accumulate(folder):
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    return reader.Reload()


def test_the_real_reader_sees_what_was_written(tmp_path):
    summary = TrainSummary(tmp_path, "app")
    for step in range(1, 101):
        summary.add_scalar("Loss", 1.0 / step, step)
    values = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    summary.add_histogram("dense/kernel", values, 100)
    summary.close()
    reader = accumulate(tmp_path / "app" / "train")
    points = reader.Scalars("Loss")
    assert [point.step for point in points] == list(range(1, 101))
    np.testing.assert_allclose([point.value for point in points], 1.0 / np.arange(1, 101), rtol=1e-6)
    [event] = reader.Histograms("dense/kernel")
    histogram = event.histogram_value
    assert event.step == 100 and histogram.num == 1000
    np.testing.assert_allclose([histogram.min, histogram.max, histogram.sum],
                               [values.min(), values.max(), values.sum(dtype=np.float64)], rtol=1e-5)
    assert sum(histogram.bucket) == 1000


def test_read_scalar_reads_what_is_not_yet_flushed(tmp_path):
    summary = ValidationSummary(tmp_path, "app", flush_seconds=1000)
    assert summary.read_scalar("accuracy").shape == (0, 3)
    summary.add_scalar("accuracy", 0.5, 10)
    summary.add_scalar("accuracy", 0.75, 20)
    rows = summary.read_scalar("accuracy")
    np.testing.assert_array_equal(rows[:, :2], [[10, 0.5], [20, 0.75]])
    assert rows[0, 2] > 1.6e9
    assert summary.folder == str(tmp_path / "app" / "validation")


def test_curves_are_live_while_training(tmp_path):
    file = EventFile(tmp_path, flush_seconds=0)
    for step in range(3):
        file.scalar("Loss", step, step)
        assert len(read_scalars(tmp_path)["Loss"]) == step + 1
        assert len(accumulate(tmp_path).Scalars("Loss")) == step + 1


def test_a_second_training_continues_the_curve(tmp_path):
    for start in (0, 5):
        summary = TrainSummary(tmp_path, "app")
        for step in range(start, start + 5):
            summary.add_scalar("Loss", step, step)
        summary.close()
        summary.add_scalar("Loss", 99, start + 100)  # after close: another file of the same folder
        summary.close()
    rows = TrainSummary(tmp_path, "app").read_scalar("Loss")
    assert rows[:, 0].tolist() == [*range(10), 100, 105]


def test_a_torn_or_damaged_tail_ends_the_reading(tmp_path, caplog):
    file = EventFile(tmp_path)
    for step in range(10):
        file.scalar("Loss", step, step)
    file.close()
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert len(read_scalars(tmp_path)["Loss"]) == 9 and not caplog.records
    path.write_bytes(whole[:-3] + bytes(3))
    assert len(read_scalars(tmp_path)["Loss"]) == 9 and "damaged" in caplog.text
    size = (len(whole) - 40) // 10
    middle = len(whole) - 5 * size - size // 2
    path.write_bytes(whole[:middle] + b"\xff" * 8 + whole[middle + 8 :])
    assert 0 < len(read_scalars(tmp_path)["Loss"]) < 9
    path.write_bytes(b"\xff" * 100)
    assert read_scalars(tmp_path) == {}


def test_reads_files_of_other_writers(tmp_path):
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    for step, tensor in enumerate((TensorProto(dtype=1, float_val=[0.25]),
                                   TensorProto(dtype=1, tensor_content=np.float32(0.5).tobytes()))):
        value = summary_pb2.Summary.Value(tag="epoch_loss", tensor=tensor)
        writer.add_event(event_pb2.Event(step=step, summary=summary_pb2.Summary(value=[value])))
    writer.close()
    assert [(point.step, point.value) for point in read_scalars(tmp_path)["epoch_loss"]] == [(0, 0.25), (1, 0.5)]


@pytest.mark.parametrize("values", [np.zeros(5), np.array([3.0]), np.array([np.nan, 1.0, np.inf, 2.0]),
                                    np.array([np.nan]), np.zeros((0, 3))])
def test_histograms_of_odd_values(tmp_path, values):
    file = EventFile(tmp_path)
    file.scalar("x", 1, 1)
    file.histogram("h", values, 1)
    file.close()
    finite = int(np.isfinite(values).sum())
    tags = accumulate(tmp_path).Tags()["histograms"]
    assert tags == (["h"] if finite else [])
    if finite:
        assert accumulate(tmp_path).Histograms("h")[0].histogram_value.num == finite


def test_triggers(tmp_path):
    summary = TrainSummary(tmp_path, "app")
    assert summary.is_due("Loss", 1, 2) and not summary.is_due("Parameters", 1, 2)
    assert summary.set_summary_trigger("Parameters", lambda before, now: now % 2 == 0) is summary
    assert summary.is_due("Parameters", 1, 2) and not summary.is_due("Parameters", 2, 3)
    with pytest.raises(ValueError, match="Did you mean 'Throughput'"):
        summary.set_summary_trigger("Throughputs", bool)


def test_nothing_is_made_before_the_first_value(tmp_path):
    summary = TrainSummary(tmp_path, "app")
    summary.flush()
    summary.close()
    assert list(tmp_path.iterdir()) == []


def test_writers_of_several_threads_and_pickles(tmp_path):
    file = EventFile(tmp_path)
    threads = [threading.Thread(target=lambda k=k: [file.scalar(f"t{k}", i, i) for i in range(50)]) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.flush()
    assert {tag: len(points) for tag, points in read_scalars(tmp_path).items()} == {f"t{k}": 50 for k in range(4)}
    assert pickle.loads(pickle.dumps(file)).directory == str(tmp_path)
