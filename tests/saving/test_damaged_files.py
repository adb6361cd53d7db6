"""Whatever a file holds, reading it ends with a model or a ValueError that names the file; nothing in it runs."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bigdl_keras import saving
from bigdl_keras.saving import Limits, StoreNode, StoreVariable

DATA = Path(__file__).resolve().parents[1] / "data" / "keras"
FILES = sorted(path for path in DATA.iterdir() if path.suffix in (".h5", ".keras"))
ROOT = StoreNode(
    "Sequential",
    "s",
    (),
    {
        "layers": (
            StoreNode("Dense", "dense", (StoreVariable("kernel", (6, 5)), StoreVariable("bias", (5,)))),
            StoreNode("Dense", "dense_1", (StoreVariable("kernel", (5, 3)), StoreVariable("bias", (3,)))),
        ),
    },
)


def read_all(path: Path) -> Any:
    """All that can be asked of a file."""
    file = saving.read_file(path)
    file.read_weights(ROOT, by_name=True, skip_mismatch=True)
    report = file.read_weights(ROOT, skip_mismatch=True)
    file.read_optimizer(ROOT)
    return report


def refuses(path: Path, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_all(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files(path: Path, part: float, tmp_path: Path) -> None:
    content = path.read_bytes()
    cut = tmp_path / path.name
    cut.write_bytes(content[: int(len(content) * part)])
    refuses(cut, "cannot be read")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    index=st.integers(0, len(FILES) - 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6),
)
def test_flipped_bytes(index: int, flips: list[tuple[float, int]], tmp_path: Path) -> None:
    path = FILES[index]
    content = bytearray(path.read_bytes())
    for place, change in flips:
        content[int(place * len(content))] ^= change
    damaged = tmp_path / path.name
    damaged.write_bytes(bytes(content))
    try:
        read_all(damaged)
    except ValueError as error:
        assert str(damaged) in str(error) or "optimizer" in str(error)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.h5", b"", "empty"),
        ("text.h5", b"hello, I am no model", "neither a HDF5"),
        ("pickle.keras", b"\x80\x04\x95cos\nsystem\n", "neither a HDF5"),
        ("half.keras", b"PK\x03\x04 and no more", "damaged"),
    ],
)
def test_other_kinds_of_files(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refuses(tmp_path / name, message)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        saving.read_file(tmp_path / "none.h5")
    with pytest.raises(ValueError, match="is a directory"):
        saving.read_file(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="is a TensorFlow SavedModel"):
        saving.read_file(tmp_path)


def members(path: Path = DATA / "k3_resume_adam.keras") -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(path: Path, parts: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "assets/../../evil", "C:/evil", "..\\evil"])
def test_members_that_would_leave_the_folder(name: str, tmp_path: Path) -> None:
    refuses(archive(tmp_path / "m.keras", {**members(), name: b"x"}), "leave its folder")
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]


def test_archives_with_parts_missing(tmp_path: Path) -> None:
    parts = members()
    refuses(
        archive(tmp_path / "a.keras", {key: parts[key] for key in parts if key != "config.json"}),
        "without 'config.json'",
    )
    refuses(
        archive(tmp_path / "b.keras", {key: parts[key] for key in parts if key != "model.weights.h5"}),
        "no 'model.weights.h5'",
    )


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "m.keras", {**members(), "config.json": b" " * (32 * 2**20)}, zipfile.ZIP_DEFLATED)
    refuses(bomb, "more than allowed")


def test_text_limits(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than"):
        saving.read_file(DATA / "k3_resume_adam.keras", limits=Limits(max_text_bytes=100))
    with pytest.raises(ValueError, match="bytes allowed"):
        saving.read_file(DATA / "k3_resume_adam.h5", limits=Limits(max_array_bytes=10)).read_weights(
            ROOT, by_name=True, skip_mismatch=True
        )


@pytest.fixture
def legacy(tmp_path: Path) -> Path:
    """A weights-only file with one layer 'dense' and one array 'w'."""
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.asarray([b"dense"])
        file.attrs["keras_version"] = "2.15.0"
        file.create_group("dense").attrs["weight_names"] = np.asarray([b"w"])
    return path


def test_links_are_not_followed(legacy: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones(3)
    with h5py.File(legacy, "a") as file:
        file["dense"]["w"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/secret")
    refuses(legacy, "ExternalLink; links .* are not followed")
    with h5py.File(legacy, "a") as file:
        del file["dense"]["w"]
        file["dense"]["w"] = h5py.SoftLink("/dense")
    refuses(legacy, "SoftLink; links .* are not followed")


def test_numbers_in_other_files_are_not_read(legacy: Path, tmp_path: Path) -> None:
    (tmp_path / "raw.bin").write_bytes(b"\0" * 400)
    with h5py.File(legacy, "a") as file:
        file["dense"].create_dataset("w", (10, 10), "f4", external=[(str(tmp_path / "raw.bin"), 0, h5py.h5f.UNLIMITED)])
    refuses(legacy, "in another file")
    with h5py.File(legacy, "a") as file:
        del file["dense"]["w"]
        layout = h5py.VirtualLayout(shape=(3,), dtype="f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "secret", shape=(3,))
        file["dense"].create_virtual_dataset("w", layout)
    refuses(legacy, "in another file")


def test_huge_shapes_are_refused_before_memory_is_given(legacy: Path) -> None:
    with h5py.File(legacy, "a") as file:
        file["dense"].create_dataset("w", (2**20, 2**20, 2**10), "f4", chunks=(1, 1, 1024))
    refuses(legacy, "says it has shape")
    with h5py.File(legacy, "a") as file:
        del file["dense"]["w"]
        file["dense"].create_dataset("w", (2**32,), "f4", chunks=(2**16,), compression="gzip")
    refuses(legacy, "says it has shape")


@pytest.mark.parametrize("dtype", [h5py.string_dtype(), "S8", np.dtype([("a", "f4")])])
def test_arrays_hold_numbers(legacy: Path, dtype: Any) -> None:
    with h5py.File(legacy, "a") as file:
        file["dense"].create_dataset("w", (2,), dtype)
    refuses(legacy, "not numbers")


def test_names_without_arrays(legacy: Path) -> None:
    refuses(legacy, "array 'w' is named in group '/dense' but is not there")
    with h5py.File(legacy, "a") as file:
        del file["dense"]
    refuses(legacy, "its group is missing")


def test_paths_in_names_stay_inside(legacy: Path) -> None:
    with h5py.File(legacy, "a") as file:
        file["dense"].attrs["weight_names"] = np.asarray([b"../../w"])
    refuses(legacy, "is not there")


def test_configs_that_are_no_models(tmp_path: Path) -> None:
    for config, message in (
        ("{", "not valid JSON"),
        ("[]", "Expected the JSON"),
        ("[" * 100_000, "nested|not valid"),
        (json.dumps({"class_name": "os.system", "module": "os", "config": {"command": "true"}}), "Expected the JSON"),
    ):
        path = tmp_path / "m.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = config
            file.create_group("model_weights").attrs["layer_names"] = np.zeros(0)
        refuses(path, message)


def test_foreign_modules_are_names_only(tmp_path: Path) -> None:
    parts = members()
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["module"] = "os"
    config["config"]["layers"][1]["class_name"] = "system"
    path = archive(tmp_path / "m.keras", {**parts, "config.json": json.dumps(config).encode()})
    with pytest.raises(ValueError, match="'system'"):
        saving.read_file(path, known_layers={"Dense", "BatchNormalization", "InputLayer"})


def test_a_hdf5_file_of_somebody_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["temperature"] = np.ones(3)
    refuses(tmp_path / "m.h5", "not one of Keras")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["temperature"] = np.ones(3)
    path = archive(tmp_path / "m.keras", {**members(), "model.weights.h5": content.getvalue()})
    assert saving.read_file(path).read_weights(ROOT, skip_mismatch=True).missing


def damaged_text(tmp_path: Path, change: Any) -> Path:
    """A genuine file after `change(content, place of its text heap)`."""
    content = bytearray((DATA / "k3_resume_adam.h5").read_bytes())
    change(content, content.find(b"GCOL"))
    path = tmp_path / "m.h5"
    path.write_bytes(bytes(content))
    return path


def test_a_text_heap_that_never_ends(tmp_path: Path) -> None:
    def stand_still(content: bytearray, heap: int) -> None:
        content[heap + 16 : heap + 32] = bytes(16)

    refuses(damaged_text(tmp_path, stand_still), "text heap")


def test_a_text_longer_than_its_reference_says(tmp_path: Path) -> None:
    def shorten(content: bytearray, heap: int) -> None:
        reference = content.find(struct.pack("<Q", heap))
        content[reference - 4 : reference] = struct.pack("<I", 1)

    refuses(damaged_text(tmp_path, shorten), "not 1 as its reference says")


def test_addresses_that_look_like_references_to_the_free_space_of_a_heap(tmp_path: Path) -> None:
    """Trees of large genuine files have them: the end of one address, the number 2048, an empty name."""
    def append(content: bytearray, heap: int) -> None:
        content += struct.pack("<IQI", 1, heap, 0)

    assert saving.read_file(damaged_text(tmp_path, append)).spec is not None


def test_a_text_that_is_a_list_of_something(tmp_path: Path) -> None:
    def retype(content: bytearray, heap: int) -> None:
        place = content.find(b"\x19\x01", content.find(b"keras_version\x00"))
        content[place + 1] = 0

    refuses(damaged_text(tmp_path, retype), "does not hold text")
