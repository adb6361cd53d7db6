"""Files of rows are removed by whichever tasks come, also at the same time."""

import threading

from bigdl_keras.engine.blocks_on_disk import RowsOnDisk


def test_tasks_that_remove_at_once_do_not_disturb_each_other(tmp_path):
    errors, start = [], threading.Barrier(4)

    def remove(handle):
        start.wait()
        try:
            handle.delete()
            handle.delete()
        except OSError as error:
            errors.append(error)

    for fit in range(50):
        folders = [tmp_path / f"fit-{fit}" / str(task) for task in range(4)]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "0").write_bytes(b"rows")
        threads = [threading.Thread(target=remove, args=(RowsOnDisk(str(folder), (), 0, 0, 0),)) for folder in folders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    assert not list(tmp_path.iterdir())


def test_rows_of_others_stay(tmp_path):
    (tmp_path / "fit" / "mine").mkdir(parents=True)
    (tmp_path / "fit" / "theirs").mkdir()
    RowsOnDisk(str(tmp_path / "fit" / "mine"), (), 0, 0, 0).delete()
    assert [path.name for path in (tmp_path / "fit").iterdir()] == ["theirs"]
