"""Files of rows are removed by the tasks that hold them; the last one removes the folder of the fit."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from bigdl_keras.engine.blocks_on_disk import RowsOnDisk


def test_two_that_find_themselves_last(tmp_path, monkeypatch):
    """Both have removed their own files when both turn to the folder of the fit: one comes too late."""
    handles = []
    for task in range(2):
        folder = tmp_path / "fit" / str(task)
        folder.mkdir(parents=True)
        (folder / "0").write_bytes(b"rows")
        handles.append(RowsOnDisk(str(folder), (), 0, 0, 0))
    remove, both = os.rmdir, threading.Barrier(2)
    lock, found = threading.Lock(), []

    def together(path, **options):
        if path != str(tmp_path / "fit"):
            return remove(path, **options)
        both.wait(10)
        with lock:
            found.append(os.path.isdir(path))
            return remove(path, **options)

    monkeypatch.setattr(os, "rmdir", together)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(RowsOnDisk.delete, handles))
    assert found == [True, False]
    assert not list(tmp_path.iterdir())


def test_rows_of_others_stay(tmp_path):
    (tmp_path / "fit" / "mine").mkdir(parents=True)
    (tmp_path / "fit" / "theirs").mkdir()
    RowsOnDisk(str(tmp_path / "fit" / "mine"), (), 0, 0, 0).delete()
    assert [path.name for path in (tmp_path / "fit").iterdir()] == ["theirs"]
