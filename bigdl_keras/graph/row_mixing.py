"""Where a model makes one value of all rows of a batch: each worker would make it of its own rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras.graph.trace import KernelCall, Trace

_READ_SHAPES_ALONE = frozenset({"row_count", "size_of", "zeros_like", "ones_like", "full_like", "arange_like"})


def where_rows_mix(trace: Trace, inputs: Sequence[Any], outputs: Sequence[Any]) -> KernelCall | None:
    """The first call whose result has no axis for the rows though it reads them, and that an output depends on.

    Sums over all workers (`global_sum`) do not depend on their number, so what only these read is left out. Results
    that keep an axis of unknown size, such as the products of all pairs of rows, are not seen.
    """
    by_rows = {id(tensor) for tensor in inputs}
    for call in trace.calls:
        if call.kernel not in _READ_SHAPES_ALONE and any(id(item) in by_rows for item in call.inputs):
            by_rows.update(id(tensor) for tensor in call.outputs if None in tensor.shape)
    needed = {id(tensor) for tensor in outputs}
    found = None
    for call in reversed(trace.calls):
        wanted = [tensor for tensor in call.outputs if id(tensor) in needed]
        if not wanted or call.kernel == "global_sum":
            continue
        needed.update(id(item) for item in call.inputs)
        reads_rows = call.kernel not in _READ_SHAPES_ALONE and any(id(item) in by_rows for item in call.inputs)
        if reads_rows and any(None not in tensor.shape for tensor in wanted):
            found = call
    return found
