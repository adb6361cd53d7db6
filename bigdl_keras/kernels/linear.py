"""Products of matrices: whatever the number of axes, a weight matrix meets its input in one single GEMM."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, each, sum_to_shape
from bigdl_keras.shapes import broadcast


def matmul_shape(a: Any, b: Any, **attributes: Any) -> Any:
    """Shape rule of numpy's `matmul`, with None for unknown axes."""
    if not a or not b:
        raise ValueError(f"matmul needs inputs with at least one axis. Received shapes {a} and {b}.")
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] is not None and inner is not None and a[-1] != inner:
        raise ValueError(
            f"matmul cannot multiply shapes {a} and {b}: the last axis of the first ({a[-1]}) must equal "
            f"{'the last but one' if len(b) > 1 else 'the only'} axis of the second ({inner})."
        )
    rows = a[-2:-1]
    columns = b[-1:] if len(b) > 1 else ()
    return (*broadcast(a[:-2], b[:-2]), *rows, *columns)


def _flat(x: Any, out: Any = None) -> Any:
    """All axes but the last as one."""
    return None if x is None else x.reshape(-1 if x.size else int(np.prod(x.shape[:-1])), x.shape[-1])


def matmul(a: Any, b: Any, *, out: Any = None) -> Any:
    if a.ndim > 2 and b.ndim == 2:
        return np.matmul(_flat(a), b, out=_flat(out)).reshape(*a.shape[:-1], b.shape[1])
    return np.matmul(a, b, out=out)


def _as_matrices(a: Any, b: Any, dy: Any) -> tuple[Any, Any, Any]:
    """Give vectors the axis of size 1 that `matmul` took away."""
    if a.ndim == 1:
        a = a[None, :]
        dy = np.expand_dims(dy, -1 if b.ndim == 1 else -2)
    if b.ndim == 1:
        b = b[:, None]
        dy = np.expand_dims(dy, -1)
    return a, b, dy


def matmul_gradient_a(dy: Any, a: Any, b: Any, *, out: Any = None) -> Any:
    if a.ndim >= 2 and b.ndim == 2:
        return np.matmul(_flat(dy), b.T, out=_flat(out)).reshape(a.shape)
    whole, b, dy = _as_matrices(a, b, np.asarray(dy))
    da = np.matmul(dy, np.swapaxes(b, -1, -2), out=out if a.ndim > 1 and dy.shape[:-2] == a.shape[:-2] else None)
    return sum_to_shape(da, whole.shape).reshape(a.shape)


def matmul_gradient_b(dy: Any, a: Any, b: Any, *, out: Any = None) -> Any:
    if a.ndim >= 2 and b.ndim == 2:
        return np.matmul(_flat(a).T, _flat(dy), out=out)
    a, whole, dy = _as_matrices(a, b, np.asarray(dy))
    db = np.matmul(np.swapaxes(a, -1, -2), dy, out=out if b.ndim > 1 and dy.shape[:-2] == b.shape[:-2] else None)
    return sum_to_shape(db, whole.shape).reshape(b.shape)


def dense(x: Any, kernel: Any, bias: Any, *, out: Any = None) -> Any:
    """x @ kernel + bias, with the bias added while the product is still in cache."""
    y = np.matmul(_flat(x), kernel, out=_flat(out))  # (rows, units)
    y += bias
    return y.reshape(*x.shape[:-1], kernel.shape[1])


def dense_gradient_x(dy: Any, x: Any, kernel: Any, bias: Any, *, out: Any = None) -> Any:
    return np.matmul(_flat(dy), kernel.T, out=_flat(out)).reshape(x.shape)


def dense_gradient_kernel(dy: Any, x: Any, kernel: Any, bias: Any, *, out: Any = None) -> Any:
    return np.matmul(_flat(x).T, _flat(dy), out=out)


def dense_gradient_bias(dy: Any, x: Any, kernel: Any, bias: Any, *, out: Any = None) -> Any:
    return np.add.reduce(_flat(dy), axis=0, out=out)


def dense_shape(x: Any, kernel: Any, bias: Any, **attributes: Any) -> Any:
    """Shape rule of `dense`."""
    return matmul_shape(x, kernel)


KERNELS["matmul"] = Kernel(matmul, each(matmul_gradient_a, matmul_gradient_b), matmul_shape)
KERNELS["dense"] = Kernel(dense, each(dense_gradient_x, dense_gradient_kernel, dense_gradient_bias), dense_shape)


