import logging

import numpy as np
import pytest
from pyarrow import fs

import bigdl_keras as bk
from bigdl_keras import callbacks, triggers
from bigdl_keras.engine.checkpoints import CheckpointFolder, TrainingState
from bigdl_keras.engine.progress import EpochSoFar


def state(iteration=12, **changes):
    rng = np.random.default_rng(iteration)
    fields = {
        "values": rng.normal(size=9).astype("float32"),
        "optimizer_state": {"momentum": rng.normal(size=7).astype("float32"), "velocity": np.ones(7, "float32")},
        "iteration": iteration, "epoch": 2, "so_far": EpochSoFar(3, 96, rng.normal(size=4)), "seed": 1 << 60,
        "learning_rate": 0.1, "stopped": True,
        "notes": {"callbacks": [["EarlyStopping", {"best": -np.inf, "wait": np.int64(2), "weights": [np.arange(6.0)]}]],
                  "logs": {"loss": [0.1, float("nan")]}, "nothing": None, "empty": {}},
    }
    return TrainingState(**{**fields, **changes})


def same(mine, theirs):
    np.testing.assert_equal(vars(mine.so_far), vars(theirs.so_far))
    np.testing.assert_equal({**vars(mine), "so_far": 0}, {**vars(theirs), "so_far": 0})


@pytest.mark.parametrize("where", ["local", "uri", "mock", "subtree"])
def test_what_is_written_is_read(tmp_path, where):
    folder = {
        "local": lambda: CheckpointFolder(tmp_path / "a" / "b"),
        "uri": lambda: CheckpointFolder(f"file://{tmp_path}/a"),
        "mock": lambda: CheckpointFolder("bucket/fit", fs._MockFileSystem()),
        "subtree": lambda: CheckpointFolder("fit", fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())),
    }[where]()
    assert folder.newest() is None
    folder.clear()
    folder.write(state(5))
    folder.write(state(12))
    folder.write(state(12, epoch=3))
    same(folder.newest(), state(12, epoch=3))
    assert folder.names() == ["checkpoint-0000000012.npz", "checkpoint-0000000005.npz"]
    folder.write(state(100))
    assert folder.names() == ["checkpoint-0000000100.npz", "checkpoint-0000000012.npz"]
    folder.write(state(7), alone=True)
    assert folder.names() == ["checkpoint-0000000007.npz"]
    folder.clear()
    assert folder.names() == []


def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, caplog):
    folder = CheckpointFolder(tmp_path, keep=4)
    for iteration in (1, 2, 3, 4):
        folder.write(state(iteration))
    whole = (tmp_path / folder.names()[0]).read_bytes()
    (tmp_path / folder.names()[0]).write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[whole.index(b"values.npy") + 150] ^= 4
    (tmp_path / folder.names()[1]).write_bytes(bytes(flipped))
    (tmp_path / folder.names()[2]).write_bytes(b"")
    (tmp_path / ".checkpoint-0000000009.npz-1234.part").write_bytes(whole[:100])
    (tmp_path / "notes.txt").write_text("mine")
    with caplog.at_level(logging.WARNING):
        same(folder.newest(), state(1))
    assert len(caplog.records) == 3
    assert "checkpoint-0000000004.npz cannot be read" in caplog.text
    assert "Falling back to the one before" in caplog.text
    folder.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interrupted_writer_leaves_the_old_ones(tmp_path, monkeypatch):
    folder = CheckpointFolder(tmp_path)
    folder.write(state(1))

    def fail(file, **arrays):
        file.write(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        folder.write(state(2))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000000001.npz"]


def test_nothing_in_a_checkpoint_executes(tmp_path):
    folder = CheckpointFolder(tmp_path)
    np.savez(tmp_path / "checkpoint-0000000001.npz", values=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="cannot be read"):
        folder.read("checkpoint-0000000001.npz")
    with pytest.raises(TypeError, match=r"plain data only.*notes\['x'\]\[1\].*get_state"):
        folder.write(state(notes={"x": [1, print]}))


@pytest.mark.parametrize("keep", [0, True, 1.5])
def test_keep_is_a_count(tmp_path, keep):
    with pytest.raises(ValueError, match="positive integer"):
        CheckpointFolder(tmp_path, keep=keep)


def test_an_unknown_file_system(tmp_path):
    with pytest.raises(ValueError, match=r"cannot be opened.*filesystem="):
        CheckpointFolder("gopher://there/x")


# ---- resume

ROWS = 60


def data():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, 6)).astype("float32")
    return x, (x.sum(axis=1) > 0).astype("int32") + (x[:, 0] > 1)


