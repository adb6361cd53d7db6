"""BigDL's schedule that looks at a result: the driver lowers the rate, so that workers know numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bigdl_keras.callbacks import Callback, ReduceLROnPlateau


@dataclass(frozen=True)
class Plateau:
    """The rate times `factor` whenever what is monitored has not become better for `patience` epochs.

    A `learningrate_schedule` of `SGD`; the rate is part of the fit, not of what a file keeps of the optimizer.

    Args:
        monitor: "Loss", that of training, or "score", the first metric of the validation (its loss where it has none).
        factor: less than 1.
        patience: epochs that are waited for.
        mode: "min" where less is better, "max" where more is.
        epsilon: the smallest change that counts.
        cooldown: epochs after a change that are not looked at.
        min_lr: the lowest rate.

    Raises:
        ValueError: another monitor.
    """

    monitor: str
    factor: float = 0.1
    patience: int = 10
    mode: str = "min"
    epsilon: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        if self.monitor not in ("Loss", "score"):
            raise ValueError(f"`monitor` of Plateau must be 'Loss' or 'score'. Received {self.monitor!r}.")


class _Lowering(ReduceLROnPlateau):
    """`ReduceLROnPlateau` under BigDL's names of what is monitored."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        found = dict(logs or {})
        scores = [value for name, value in found.items() if name.startswith("val_") and name != "val_loss"]
        found["Loss"] = found.get("loss")
        found["score"] = scores[0] if scores else found.get("val_loss")
        super().on_epoch_end(epoch, found)


def with_plateau(callbacks: Callback | Sequence[Callback] | None, optimizer: Any) -> list[Callback]:
    """The callbacks of a fit, and the one that an optimizer made with a `Plateau` asks for."""
    given = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
    plateau = getattr(optimizer, "plateau", None)
    if plateau is not None:
        given.append(_Lowering(plateau.monitor, plateau.factor, plateau.patience, 0, plateau.mode, plateau.epsilon,
                               plateau.cooldown, plateau.min_lr))
    return given
