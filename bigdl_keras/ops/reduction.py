"""Many numbers become one along `axis`: an int, a tuple, or None for all axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import as_float, as_tensor

__all__: list[str] = []

Axis = int | tuple[int, ...] | list[int] | None


def _reduction(name: str, meaning: str, floating: bool = False, boolean: bool = False) -> Callable[..., Any]:
    def compute(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        x = as_float(x) if floating else as_tensor(x)
        if boolean and str(x.dtype) != "bool":
            x = apply("cast", x, dtype="bool")
        return apply(name, x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"{meaning} along `axis` (None: all axes); `keepdims` leaves them with size 1."
    __all__.append(name)
    return operation(compute)


sum = _reduction("sum", "Sum")
mean = _reduction("mean", "Mean", floating=True)
max = _reduction("max", "Largest element")
min = _reduction("min", "Smallest element")
prod = _reduction("prod", "Product")
var = _reduction("var", "Variance (divided by the count)", floating=True)
std = _reduction("std", "Standard deviation (divided by the count)", floating=True)
any = _reduction("any", "Whether any element is true", boolean=True)
all = _reduction("all", "Whether all elements are true", boolean=True)
logsumexp = _reduction("logsumexp", "log(sum(exp(x)))", floating=True)
