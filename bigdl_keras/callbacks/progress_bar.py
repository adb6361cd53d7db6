"""The progress bar: redrawn on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bigdl_keras.callbacks import console
from bigdl_keras.callbacks.base import Callback, Iteration, Logs

_WIDTH = 20
_REDRAW_SECONDS = 0.1


class ProgressBar(Callback):
    """Shows batches, time, speed and logs.

    `verbose` of the run says how: 0 nothing; 1 a bar where the output can be redrawn (else as 2); 2 one line an epoch;
    "auto" the same as 1.
    """

    only_watches = True

    uses_weights = None

    def __init__(self) -> None:
        super().__init__()
        self._training = False
        self._fresh_line()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._training = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._fresh_line()
        self._title = f"Epoch {epoch + 1}/{self.params.get('epochs') or '?'}"
        if self._draws():
            console.write_line(_bold(self._title))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._advance(batch, logs)

    def on_iteration_end(self, iteration: Iteration) -> None:
        self._rows += iteration.rows

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._finish(logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._fresh_line()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._training:
            self._advance(batch, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._finish(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._fresh_line()

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._advance(batch, None)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finish(None)

    # ---- one line

    def _fresh_line(self) -> None:
        self._title = ""
        self._begun = time.perf_counter()
        self._drawn = 0.0
        self._length = 0
        self._batches = 0
        self._rows = 0

    def _advance(self, batch: int, logs: Logs | None) -> None:
        self._batches = batch + 1
        now = time.perf_counter()
        if self._draws() and now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._draw(logs, finished=False)

    def _finish(self, logs: Logs | None) -> None:
        if self._draws():
            self._draw(logs, finished=True)
            console.write("\n")
        elif self._level():
            seconds = time.perf_counter() - self._begun
            parts = [*([self._title] if self._title else []), *self._counts(), f"{seconds:.0f}s", *self._speed(seconds)]
            console.write_line(" - ".join([*parts, *_metrics(logs)]))

    def _draw(self, logs: Logs | None, finished: bool) -> None:
        steps = self.params.get("steps") or (self._batches if finished else None)
        seconds = time.perf_counter() - self._begun
        text = f"{self._batches}/{steps or 'Unknown'} "
        if steps:
            text = text.rjust(2 * len(str(steps)) + 2)
            full = min(_WIDTH, _WIDTH * self._batches // steps)
            plain = text + "━" * _WIDTH
            text = _bold(text) + _green("━" * full) + _gray("━" * (_WIDTH - full))
        else:
            plain = text
        if finished or not steps or not self._batches:
            clock = f" {_duration(seconds)}"
        else:
            clock = f" {_duration(seconds / self._batches * (steps - self._batches))}"
        tail = f"{clock} " + " - ".join([*self._speed(seconds), *_metrics(logs)])
        padding = " " * max(0, self._length - len(plain) - len(tail))
        self._length = len(plain) + len(tail)
        console.write(f"\r{text}{tail}{padding}")

    def _counts(self) -> list[str]:
        steps = self.params.get("steps") or self._batches
        return [f"{self._batches}/{steps}"] if self._batches else []

    def _speed(self, seconds: float) -> list[str]:
        if not self._batches or seconds <= 0:
            return []
        each = seconds / self._batches
        unit, factor = ("s", 1) if each >= 1 else ("ms", 1e3) if each >= 1e-3 else ("us", 1e6)
        return [f"{each * factor:.0f}{unit}/step", *([f"{self._rows / seconds:,.0f} records/s"] if self._rows else [])]

    def _level(self) -> int:
        verbose = self.params.get("verbose", "auto")
        return 1 if verbose == "auto" else int(verbose)

    def _draws(self) -> bool:
        return self._level() == 1 and console.is_interactive()


def _metrics(logs: Logs | None) -> list[str]:
    return [f"{name}: {_number(value)}" for name, value in (logs or {}).items()]


def _number(value: Any) -> str:
    mean = float(np.mean(value))
    return f"{mean:.4f}" if abs(mean) > 1e-3 or mean == 0 else f"{mean:.4e}"


def _duration(seconds: float) -> str:
    seconds = round(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    return f"{seconds // 60}:{seconds % 60:02d}" if seconds >= 60 else f"{seconds}s"


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if console.colors() else text


def _green(text: str) -> str:
    return f"\x1b[32m{text}\x1b[0m" if console.colors() else text


def _gray(text: str) -> str:
    return f"\x1b[37m{text}\x1b[0m" if console.colors() else " " * len(text)
