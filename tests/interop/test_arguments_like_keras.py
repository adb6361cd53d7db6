"""Arguments given by position mean what they mean to real Keras, or are refused: never another argument."""

from __future__ import annotations

import importlib
import inspect

import pytest

keras = pytest.importorskip("keras", minversion="3.15", reason="make interop installs real Keras")
pytestmark = pytest.mark.interop

FAMILIES = ["layers", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers", "regularizers",
            "constraints", "callbacks"]


def _classes(family):
    theirs = importlib.import_module(f"keras.{family}")
    ours = importlib.import_module(f"bigdl_keras.{family}")
    return [pytest.param(getattr(ours, name), item, id=f"{family}.{name}") for name, item in vars(theirs).items()
            if inspect.isclass(item) and inspect.isclass(getattr(ours, name, None))]


def _by_position(cls):
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [item.name for item in parameters if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]


@pytest.mark.parametrize("ours, theirs", [pair for family in FAMILIES for pair in _classes(family)])
def test_order(ours, theirs):
    mine, expected = _by_position(ours), _by_position(theirs)
    shared = min(len(mine), len(expected))
    assert mine[:shared] == expected[:shared]
