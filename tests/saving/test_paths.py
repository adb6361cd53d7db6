"""Models travel to and from any file system that pyarrow opens, whole or not at all."""

import time
from types import SimpleNamespace

import numpy as np
import pyarrow.fs
import pytest

import bigdl_keras as bk
from bigdl_keras.saving import Limits, paths


@pytest.fixture
def model():
    bk.set_random_seed(2)
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(2, name="only")])
    model.compile("sgd", "mse")
    return model


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store behind the URIs store://...: a file system that is not the local one; its folder."""
    folder = pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())
    original = paths.open_filesystem

    def opened(path, what="The file"):
        text = str(path)
        return (folder, text.removeprefix("store://")) if text.startswith("store://") else original(path, what)

    monkeypatch.setattr(paths, "open_filesystem", opened)
    return tmp_path


def same_predictions(one, other):
    x = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(one.predict(x, verbose=0), other.predict(x, verbose=0))


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("scheme", ["store://", "file://"])
def test_models_go_to_a_uri_and_come_back(store, model, scheme, ending):
    place = f"{scheme}{store if scheme == 'file://' else ''}/models/first/m{ending}"
    model.save(place)
    same_predictions(bk.models.load_model(place), model)
    assert [file.name for file in (store / "models" / "first").iterdir()] == [f"m{ending}"]


def test_weights_go_to_a_uri_and_come_back(store, model):
    model.save_weights("store://w/m.weights.h5")
    other = bk.models.clone_model(model)
    report = other.load_weights("store://w/m.weights.h5")
    assert report.matched == ["only"]
    same_predictions(other, model)


def test_existing_file_is_replaced_only_if_asked(store, model):
    model.save("store://m.keras")
    model.set_weights([array + 1 for array in model.get_weights()])
    with pytest.raises(FileExistsError, match=r"store://m.keras exists"):
        model.save("store://m.keras", overwrite=False)
    model.save("store://m.keras")
    same_predictions(bk.models.load_model("store://m.keras"), model)


def test_errors_name_the_uri(store):
    with pytest.raises(ValueError, match=r"File not found: 'store://nowhere.keras' does not exist"):
        bk.models.load_model("store://nowhere.keras")
    (store / "prose.keras").write_text("this is prose")
    with pytest.raises(ValueError, match=r"File 'store://prose.keras' cannot be read: it is neither"):
        bk.models.load_model("store://prose.keras")
    with pytest.raises(ValueError, match=r"'strange://x/m.keras' cannot be opened: .* file system"):
        bk.models.load_model("strange://x/m.keras")


def test_what_is_too_large_is_not_fetched(store, model):
    model.save("store://m.keras")
    with pytest.raises(ValueError, match="more than the 20 allowed"), \
            paths.fetched("store://m.keras", Limits(max_array_bytes=10, max_text_bytes=10)):
        pass


def test_failed_write_leaves_nothing(store, model, monkeypatch):
    def refuse(*_):
        raise OSError("no room")

    monkeypatch.setattr(paths, "move_over", refuse)
    with pytest.raises(ValueError, match=r"File 'store://w/m.keras' cannot be written: no room"):
        model.save("store://w/m.keras")
    assert list((store / "w").iterdir()) == []


def test_databricks_paths_are_those_of_its_mount():
    files, place = paths.open_filesystem("dbfs:/models/m.keras")
    assert (files.type_name, place) == ("local", "/dbfs/models/m.keras")


def test_requests_to_google_end():
    """Without a limit pyarrow asks again for a quarter of an hour; one that the URI gives is kept."""
    assert paths._with_deadline("gs://b/m.keras") == "gs://b/m.keras?retry_limit_seconds=30"
    assert paths._with_deadline("gs://b/m?scheme=http") == "gs://b/m?scheme=http&retry_limit_seconds=30"
    assert paths._with_deadline("s3://b/m?region=x") == "s3://b/m?region=x"
    uri = "gs://anonymous@b/m.keras?scheme=http&endpoint_override=127.0.0.1:1&retry_limit_seconds=1"
    assert paths._with_deadline(uri) == uri
    started = time.monotonic()
    with pytest.raises(ValueError, match=r"m\.keras.* cannot be fetched"):
        bk.models.load_model(uri)
    assert time.monotonic() - started < 60


def test_what_hdfs_needs_is_told(monkeypatch):
    def without_libhdfs(uri):
        raise OSError("Unable to load libhdfs")

    monkeypatch.setattr(pyarrow.fs, "FileSystem", SimpleNamespace(from_uri=without_libhdfs))
    with pytest.raises(ValueError, match=r"hdfs://n/m\.keras.*libhdfs.*HADOOP_HOME.*CLASSPATH"):
        paths.open_filesystem("hdfs://n/m.keras")
