"""The page that says what is here of Keras and BigDL is that of today's library."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "coverage.py"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("coverage_page", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script):
    assert script.PAGE.read_text() == script.page(), "run python .ci/coverage.py"


def test_what_is_missing_is_not_called_here(script):
    assert script.is_here("layers", "Dense") and not script.is_here("layers", "Dens")
    assert script.is_here("keras1.models.Model", "freeze_up_to") and script.is_here("autograd", "mm")
    assert script.instead("layers", "AugMix").startswith("`RandAugment`")
    assert script.instead("layers", "SomethingNew") == "not yet"
