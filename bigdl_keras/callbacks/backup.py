"""A fit that survives the death of its own process."""

from __future__ import annotations

import os

from bigdl_keras.callbacks.base import Callback


class BackupAndRestore(Callback):
    """Has a fit write checkpoints, and go on from the newest one when the script is started again.

    The fit itself reads and writes them, since they hold more than a callback sees: weights, optimizer state, the place
    in the epoch, seeds, and what the other callbacks remember. A fit that goes on ends with the same weights, bit for
    bit, as one that was never interrupted.

    Args:
        backup_dir: folder of the checkpoints, of this fit alone: a local path, or a URI (hdfs://, s3://, ...).
        save_freq: "epoch", or a number of batches.
        double_checkpoint: accepted as in Keras; the last two checkpoints are always kept, so that a damaged one gives
            way to the one before.
        delete_checkpoint: delete the checkpoints when the fit ends well.
    """

    uses_weights = None

    def __init__(self, backup_dir: str | os.PathLike[str], save_freq: str | int = "epoch",
                 double_checkpoint: bool = False, delete_checkpoint: bool = True) -> None:
        super().__init__()
        if not os.fspath(backup_dir):
            raise ValueError("BackupAndRestore needs the name of a folder as `backup_dir`. Received an empty one.")
        if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(f"`save_freq` must be 'epoch' or a number of batches. Received {save_freq!r}.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
