"""The training loop reads like the paper: gradients, three verbs, an update of my slice. It knows no Spark."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import numpy as np

from bigdl_keras.data import Block, Minibatches
from bigdl_keras.data.minibatches import BatchRows
from bigdl_keras.engine.collectives import Collective
from bigdl_keras.engine.collectives.rows import Lookups, worth_it
from bigdl_keras.engine.job import TrainingJob
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.engine.phases import PHASES, Phases
from bigdl_keras.engine.progress import EpochSoFar, Progress, accumulate
from bigdl_keras.engine.replica import Replica
from bigdl_keras.engine.report import BatchReport, Decision, EpochReport, Evaluation, Snapshot
from bigdl_keras.engine.stragglers import Stragglers
from bigdl_keras.errors import WorkerLost, add_place
from bigdl_keras.optimizers.slices import Slice

_ANSWERED, _GATHER, _GATHER_VALUES = 0.0, 1.0, 2.0


class Reporter(Protocol):
    """Carries reports of rank 0 to the driver."""

    def began(self, rows: int, batches: int) -> None:
        """Training starts."""

    def ask_epoch_begin(self, epoch: int, snapshot: Snapshot) -> Decision:
        """An epoch starts; wait for the answer."""

    def batch_ended(self, report: BatchReport) -> None:
        """An iteration has finished; do not wait for an answer."""

    def ask_batch(self, report: BatchReport, snapshot: Snapshot) -> Decision:
        """An iteration has finished; wait for the answer."""

    def ask_epoch(self, report: EpochReport, snapshot: Snapshot) -> Decision:
        """An epoch has finished; wait for the answer."""

    def stop_requested(self) -> bool:
        """Whether the driver has asked to stop meanwhile."""


@dataclass(frozen=True)
class Shard:
    """The rows a worker holds.

    Attributes:
        block: their columns.
        start: global index of the first.
        rows: rows of the whole data set.
        portion: (rank, size) where all workers hold the same rows and each takes its part of every batch.
        striped: this worker holds just its part of every batch (`portion` of unshuffled batches).
    """

    block: Block
    start: int
    rows: int
    portion: tuple[int, int] = (0, 1)
    striped: bool = False

    def batches(self, rule: Minibatches, epoch: int) -> Iterator[BatchRows]:
        """My rows of each batch of `epoch`."""
        if self.striped:
            return rule.deal_striped(*self.portion)
        return rule.deal(epoch, self.start, self.start + self.block.rows, self.portion)


@dataclass
class Loop:
    """One worker's part of a fit.

    Args:
        job: what to train, and how long.
        shard: my training rows.
        replica: my copy of the model, bound to `values` and `gradients`.
        values: my value vector.
        gradients: my gradient vector.
        state: slot -> my slice of the optimizer's state.
        collective: my team.
        reporter: the way to the driver; used by rank 0 only.
        validation: my validation rows and the replica that measures them, or None.
    """

    job: TrainingJob
    shard: Shard
    replica: Replica
    values: np.ndarray
    gradients: np.ndarray
    state: dict[str, np.ndarray]
    collective: Collective
    reporter: Reporter
    validation: tuple[Shard, Replica] | None = None
    iteration: int = field(init=False)

    def __post_init__(self) -> None:
        job, team = self.job, self.collective
        self.iteration, self.watch = job.iteration, self.replica.watch
        self.moment, self.asks = Progress(job.initial_epoch, job.iteration), job.answers_batches
        self.asked_at = time.monotonic()
        self.leader = team.rank == 0
        mine = self.mine = slice_of(job.trainable_size, team.rank, team.size)
        self.part = Slice.cut(job.names, job.shapes, mine.start, mine.stop)
        self.trained = self.values[:job.trainable_size]
        self.weights = self.trained[mine]
        # Where weights travel compressed, all replicas compute with what has travelled, and the owner of a slice keeps
        # it in full precision. A projection needs whole weights in full precision, so these travel as they are.
        self.masters = self.weights.copy() if team.compression is not None and job.constraint_plan is None else None
        if self.masters is not None:
            self.weights = self.masters
        tables, length = tuple(job.plan.tables.values()), job.trainable_size
        by_rows = worth_it(tables, length)
        self.lookups = Lookups(tables, length, team.rank, team.size, self.values.dtype) if by_rows else None
        self.stragglers = Stragglers(job.drop, team.size) if job.drop is not None and team.size > 1 else None
        self.losses = np.zeros(job.loss_count)
        self.rule = Minibatches(self.shard.rows, job.batch_size, job.shuffle, job.seed)
        constraints = job.constraint_plan
        self.projection = None if constraints is None else constraints.bind(self.values)
        self.batches = min(self.rule.count, job.steps_per_epoch or self.rule.count)

    def run(self) -> Progress:
        """Train until the last epoch or a decision to stop."""
        if self.leader:
            self.reporter.began(self.shard.rows, self.batches)
        if self.masters is not None:
            self._publish()
        epoch, stop = self.job.initial_epoch, False
        while epoch < self.job.epochs and not stop:
            stop = self._train_epoch(epoch)
            epoch += 1
        self.job.optimizer.finalize(self.weights, self.state)
        self.values = self.gather_values()
        return Progress(epoch, self.iteration, stop)

    def _train_epoch(self, epoch: int) -> bool:
        self._consult(lambda snapshot: self.reporter.ask_epoch_begin(epoch, snapshot))
        started, stop = time.perf_counter(), False
        so_far = self.job.so_far if epoch == self.job.initial_epoch else EpochSoFar()
        self.watch.start()
        batches = zip(range(self.batches), self.shard.batches(self.rule, epoch), strict=False)
        for batch, mine in islice(batches, so_far.batches, None):
            try:
                numbers, finished_rows, stop = self._iterate(epoch, batch, mine)
            except WorkerLost as error:
                raise add_place(error, f"in iteration {self.iteration + 1}, epoch {epoch + 1}") from None
            so_far = so_far.add(numbers, finished_rows, self.job.loss_count)
            if stop:
                break
        phases = self._phases()
        stop = self._advance(epoch + 1, self.moment.loss) or stop
        job, validation = self.job, self._validate()
        report = EpochReport(epoch, self.iteration, time.perf_counter() - started,
                             finished(so_far.totals, so_far.rows, job.loss_count), validation,
                             job.optimizer.learning_rate_at(self.iteration), phases,
                             None if self.stragglers is None else self.stragglers.read())
        return self._consult(lambda snapshot: self.reporter.ask_epoch(report, snapshot)) or stop

    def _iterate(self, epoch: int, batch: int, mine: BatchRows) -> tuple[np.ndarray, int, bool]:
        """One iteration: answers with its summed numbers, of how many rows, and whether it is the last one."""
        started = time.perf_counter()
        rows = self.shard.block.take(mine.index)
        learning_rate = self.job.optimizer.learning_rate_at(self.iteration) if self.leader else 0.0
        self.watch.lap("data")
        numbers, finished_rows, stop, asks = self._compute(rows, mine)
        self.watch.lap("wait")
        if self.stragglers is None or self.stragglers.updates:
            self._move(mine.batch_rows / finished_rows)
        self.iteration += 1
        stop = self._advance(epoch, float(numbers[0])) or stop
        seconds, validation = time.perf_counter() - started, self._validate()
        report = BatchReport(self.iteration, epoch, batch, finished_rows, learning_rate, seconds, numbers, validation)
        if asks or self.asks or validation is not None:
            stop = self._consult(lambda snapshot: self.reporter.ask_batch(report, snapshot)) or stop
        elif self.leader:
            self.reporter.batch_ended(report)
        self.watch.start()
        return numbers, finished_rows, stop

    def _compute(self, rows: Block, mine: BatchRows) -> tuple[np.ndarray, int, bool, bool]:
        """My gradient, and what `_sum` answers of all workers' numbers, with the rows they are of."""
        replica, stragglers, started = self.replica, self.stragglers, time.perf_counter()
        if stragglers is None:
            numbers = replica.compute_gradient(rows.arrays, mine.places, mine.batch_rows, self.iteration)
            numbers, stop, asks = self._sum(numbers, np.zeros(0), rows.rows, mine.batch_rows)
            return numbers, mine.batch_rows, stop, asks
        numbers = replica.compute_gradient(rows.arrays, mine.places, mine.batch_rows, self.iteration,
                                           started + stragglers.limit)
        words = stragglers.words(self.collective.rank, rows.rows, time.perf_counter() - started, replica.gave_up)
        numbers, stop, asks = self._sum(numbers, words, 0 if replica.gave_up else rows.rows, mine.batch_rows)
        return numbers, stragglers.finished, stop, asks

    def _move(self, rescale: float) -> None:
        """An update: sum the gradients, step, and bring the new weights to everybody."""
        if self.lookups is not None:
            self.lookups.touched = self.replica.touched
        gradient = self.collective.reduce_scatter(self.gradients, self.lookups)
        if rescale != 1.0:  # what is left of a batch counts as a whole one
            gradient *= np.asarray(rescale, gradient.dtype)
        self.watch.lap("reduce_scatter")
        self._update(gradient)
        self.watch.lap("update")
        self._publish(self.lookups if self.job.optimizer.leaves_zeros else None)
        self.watch.lap("all_gather")
        if self.projection is not None:
            self.projection.forward([])
            self.projection.updates()
            self.watch.lap("update")

    def _phases(self) -> Phases:
        """Where the time of all workers went since the last asking; all of them call it."""
        seconds = np.zeros((self.collective.size, len(PHASES)))
        seconds[self.collective.rank] = self.watch.read()
        return Phases(self.collective.sum(seconds))

    def _update(self, gradient: np.ndarray) -> None:
        """Let the optimizer step on my slice of the weights; on the rows that were touched alone, where it may."""
        optimizer, lookups, total = self.job.optimizer, self.lookups, self.collective.sum
        self.replica.as_left = True
        if lookups is None or not optimizer.skips_zeros or not lookups.spares_rows:
            optimizer.step(self.weights, gradient, self.state, self.iteration, self.part, total)
            if lookups is not None:  # what it has used as scratch are my gradients or their sum
                self.replica.as_left = self.collective.size > 1
                lookups.scribbled()
            return
        part, rows = lookups.mine, lookups.summed
        weights = part.gather(self.weights, rows)
        state = {slot: part.gather(vector, rows) for slot, vector in self.state.items()}
        optimizer.step(weights, part.gather(gradient, rows), state, self.iteration, None, total)
        part.scatter(weights, rows, self.weights)
        for slot, vector in self.state.items():
            part.scatter(state[slot], rows, vector)

    def _publish(self, moved: Lookups | None = None) -> None:
        """Bring every owner's slice of the weights to all workers; with `moved`, of tables what the last step moved."""
        self.collective.all_gather(self.trained, self.masters, moved)

    def _advance(self, epoch: int, loss: float | None) -> bool:
        """Note the present moment, and whether to ask the driver or to validate. Answers whether training ends here."""
        job, before, now = self.job, self.moment, Progress(epoch, self.iteration, loss=loss)
        self.moment = now
        self.asks = job.answers_batches or (job.ask_when is not None and job.ask_when(before, now))
        self.validates = self.validation is not None and job.validates(before, now)
        return job.end_when is not None and job.end_when(before, now)

    def _validate(self) -> Evaluation | None:
        """Measure the validation rows, where it is time to."""
        if not self.validates or self.validation is None:
            return None
        job, kept = self.job, self.trained.copy() if self.job.validates_average else None
        if kept is not None:
            self.trained[self.mine] = self.state["average"]
            self.collective.all_gather(self.trained)
        found = evaluate(*self.validation, job.validation_batch_size, job.loss_count, self.collective)
        if kept is not None:
            np.copyto(self.trained, kept)
        return found

    def _sum(self, numbers: np.ndarray, words: np.ndarray, rows: int, batch_rows: int) -> tuple[np.ndarray, bool, bool]:
        """Sum the numbers over the team; wishes, words on stragglers and the states (averaged by rows) travel along."""
        team, states = self.collective, self.replica.plan.states
        stop = self.leader and self.reporter.stop_requested()
        asks = self.leader and self._has_been_silent()
        if team.size == 1:
            return numbers, stop, asks
        parts = [numbers, np.array([stop, asks], dtype=np.float64), words]
        parts += [self.values[start:stop_].astype(np.float64) * (rows / batch_rows) for start, stop_ in states]
        total = team.sum(np.concatenate(parts))
        position = len(numbers) + 2 + len(words)
        summed, wishes = total[:len(numbers)], total[len(numbers):len(numbers) + 2]
        rescale = self._hear(summed, total[position - len(words):position], batch_rows)
        for start, stop_ in states if rescale else ():
            self.values[start:stop_] = total[position:position + stop_ - start] * rescale
            position += stop_ - start
        return summed, bool(wishes[0]), bool(wishes[1])

    def _hear(self, numbers: np.ndarray, words: np.ndarray, batch_rows: int) -> float:
        """What brings means over a batch up to those over the rows that were finished; 0 where none were.

        The losses among `numbers` become such means. Where no row was finished they are those of the batch before.
        """
        if self.stragglers is None:
            return 1.0
        self.stragglers.hear(words, batch_rows)
        finished, losses = self.stragglers.finished, numbers[:self.job.loss_count]
        if finished:
            losses *= batch_rows / finished
            self.losses = losses.copy()
            return batch_rows / finished
        losses[...] = self.losses
        return 0.0

    def _has_been_silent(self) -> bool:
        """Whether the driver was asked too long ago."""
        return self.job.ask_seconds is not None and time.monotonic() - self.asked_at >= self.job.ask_seconds

    def _consult(self, ask: Callable[[Snapshot], Decision]) -> bool:
        """Have rank 0 ask the driver, and all workers follow the answer. Answers whether to stop."""
        if self.leader:
            decision = ask(LoopSnapshot(self))
            self.asked_at = time.monotonic()
            self.collective.sum(_words(_ANSWERED, decision), patient=True)
        else:
            while (words := self.collective.sum(np.zeros(5), patient=True))[0] != _ANSWERED:
                self.gather_state() if words[0] == _GATHER else self.gather_values()
            decision = Decision(bool(words[1]), words[3] if words[2] else None, self.values if words[4] else None)
        if decision.learning_rate is not None:
            self.job.optimizer.learning_rate = float(decision.learning_rate)
        if decision.values is not None:
            if self.leader:
                np.copyto(self.values, decision.values)
            self.collective.share(self.values)
            if self.masters is not None:
                np.copyto(self.masters, self.trained[self.mine])
                self._publish()
        return decision.stop

    def gather_values(self) -> np.ndarray:
        """The whole value vector in full precision; all workers call it."""
        if self.masters is None:
            self.collective.all_gather(self.trained)
            return self.values
        whole = self.values.copy()
        whole[:self.job.trainable_size][self.mine] = self.masters
        self.collective.all_gather(whole[:self.job.trainable_size])
        return whole

    def gather_state(self) -> dict[str, np.ndarray]:
        """The whole optimizer state, put together from all workers; all of them call it."""
        length, team = self.job.trainable_size, self.collective
        whole = {}
        for slot in self.state:
            whole[slot] = np.empty(length, dtype=self.state[slot].dtype)
            whole[slot][slice_of(length, team.rank, team.size)] = self.state[slot]
            team.all_gather(whole[slot])
        return whole


