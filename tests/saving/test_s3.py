"""Models, weights and checkpoints go to a server that speaks the protocol of S3, and come back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.fs
import pytest

import bigdl_keras as bk
from bigdl_keras.__main__ import main

server = pytest.importorskip("moto.server", reason="the test extra installs moto's S3 server")


@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[Any, str]]:
    """(file system, query of URIs) of a server in this process that has a bucket 'models'."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    endpoint = f"{host}:{port}"
    files = pyarrow.fs.S3FileSystem(access_key="key", secret_key="secret", scheme="http", endpoint_override=endpoint,
                                    region="us-east-1", allow_bucket_creation=True)
    files.create_dir("models")
    yield files, f"?scheme=http&endpoint_override={endpoint}&region=us-east-1"
    running.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def model() -> Any:
    bk.set_random_seed(2)
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(2)])
    model.compile("adam", "mse")
    return model


X = np.arange(24, dtype="float32").reshape(8, 3) / 24
Y = X[:, :2]


@pytest.mark.parametrize("name", ["m.keras", "deep/folder/m.h5"])
def test_models(bucket: tuple[Any, str], model: Any, name: str) -> None:
    files, query = bucket
    model.train_on_batch(X, Y)
    place = f"s3://models/{name}{query}"
    model.save(place)
    assert files.get_file_info(f"models/{name}").is_file
    back = bk.models.load_model(place)
    np.testing.assert_array_equal(back.predict(X, verbose=0), model.predict(X, verbose=0))
    assert back.optimizer.iterations == 1
    with pytest.raises(FileExistsError):
        model.save(place, overwrite=False)


def test_weights(bucket: tuple[Any, str], model: Any) -> None:
    place = f"s3://models/m.weights.h5{bucket[1]}"
    model.save_weights(place)
    other = bk.models.clone_model(model)
    other.load_weights(place)
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_what_is_not_there(bucket: tuple[Any, str]) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        bk.models.load_model(f"s3://models/none.keras{bucket[1]}")
    with pytest.raises(ValueError, match=r"none/m\.keras"):
        bk.models.load_model(f"s3://none/m.keras{bucket[1]}")


def test_checkpoints(bucket: tuple[Any, str], model: Any) -> None:
    files, query = bucket
    kept = bk.callbacks.ModelCheckpoint(f"s3://models/epochs/{{epoch}}.keras{query}")
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[kept])
    selector = pyarrow.fs.FileSelector("models/epochs")
    assert sorted(info.base_name for info in files.get_file_info(selector)) == ["1.keras", "2.keras"]
    back = bk.models.load_model(f"s3://models/epochs/2.keras{query}")
    np.testing.assert_array_equal(back.predict(X, verbose=0), model.predict(X, verbose=0))


def test_the_whole_state_of_a_fit(bucket: tuple[Any, str], model: Any) -> None:
    files, query = bucket
    model.set_checkpoint(f"s3://models/state{query}", over_write=True)
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    selector = pyarrow.fs.FileSelector("models/state", recursive=True)
    assert any("checkpoint" in info.path and info.is_file for info in files.get_file_info(selector))


def test_a_fit_goes_on_from_a_checkpoint(bucket: tuple[Any, str], model: Any) -> None:
    place = f"s3://models/going_on{bucket[1]}"
    begun, again = bk.models.clone_model(model), bk.models.clone_model(model)
    begun.set_weights(model.get_weights())
    for one in (begun, again):
        one.compile("adam", "mse")
        one.set_checkpoint(place, over_write=False)
    begun.fit(X, Y, batch_size=4, epochs=2, seed=1, verbose=0)
    with pytest.raises(FileExistsError, match="resume=True"):
        again.fit(X, Y, batch_size=4, epochs=3, seed=1, verbose=0)
    again.fit(X, Y, batch_size=4, epochs=3, seed=1, verbose=0, resume=True)
    model.fit(X, Y, batch_size=4, epochs=3, seed=1, verbose=0)
    assert again.optimizer.iterations == model.optimizer.iterations == 6
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_the_command_line(bucket: tuple[Any, str], model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    query = bucket[1]
    model.save(f"s3://models/line.keras{query}")
    assert main(["inspect", f"s3://models/line.keras{query}"]) == 0
    assert "Weights: 2 arrays, 32 bytes" in capsys.readouterr().out
    for ending in (".h5", ".weights.h5", ".json"):
        assert main(["convert", f"s3://models/line.keras{query}", f"s3://models/line{ending}{query}"]) == 0
    assert main(["convert", f"s3://models/line.json{query}", f"s3://models/again.keras{query}",
                 "--weights", f"s3://models/line.weights.h5{query}"]) == 0
    for name in ("line.h5", "again.keras"):
        back = bk.models.load_model(f"s3://models/{name}{query}")
        np.testing.assert_array_equal(back.predict(X, verbose=0), model.predict(X, verbose=0))
    assert main(["convert", f"s3://models/line.keras{query}", f"s3://models/line.h5{query}"]) == 1
    assert main(["inspect", f"s3://models/none.keras{query}"]) == 1
    errors = capsys.readouterr().err
    assert "--overwrite" in errors and "s3://models/none.keras" in errors
