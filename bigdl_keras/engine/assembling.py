"""A worker is put together here, the same for every engine: vectors of its own, replicas, its slice of the state."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.engine.collectives import Collective
from bigdl_keras.engine.job import TrainingJob
from bigdl_keras.engine.loop import Loop, Shard
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.engine.replica import Replica


def assemble(job: TrainingJob, shard: Shard, held: Shard | None, team: Collective, reporter: Any) -> Loop:
    """A worker's loop with vectors of its own."""
    values = job.values.copy()
    gradients = np.zeros(job.trainable_size, dtype=values.dtype)
    replica = Replica(job.plan, values, gradients, job.seed, team.sum, job.refuses_nan, job.drop is not None)
    mine = slice_of(job.trainable_size, team.rank, team.size)
    if job.optimizer_state is None:
        state = job.optimizer.create_state(values[mine])
    else:
        state = {slot: np.array(vector[mine]) for slot, vector in job.optimizer_state.items()}
    validation = None
    if held is not None and job.evaluate_plan is not None:
        validation = held, Replica(job.evaluate_plan, values, total=team.sum)
    return Loop(job, shard, replica, values, gradients, state, team, reporter, validation)
