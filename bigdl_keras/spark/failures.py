"""Spark wraps a Python error of a task in its own; the user is shown the original one."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from contextlib import contextmanager

from bigdl_keras import errors

_LAST_LINE = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Lost|Exception|Refused)): (.*)$")
_DEAD_TASK = re.compile(r"barrier task ResultTask\(\d+, (\d+)\) finished unsuccessfully")
_REASON = re.compile(r"(?:Job aborted|Could not recover)[^\n]*")
_SIGNS_OF_DEATH = ("Python worker exited unexpectedly", "ExecutorLostFailure")
_JAVA_FRAME = re.compile(r"^\s*(at |Caused by|Driver stacktrace|\.\.\. \d+ more)|^$|^\tat ")


def original(error: BaseException) -> BaseException:
    """The Python error that a task raised, of its own type and caused by `error`; `error` itself if there is none."""
    text = str(getattr(error, "desc", None) or error)
    if "Traceback (most recent call last)" not in text:
        return error
    lines = text[text.index("Traceback (most recent call last)"):].splitlines()
    for number, line in enumerate(lines):
        match = _LAST_LINE.match(line)
        if match is None:
            continue
        message = [match[2]]
        for more in lines[number + 1:]:
            if _JAVA_FRAME.match(more):
                break
            message.append(more)
        found = rebuilt(match[1], "\n".join(message))
        found.__cause__ = error
        return found
    return error


@contextmanager
def original_errors() -> Iterator[None]:
    """Raise what a row raised in a task, not Spark's wrapping of it."""
    try:
        yield
    except Exception as error:
        found = original(error)
        if found is error:
            raise
        raise found from error


def dead_task(error: BaseException) -> int | None:
    """The partition whose process died, if that is why Spark gave up a barrier stage."""
    text = str(error)
    match = _DEAD_TASK.search(text)
    return int(match[1]) if match and any(sign in text for sign in _SIGNS_OF_DEATH) else None


def summary(error: BaseException) -> str:
    """The text of an error; of Spark's own many lines the one that gives the reason."""
    match = _REASON.search(str(error))
    return match[0] if match else str(error)


def is_silence(error: BaseException) -> bool:
    """Whether Spark gave up an executor of which it heard nothing any more."""
    return "heartbeat timed out" in str(error)


def rebuilt(name: str, message: str) -> Exception:
    """An exception of the type called `name`, if that is one of Python's or of ours; else a RuntimeError."""
    kind = getattr(errors, name, None) or getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(message)
        except TypeError:  # an exception that is made of more than a message
            return RuntimeError(f"{name}: {message}")
    return RuntimeError(f"{name}: {message}")
