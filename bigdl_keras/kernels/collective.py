"""Kernels that speak with the other workers: each calls `total`, which sums a float64 array over all of them.

The loss of the team is the sum of the local losses. A number S = sum of x_w enters every local loss L_v, so the
gradient of the summand x_w is the sum over all workers v of dL_v/dS: the flow back of a sum over workers is again a sum
over workers. (With a count of data, as in `num_local / global_sum(count)`, nothing is differentiated, and nothing is
sent on the way back.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, same_shape

Total = Callable[[np.ndarray], np.ndarray]


def _summed(x: Any, total: Total) -> Any:
    x = np.asarray(x)
    return np.asarray(total(x.astype(np.float64))).reshape(x.shape).astype(x.dtype)


def global_sum(x: Any, *, total: Total, out: Any = None) -> Any:
    return _summed(x, total)


def global_sum_gradient(dy: Any, *, total: Total, wanted: Any, out: Any) -> tuple[Any, ...]:
    return (_summed(dy, total),)


KERNELS["global_sum"] = Kernel(global_sum, global_sum_gradient, same_shape, (), collective=True)