def _terms(equation: str, ranks: tuple[int, ...]) -> tuple[list[str], str]:
    """The labels of inputs and output, one letter an axis: an ellipsis becomes capital letters, aligned at its end."""
    left, _, right = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks) or "->" not in equation:
        raise ValueError(f"einsum needs an equation 'inputs->output' with {len(ranks)} inputs. Received {equation!r}.")
    free = [letter for letter in "ZYXWVUTSRQPONMLKJIHGFEDCBA" if letter not in equation]
    longest = 0
    terms = []
    for term, rank in zip(inputs, ranks, strict=True):
        hidden = rank - len(term.replace("...", ""))
        if hidden < 0 or (hidden and "..." not in term):
            raise ValueError(f"einsum equation {equation!r}: the term {term!r} does not fit an input with {rank} axes.")
        longest = max(longest, hidden)
        terms.append(term.replace("...", "".join(reversed(free[:hidden]))))
    return terms, right.replace("...", "".join(reversed(free[:longest])))


def einsum_shape(*shapes: Any, equation: str) -> Any:
    """Shape rule of `einsum`."""
    terms, output = _terms(equation, tuple(len(shape) for shape in shapes))
    sizes: dict[str, list[tuple[int | None]]] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, size in zip(term, shape, strict=True):
            sizes.setdefault(label, []).append((size,))
    return tuple(broadcast(*sizes[label])[0] for label in output)


def _product(first: Any, second: Any, one: str, two: str, output: str) -> Any:
    """einsum of two inputs as one batched GEMM; labels of one input only must appear in the output."""
    batch = [label for label in output if label in one and label in two]
    inner = [label for label in one if label in two and label not in output]
    rows = [label for label in one if label not in two]
    columns = [label for label in two if label not in one]
    sizes = dict(zip(one, first.shape, strict=True)) | dict(zip(two, second.shape, strict=True))

    def group(labels: list[str]) -> int:
        return int(np.prod([sizes[label] for label in labels], dtype=np.int64))

    a = first.transpose([one.index(label) for label in batch + rows + inner])
    b = second.transpose([two.index(label) for label in batch + inner + columns])
    a = a.reshape(group(batch), group(rows), group(inner))
    b = b.reshape(group(batch), group(inner), group(columns))
    product = np.matmul(a[0], b[0]) if len(a) == 1 else np.matmul(a, b)
    order = batch + rows + columns
    return product.reshape([sizes[label] for label in order]).transpose([order.index(label) for label in output])


def _contract(inputs: list[Any], terms: list[str], output: str) -> Any:
    """einsum, through BLAS where two inputs allow it."""
    if len(inputs) == 2 and all(len(set(term)) == len(term) for term in (*terms, output)):
        one, two = terms
        common = [label for label in one if label in two]
        same = all(inputs[0].shape[one.index(label)] == inputs[1].shape[two.index(label)] for label in common)
        lone = set(one) ^ set(two)
        if same and lone <= set(output):
            return _product(inputs[0], inputs[1], one, two, output)
    return np.einsum(f"{','.join(terms)}->{output}", *inputs, optimize=len(inputs) > 2)


def einsum(*inputs: Any, equation: str, out: Any = None) -> Any:
    terms, output = _terms(equation, tuple(x.ndim for x in inputs))
    return np.asarray(_contract(list(inputs), terms, output), order="C")  # a scalar stays one


def einsum_gradient(dy: Any, *inputs: Any, wanted: Any, out: Any, equation: str) -> tuple[Any, ...]:
    """The same sum with dy in the place of the wanted input."""
    terms, output = _terms(equation, tuple(x.ndim for x in inputs))
    return tuple(
        _einsum_gradient(dy, list(inputs), terms, output, place) if want else None for place, want in enumerate(wanted)
    )


def _einsum_gradient(dy: Any, inputs: list[Any], terms: list[str], output: str, place: int) -> Any:
    term, shape = terms[place], inputs[place].shape
    if len(set(term)) < len(term):
        raise ValueError(f"einsum cannot derive the gradient of a term that repeats an axis. Received {term!r}.")
    others = [x for index, x in enumerate(inputs) if index != place]
    labels = [other for index, other in enumerate(terms) if index != place]
    present = set(output).union(*labels) & set(term)
    kept = "".join(label for label in term if label in present)
    dx = _contract([np.asarray(dy), *others], [output, *labels], kept)
    dx = dx.reshape([dx.shape[kept.index(label)] if label in present else 1 for label in term])
    dx = sum_to_shape(dx, tuple(1 if size == 1 else have for size, have in zip(shape, dx.shape, strict=True)))
    return np.array(np.broadcast_to(dx, shape))


KERNELS["einsum"] = Kernel(einsum, einsum_gradient, einsum_shape)
