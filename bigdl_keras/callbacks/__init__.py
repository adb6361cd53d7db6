"""Callbacks under their Keras 3 names."""

from bigdl_keras.callbacks.averages import SwapEMAWeights
from bigdl_keras.callbacks.backup import BackupAndRestore
from bigdl_keras.callbacks.base import Callback, Iteration
from bigdl_keras.callbacks.checkpoints import ModelCheckpoint
from bigdl_keras.callbacks.control import (
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from bigdl_keras.callbacks.curves import SummaryWriter, TensorBoard
from bigdl_keras.callbacks.dispatch import CallbackList
from bigdl_keras.callbacks.history import CSVLogger, History
from bigdl_keras.callbacks.progress_bar import ProgressBar
from bigdl_keras.callbacks.remote import RemoteMonitor

ProgbarLogger = ProgressBar
"""Keras's name of the progress bar."""

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "Iteration",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ProgressBar",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SummaryWriter",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
