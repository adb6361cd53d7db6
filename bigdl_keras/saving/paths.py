"""A path is local, or a URI of a file system that `pyarrow.fs` opens; remote files pass through a local copy."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .limits import DEFAULT_LIMITS, Limits

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|dbfs:/")

_GCS_SECONDS = 30
_HDFS_NEEDS = ("hdfs:// needs Hadoop's client and a JVM in this process: set HADOOP_HOME (or ARROW_LIBHDFS_DIR, the "
               "folder of libhdfs.so), JAVA_HOME, and CLASSPATH to what `hadoop classpath --glob` prints. ")


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a URI (hdfs://, s3://, gs://, file://, dbfs:/...)."""
    return _URI.match(os.fspath(path)) is not None


def _with_deadline(uri: str) -> str:
    """A gs:// URI whose requests end: pyarrow repeats them for a quarter of an hour where nobody answers."""
    if not uri.startswith(("gs://", "gcs://")) or "retry_limit_seconds=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}retry_limit_seconds={_GCS_SECONDS}"


def open_filesystem(path: str | os.PathLike[str], what: str = "The file") -> tuple[Any, str]:
    """(file system, path on it) of a local path or a URI.

    Args:
        path: what to find; on Databricks `dbfs:/x` is the local path /dbfs/x.
        what: what it is, for the error.

    Raises:
        ValueError: no file system that pyarrow knows opens the URI.
    """
    from pyarrow import fs

    shown = os.fspath(path)
    if shown.startswith("dbfs:/"):
        return fs.LocalFileSystem(), "/dbfs/" + shown.removeprefix("dbfs:/").strip("/")
    if not is_remote(shown):
        return fs.LocalFileSystem(), os.path.abspath(shown)
    try:
        opened, place = fs.FileSystem.from_uri(_with_deadline(shown))
    except (OSError, ValueError) as error:  # pyarrow's own errors are among these
        needs = _HDFS_NEEDS if shown.startswith("hdfs:") else ""
        raise ValueError(f"{what} {shown!r} cannot be opened: {error}. {needs}Give a local path, or a URI of a file "
                         "system that pyarrow.fs knows (file://, hdfs://, s3://, gs://, abfs://, dbfs:/).") from error
    return opened, place.rstrip("/")


def without_query(path: str | os.PathLike[str]) -> str:
    """A path, or a URI without what follows its '?': the part whose ending tells the kind of file."""
    shown = os.fspath(path)
    return shown.partition("?")[0] if is_remote(shown) else shown


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether something is at a local path or URI."""
    if not is_remote(path):
        return os.path.exists(path)
    files, place = open_filesystem(path)
    return bool(files.get_file_info(place).type.name != "NotFound")


@contextmanager
def fetched(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Iterator[str]:
    """The local path of a file to read: itself, or a copy that is there inside the `with`.

    Args:
        path: a local path or URI.
        limits: a file larger than all its arrays and texts may be is not copied.

    Raises:
        ValueError: there is no such file, it is too large, or it cannot be read; messages name `path`, not the copy.
    """
    shown = os.fspath(path)
    if not is_remote(shown):
        yield shown
        return
    files, place = open_filesystem(shown)
    with tempfile.TemporaryDirectory(prefix="bigdl_keras_") as folder:
        copy = os.path.join(folder, place.rpartition("/")[2] or "file")
        _download(files, place, copy, shown, limits.max_array_bytes + limits.max_text_bytes)
        try:
            yield copy
        except ValueError as error:
            if copy not in str(error):
                raise
            raise ValueError(str(error).replace(copy, shown)) from error


def _download(files: Any, place: str, copy: str, shown: str, most: int) -> None:
    try:
        info = files.get_file_info(place)
        if not info.is_file:
            kind = "does not exist" if info.type.name == "NotFound" else "is not a file"
            raise ValueError(f"File not found: '{shown}' {kind}.")
        if info.size is not None and info.size > most:
            raise ValueError(f"File '{shown}' has {info.size} bytes, more than the {most} allowed.")
        with files.open_input_stream(place) as source, Path(copy).open("wb") as target:
            shutil.copyfileobj(source, target, 4 * 2**20)
    except OSError as error:
        raise ValueError(f"File '{shown}' cannot be fetched: {error}") from error


@contextmanager
def delivered(path: str | os.PathLike[str]) -> Iterator[str]:
    """The local path to write a file to: itself, or one whose content is sent to `path` when the `with` ends well.

    Raises:
        ValueError: the file system refuses.
    """
    shown = os.fspath(path)
    if not is_remote(shown):
        yield shown
        return
    files, place = open_filesystem(shown)
    with tempfile.TemporaryDirectory(prefix="bigdl_keras_") as folder:
        local = os.path.join(folder, place.rpartition("/")[2])
        yield local
        try:
            put(files, place, local)
        except OSError as error:
            raise ValueError(f"File '{shown}' cannot be written: {error}") from error


# Stores where an object is seen when its writer closes it, and not before.
WHOLE_WRITES = ("s3", "gcs", "abfs")


def put(files: Any, place: str, local: str) -> None:
    """Copy a local file to `place`, where it appears whole or not at all; folders above it are made."""
    if files.type_name in WHOLE_WRITES:
        _upload(files, place, local)
        return
    if "/" in place:
        files.create_dir(place.rpartition("/")[0] or "/", recursive=True)
    aside = f"{place}.{os.getpid()}.part"
    try:
        _upload(files, aside, local)
        move_over(files, aside, place)
    except BaseException:
        with suppress(OSError):
            files.delete_file(aside)
        raise


def _upload(files: Any, place: str, local: str) -> None:
    with Path(local).open("rb") as source, files.open_output_stream(place) as target:
        shutil.copyfileobj(source, target, 4 * 2**20)


def move_over(files: Any, aside: str, place: str) -> None:
    """Rename a file to `place`, in place of one that may be there."""
    try:
        files.move(aside, place)
    except OSError:  # hdfs does not replace files
        if files.get_file_info(place).is_file:
            files.delete_file(place)
        files.move(aside, place)
