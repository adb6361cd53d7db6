"""Every row of our table of operations, given to the operation of the same name of real Keras, gives the same."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

keras = pytest.importorskip("keras", minversion="3.15", reason="make interop installs real Keras")
pytestmark = pytest.mark.interop

from bigdl_keras import ops  # noqa: E402
from tests.ops.operation_cases import CASES  # noqa: E402

OURS_ALONE = {"dense", "dtype_of", "global_sum", "hard_sigmoid_legacy", "logit", "mish"}
"""Operations that Keras does not have, or has elsewhere."""

LIKE_KERAS = [case for case in CASES if case.name not in OURS_ALONE and not case.unlike_keras]


def _leaves(answer):
    return [np.asarray(item) for item in (answer if isinstance(answer, (list, tuple)) else [answer])]


@pytest.mark.parametrize("case", LIKE_KERAS, ids=str)
def test_operation(case):
    theirs = _leaves(case.call(*case.arrays, ops=keras.ops))
    with np.errstate(all="ignore"):
        ours = _leaves(case.call(*case.arrays))
    assert [item.shape for item in ours] == [item.shape for item in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype.kind == other.dtype.kind
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-5)


NAMES = [f"{space}{name}" for space, names in (("", ops.__all__), ("image.", ops.image.__all__)) for name in names
         if name not in OURS_ALONE | {"image", "linalg", "nn"}]
ANOTHER_DEFAULT = {"mode", "data_format", "dtype", "step"}  # None and the one value that it stands for
NEEDED = {("where", "x1"), ("where", "x2"), ("multi_hot", "num_classes")}
"""Arguments without which Keras's operation is another one (nonzero), or fails."""


def _find(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_arguments(name):
    theirs, ours = (inspect.signature(_find(module, name)).parameters for module in (keras.ops, ops))
    theirs = [item for item in theirs.values() if item.kind is not inspect.Parameter.VAR_KEYWORD or name == "rearrange"]
    assert list(ours)[:len(theirs)] == [item.name for item in theirs]
    for item in theirs:
        if item.name not in ANOTHER_DEFAULT and (name, item.name) not in NEEDED:
            assert ours[item.name].default == item.default, item.name