def model(optimizer="adam", synchronized=False):
    bk.set_random_seed(11)
    made = bk.Sequential([
        bk.Input((6,)), bk.layers.Dense(8, activation="relu"),
        bk.layers.BatchNormalization(synchronized=synchronized), bk.layers.Dropout(0.3),
        bk.layers.Dense(3, activation="softmax"),
    ])
    made.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


class Crash(callbacks.Callback):
    """Ends a fit after so many iterations, as a power cut would."""

    only_watches = True
    uses_weights = None

    def __init__(self, iteration):
        super().__init__()
        self.iteration = iteration

    def on_iteration_end(self, iteration):
        if iteration.iteration == self.iteration:
            raise KeyboardInterrupt


def steering():
    return [
        callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.5),
        callbacks.EarlyStopping("val_loss", patience=99, restore_best_weights=True),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    ]


def fit(made, extra=(), epochs=5, batch_size=8, **arguments):
    made.fit(*data(), batch_size=batch_size, epochs=epochs, verbose=0, validation_data=data(), engine="local",
             callbacks=[*steering(), *extra], **arguments)
    return made


def whole_state(made):
    return [*made.get_weights(), *(vector for _, vector in sorted(made.optimizer.state.items()))]


OPTIMIZERS = [lambda: "adam", lambda: bk.optimizers.SGD(0.1, momentum=0.9, use_ema=True, clipnorm=1.0)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("crash", [3, 8, 9, 17, 24, 40])
def test_resume_is_bit_equal(tmp_path, crash, optimizer):
    undisturbed = fit(model(optimizer()), seed=5)
    made = model(optimizer())
    made.set_checkpoint(str(tmp_path), triggers.SeveralIteration(7) | triggers.EveryEpoch())
    with pytest.raises(KeyboardInterrupt):
        fit(made, [Crash(crash)], seed=5)
    again = model(optimizer())
    again.set_checkpoint(str(tmp_path))
    fit(again, resume=True, seed=5 if crash < 7 else None)  # the seed is in the checkpoint, if there is one
    for mine, theirs in zip(whole_state(again), whole_state(undisturbed), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert again.history.history == undisturbed.history.history
    assert again.history.epoch == [0, 1, 2, 3, 4]
    assert again.optimizer.iterations == undisturbed.optimizer.iterations == 40


@pytest.mark.parametrize("workers", [(1, 3), (3, 2), (2, 2)])
def test_resume_on_another_number_of_workers(tmp_path, workers):
    undisturbed = fit(model(synchronized=True), seed=5, workers=workers[0])
    made = model(synchronized=True)
    made.set_checkpoint(tmp_path, triggers.SeveralIteration(7))
    with pytest.raises(KeyboardInterrupt):
        fit(made, [Crash(30)], seed=5, workers=workers[0])
    made = model(synchronized=True)
    made.set_checkpoint(tmp_path)
    fit(made, resume=True, workers=workers[1])
    exact = workers[0] == workers[1]
    for mine, theirs in zip(whole_state(made), whole_state(undisturbed), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=0 if exact else 1e-5, rtol=0)


def test_a_finished_fit_is_not_repeated(tmp_path):
    made = model()
    made.set_checkpoint(tmp_path)
    fit(made, epochs=2, seed=5)
    again = model()
    again.set_checkpoint(tmp_path)
    fit(again, epochs=2, resume=True)
    np.testing.assert_equal(again.get_weights(), made.get_weights())
    assert again.history.history == made.history.history
    fit(again, epochs=5, resume=True)
    np.testing.assert_equal(again.get_weights(), fit(model(), seed=5).get_weights())


def test_a_stopped_fit_stays_stopped(tmp_path):
    made = model()
    made.set_checkpoint(tmp_path)
    fit(made, seed=5, end_trigger=triggers.MaxIteration(13))
    assert made.optimizer.iterations == 13
    again = model()
    again.set_checkpoint(tmp_path)
    fit(again, resume=True)
    assert again.optimizer.iterations == 13
    np.testing.assert_equal(again.get_weights(), made.get_weights())


@pytest.mark.parametrize(("trigger", "iterations"), [
    (triggers.MaxEpoch(2), 16), (triggers.MinLoss(1e9), 1), (triggers.SeveralIteration(11), 11),
    (triggers.MaxScore(0.0), 8), (triggers.MaxScore(0.0) & triggers.MaxIteration(9), 16)])
def test_the_end_by_a_trigger(trigger, iterations):
    assert fit(model(), end_trigger=trigger).optimizer.iterations == iterations


def test_a_fresh_fit_replaces_old_checkpoints(tmp_path):
    made = model()
    made.set_checkpoint(tmp_path)
    fit(made, epochs=3)
    fresh = model()
    fresh.set_checkpoint(str(tmp_path), over_write=False)
    with pytest.raises(FileExistsError, match=r"checkpoint-0000000024\.npz of an earlier fit.*resume=True"):
        fit(fresh)
    fresh.set_checkpoint(str(tmp_path), True)
    fit(fresh, epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000000008.npz"]


def test_backup_and_restore(tmp_path):
    undisturbed = fit(model(), seed=5)
    made, backup = model(), str(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        fit(made, [callbacks.BackupAndRestore(backup, save_freq=3), Crash(20)], seed=5)
    assert CheckpointFolder(backup).names()[0] == "checkpoint-0000000018.npz"
    again = model()
    fit(again, [callbacks.BackupAndRestore(backup, save_freq=3)], seed=6)
    np.testing.assert_equal(again.get_weights(), undisturbed.get_weights())
    assert again.history.history == undisturbed.history.history
    assert CheckpointFolder(backup).names() == []
    fit(model(), [callbacks.BackupAndRestore(backup, delete_checkpoint=False)], epochs=1)
    assert len(CheckpointFolder(backup).names()) == 1


def test_what_does_not_fit_is_refused(tmp_path):
    made = model()
    made.set_checkpoint(tmp_path, triggers.SeveralIteration(3))
    with pytest.raises(KeyboardInterrupt):
        fit(made, [Crash(4)])
    with pytest.raises(ValueError, match=r"middle of an epoch.*batch_size was 8 and is 9"):
        fit(made, batch_size=9, resume=True)
    with pytest.raises(ValueError, match="over 60 rows, but now there are 58"):
        made.fit(*(part[:58] for part in data()), batch_size=8, verbose=0, resume=True)
    made.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"optimizer state \['momentum', 'velocity'\], but SGD keeps"):
        fit(made, resume=True)
    other = bk.Sequential([bk.Input((6,)), bk.layers.Dense(3)])
    other.compile("adam", "mse")
    with pytest.raises(ValueError, match="Name it first"):
        fit(other, resume=True)
    other.set_checkpoint(tmp_path)
    with pytest.raises(ValueError, match=r"of another model: its weight 'dense.*/kernel' has shape \(6, 8\)"):
        other.fit(data()[0], data()[0][:, :3], resume=True)
    with pytest.raises(TypeError, match="Call the class"):
        other.set_checkpoint(tmp_path, triggers.EveryEpoch)


def test_an_epoch_may_be_cut_otherwise_from_its_beginning_on(tmp_path, caplog):
    made = model()
    made.set_checkpoint(tmp_path)
    fit(made, epochs=1)
    fit(made, batch_size=9, epochs=2, resume=True)
    assert "batch_size was 8 and is 9" in caplog.text


def test_csv_files_go_on(tmp_path):
    def log(name, folder, *extra, **arguments):
        made = model()
        made.set_checkpoint(tmp_path / folder)
        fit(made, [callbacks.CSVLogger(tmp_path / name), *extra], **arguments)

    log("whole.csv", "one", seed=5)
    with pytest.raises(KeyboardInterrupt):
        log("parts.csv", "two", Crash(30), seed=5)
    log("parts.csv", "two", resume=True)
    assert (tmp_path / "parts.csv").read_text() == (tmp_path / "whole.csv").read_text()


@pytest.mark.spark
def test_a_fit_moves_to_spark(tmp_path, spark):
    undisturbed = fit(model(synchronized=True), seed=5)
    made = model(synchronized=True)
    made.set_checkpoint(tmp_path, triggers.SeveralIteration(7))
    with pytest.raises(KeyboardInterrupt):
        fit(made, [Crash(23)], seed=5)
    made = model(synchronized=True)
    made.set_checkpoint(tmp_path)
    x, y = data()
    rows = spark.sparkContext.parallelize(list(zip(x, y, strict=True)), 3)
    held = spark.sparkContext.parallelize(list(zip(x, y, strict=True)), 2)
    made.fit(rows, batch_size=8, epochs=5, verbose=0, validation_data=held, engine="barrier", workers=2, resume=True,
             callbacks=steering())
    for mine, theirs in zip(whole_state(made), whole_state(undisturbed), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert list(made.history.history) == list(undisturbed.history.history)
    for name, values in undisturbed.history.history.items():
        np.testing.assert_allclose(made.history.history[name], values, rtol=1e-4)
