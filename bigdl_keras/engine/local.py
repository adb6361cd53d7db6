"""The local engine trains in this process: one thread, or a team of threads that share each batch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from bigdl_keras.data import Source
from bigdl_keras.engine.assembling import assemble
from bigdl_keras.engine.collectives import Collective
from bigdl_keras.engine.collectives.alone import Alone
from bigdl_keras.engine.collectives.threads import ThreadTeam
from bigdl_keras.engine.cost import blas_threads, team_size
from bigdl_keras.engine.job import EvaluationJob, PredictionJob, Result, TrainingJob
from bigdl_keras.engine.loop import Loop, Shard, evaluate
from bigdl_keras.engine.memory import keep_freed_memory
from bigdl_keras.engine.predicting import Predictor
from bigdl_keras.engine.progress import Progress
from bigdl_keras.engine.replica import Replica
from bigdl_keras.engine.report import BatchReport, Decision, EpochReport, Evaluation, Report, Snapshot
from bigdl_keras.errors import WorkerLost
from bigdl_keras.graph.plan import Plan

T = TypeVar("T")


class DirectReporter:
    """Calls the driver's report in this thread."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._stop = False

    def began(self, rows: int, batches: int) -> None:
        """Training starts."""
        self._report.on_train_begin(rows, batches)

    def ask_epoch_begin(self, epoch: int, snapshot: Snapshot) -> Decision:
        """An epoch starts."""
        return self._report.on_epoch_begin(epoch) or Decision()

    def batch_ended(self, report: BatchReport) -> None:
        """An iteration has finished."""
        decision = self._report.on_batch_end(report, None)
        self._stop = self._stop or (decision is not None and decision.stop)

    def ask_batch(self, report: BatchReport, snapshot: Snapshot) -> Decision:
        """An iteration has finished; what now?"""
        return self._report.on_batch_end(report, snapshot) or Decision()

    def ask_epoch(self, report: EpochReport, snapshot: Snapshot) -> Decision:
        """An epoch has finished; what now?"""
        return self._report.on_epoch_end(report, snapshot) or Decision()

    def stop_requested(self) -> bool:
        """Whether an earlier answer was to stop."""
        return self._stop


class LocalEngine:
    """Trains, evaluates and predicts in this process.

    Args:
        workers: threads that share each batch, each with one BLAS thread. None: as many as the batch is worth.
    """

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers

    def run(self, job: TrainingJob, source: Source, validation: Source | None, report: Report) -> Result:
        """Train.

        Args:
            job: what to train.
            source: training rows, with columns in the order of the plan's inputs.
            validation: validation rows likewise, or None.
            report: is called in this thread.

        Returns:
            New values, optimizer state and progress. The job's own vectors are left as they were.
        """
        keep_freed_memory()
        block = source.read()
        check = validation.read() if validation is not None else None
        size, blas = self._threads(job.plan, source, job.batch_size)
        loops: list[Loop] = [None] * size  # type: ignore[list-item]

        def member(team: Collective) -> Progress:
            shard = Shard(block, 0, block.rows, (team.rank, team.size))
            held = None if check is None else Shard(check, 0, check.rows, (team.rank, team.size))
            loops[team.rank] = assemble(job, shard, held, team, DirectReporter(report))
            return loops[team.rank].run()

        progress = run_team(member, size, blas, job.timeout_seconds)
        state = {slot: np.concatenate([loop.state[slot] for loop in loops]) for slot in loops[0].state}
        return Result(loops[0].values, state, progress)

    def evaluate(self, job: EvaluationJob, source: Source) -> Evaluation:
        """Measure the rows of `source`."""
        keep_freed_memory()
        block = source.read()

        def member(team: Collective) -> Evaluation:
            replica = Replica(job.plan, job.values, total=team.sum)
            return evaluate(Shard(block, 0, block.rows, (team.rank, team.size)), replica, job.batch_size,
                            job.loss_count, team)

        size, blas = self._threads(job.plan, source, job.batch_size)
        return run_team(member, size, blas, job.timeout_seconds)

    def predict(self, job: PredictionJob, source: Source) -> list[np.ndarray]:
        """The plan's outputs for the rows of `source`."""
        keep_freed_memory()
        with threadpool_limits(blas_threads(job.plan, source.columns, job.batch_size), user_api="blas"):
            return Predictor(job).outputs(source.read())

    def _threads(self, plan: Plan, source: Source, batch_size: int) -> tuple[int, int | None]:
        """Threads of the team, and of the BLAS library in each."""
        rows = min(batch_size, source.rows or batch_size)
        size = self.workers or team_size(plan, source.columns, rows)
        return size, 1 if size > 1 else blas_threads(plan, source.columns, rows)


def run_team(member: Callable[[Collective], T], size: int, blas: int | None, timeout_seconds: float) -> T:
    """Run `member` as every rank of a team of threads, rank 0 in this one. Returns rank 0's answer.

    Args:
        member: the work of a rank.
        size: number of threads.
        blas: threads of the BLAS library in each, or None to leave them.
        timeout_seconds: how long they wait for each other.

    Raises:
        BaseException: what the first rank to fail raised; the others are woken and end.
    """
    if size == 1:
        with threadpool_limits(blas, user_api="blas"):
            return member(Alone())
    team = ThreadTeam(size, timeout_seconds)
    failures: list[BaseException] = []
    answers: list[T] = []

    def run(rank: int) -> None:
        try:
            answer = member(team.member(rank))
            if rank == 0:
                answers.append(answer)
        except BaseException as error:
            failures.append(error)
            team.abort()

    threads = [threading.Thread(target=run, args=(rank,), name=f"bigdl_keras worker {rank}", daemon=True)
               for rank in range(1, size)]
    with threadpool_limits(blas, user_api="blas"):
        for thread in threads:
            thread.start()
        run(0)
        for thread in threads:
            thread.join()
    if failures:
        raise next((error for error in failures if not isinstance(error, WorkerLost)), failures[0])
    return answers[0]
