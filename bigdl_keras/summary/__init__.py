"""Training curves in TensorBoard's event files, written and read on the driver."""

from bigdl_keras.summary.events import EventFile, read_scalars
from bigdl_keras.summary.summaries import Summary, TrainSummary, ValidationSummary

__all__ = ["EventFile", "Summary", "TrainSummary", "ValidationSummary", "read_scalars"]
