"""What became of each array when a file was read into a model."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class WeightReport:
    """Arrays for a model, and which layers they came from.

    Args:
        arrays: one per variable of the model, in `get_weights` order; None where the file had nothing for it.
        matched: names of layers that were filled.
        skipped: layers whose arrays were left alone, each with the reason.
        missing: layers of the model that the file does not have.
        unused: layers of the file that the model does not have.
    """

    arrays: list[np.ndarray | None]
    matched: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{len(self.matched)} layers matched"]
        for title in ("skipped", "missing", "unused"):
            items = getattr(self, title)
            if items:
                lines.append(f"{title}: {', '.join(items)}")
        return "; ".join(lines)
