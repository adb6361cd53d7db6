"""A slice of the weights with its optimizer state: its history, read up to some version."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np

from bigdl_keras.engine.parcels import Fetcher, opened
from bigdl_keras.engine.phases import Stopwatch
from bigdl_keras.engine.rounds import History, Slots, Start, Update, Work
from bigdl_keras.optimizers.slices import Slice, alone

_UNKNOWN = -1


class SliceState:
    """What one process knows of a slice. It is never more than a way not to read its history from the beginning.

    Args:
        work: what stays the same.
        owner: number of the task that owns the slice.
        weights: where the weights of the slice are kept.
        fetcher: brings parcels from other machines.
        watch: takes the times.
        when_read: is called with the averaged states after every update; None stands for those of the Start.

    Attributes:
        version: updates that are in it.
        slots: of the optimizer.
        states: averaged over tasks, of the last update; None at the Start.
    """

    def __init__(self, work: Work, owner: int, weights: np.ndarray, fetcher: Fetcher, watch: Stopwatch,
                 when_read: Callable[[np.ndarray | None], None] | None = None) -> None:
        assert work.job is not None
        self.version = _UNKNOWN
        self.weights = weights
        self.slots: Slots = {}
        self.states: np.ndarray | None = None
        self._optimizer = work.job.optimizer
        self._mine = work.owned(owner)
        self._part = Slice.cut(work.job.names, work.job.shapes, self._mine.start, self._mine.stop)
        self._whole = work.whole
        self._fetcher = fetcher
        self._watch = watch
        self._when_read = when_read
        self._gradient = np.empty_like(weights)

    def forget(self) -> None:
        """What has been read does not count any more."""
        self.version = _UNKNOWN

    def follow(self, history: History, start: Start) -> None:
        """Read on to the end of the history, from its beginning if need be.

        Args:
            history: of the slice.
            start: where a history without a base begins.

        Raises:
            PartsLost: a part of it is lost.
        """
        if not history.first <= self.version <= history.version:
            self._begin(history, start)
        for update in history.updates[self.version - history.first:]:
            version, self.version = self.version, _UNKNOWN
            self._apply(update)
            self.version = version + 1

    def _begin(self, history: History, start: Start) -> None:
        base = history.base
        if base is None:
            np.copyto(self.weights, start.values[self._mine])
            self.slots = {slot: vector[self._mine].copy() for slot, vector in start.slots.items()}
            self.states = None
        else:
            self.version = _UNKNOWN
            with base.opened(self._fetcher) as (weights, slots, states):
                np.copyto(self.weights, weights)
                if not self.slots:
                    self.slots = {slot: np.empty_like(vector) for slot, vector in slots.items()}
                for slot, vector in slots.items():  # into the memory that is there: new pages take longer
                    np.copyto(self.slots[slot], vector)
                self.states = states.copy()
        if self._when_read is not None:
            self._when_read(self.states)
        self.version = history.first

    def _apply(self, update: Update) -> None:
        """Sum the gradients in the order of tasks and let the optimizer step."""
        with opened(update.gradients, self._fetcher) as (first, *others):
            if others:
                np.add(first, others[0], out=self._gradient)
            else:
                np.copyto(self._gradient, first)
            for other in others[1:]:
                self._gradient += other
        with opened(update.states, self._fetcher) as states:
            self.states = np.sum(states, axis=0)
        self._watch.lap("reduce_scatter")
        optimizer = self._optimizer
        if update.rate is not None:  # a copy, for the task of an earlier iteration may run again in this process
            optimizer = deepcopy(optimizer)
            optimizer.learning_rate = update.rate
        total = alone if self._whole else _nobody
        optimizer.step(self.weights, self._gradient, self.slots, update.iteration, self._part, total)
        if self._when_read is not None:
            self._when_read(self.states)
        self._watch.lap("update")


def _nobody(numbers: np.ndarray) -> np.ndarray:
    raise NotImplementedError("An optimizer that sums over slices must say so: `layerwise = True`.")