@dataclass(frozen=True)
class LoopSnapshot:
    """What the driver may ask of rank 0, while the other workers wait in `Loop._consult`."""

    loop: Loop

    def values(self) -> np.ndarray:
        """The whole value vector."""
        if self.loop.masters is None:
            return self.loop.values
        self.loop.collective.sum(_words(_GATHER_VALUES, Decision()), patient=True)
        return self.loop.gather_values()

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Each slot of the optimizer as a whole vector."""
        self.loop.collective.sum(_words(_GATHER, Decision()), patient=True)
        return self.loop.gather_state()


def evaluate(shard: Shard, replica: Replica, batch_size: int, loss_count: int, collective: Collective) -> Evaluation:
    """Measure all rows of a data set; every worker gets the same answer."""
    rule = Minibatches(shard.rows, batch_size)
    totals = np.zeros(replica.width(shard.block.arrays) if not replica.plan.collective else 0)
    for mine in shard.batches(rule, epoch=0):
        if len(mine.places) or replica.plan.collective:
            numbers = replica.evaluate(shard.block.take(mine.index).arrays, mine.places, mine.batch_rows)
            totals = accumulate(totals, numbers, mine.batch_rows, loss_count)
    return finished(collective.sum(totals), shard.rows, loss_count)


def finished(totals: np.ndarray, rows: int, loss_count: int) -> Evaluation:
    """What accumulated totals mean."""
    numbers = totals.copy()
    numbers[:loss_count] /= max(rows, 1)
    return Evaluation(numbers, rows)


def _words(kind: float, decision: Decision) -> np.ndarray:
    rate = decision.learning_rate
    return np.array([kind, decision.stop, rate is not None, 0.0 if rate is None else rate, decision.values is not None])
