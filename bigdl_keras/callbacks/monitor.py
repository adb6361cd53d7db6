"""Which way a monitored value gets better is decided once, from its name or from the user's word."""

from __future__ import annotations

import logging
import math
from typing import Any

from bigdl_keras.callbacks.base import Logs

logger = logging.getLogger(__name__)

_RISING = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "ndcg", "map", "hit_ratio", "hitratio",
           "top_k", "top1", "top5", "cosine_similarity", "specificity", "sensitivity", "score")
_FALLING = ("loss", "error", "mse", "mae", "mape", "msle", "rmse", "crossentropy", "hinge", "divergence", "log_cosh",
            "logcosh", "poisson", "false_positives", "false_negatives", "perplexity")


class Monitor:
    """A value of the logs, and what "better" means for it.

    Args:
        name: key of the logs, e.g. "val_loss".
        mode: "min", "max" or "auto" (by the name).
        min_delta: smallest change that counts.
        owner: name of the callback, for messages.

    Attributes:
        sign: 1 if higher is better, -1 if lower is.

    Raises:
        ValueError: `mode` is "auto" and the name does not tell.
    """

    def __init__(self, name: str, mode: str, min_delta: float, owner: str) -> None:
        self.name = name
        self.sign = _sign(name, mode, owner)
        self.min_delta = abs(min_delta)
        self.owner = owner

    @property
    def worst(self) -> float:
        """The value that any other is better than."""
        return -self.sign * math.inf

    def is_better(self, value: float, best: float) -> bool:
        """Whether `value` beats `best` by more than the smallest change."""
        return self.sign * (value - best) > self.min_delta

    def read(self, logs: Logs | None) -> Any:
        """The value of these logs, or None with a warning that names what there is."""
        value = (logs or {}).get(self.name)
        if value is None:
            logger.warning("%s monitors %r, which is not in the logs. There are: %s.", self.owner, self.name,
                           ", ".join(logs or {}) or "none")
        return value


def _sign(name: str, mode: str, owner: str) -> float:
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"`mode` of {owner} must be 'auto', 'min' or 'max'. Received {mode!r}.")
    if mode != "auto":
        return 1.0 if mode == "max" else -1.0
    known = name.removeprefix("val_").lower()
    if any(word in known for word in _FALLING):
        return -1.0
    if any(word in known for word in _RISING):
        return 1.0
    raise ValueError(f"{owner} cannot tell whether {name!r} should rise or fall. Pass `mode='max'` or `mode='min'`.")
