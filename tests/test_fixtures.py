"""Every file that real Keras wrote is opened and compared by the checker that ships with the files, run as it is."""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).resolve().parent.parent.parent / "shared" / "fixtures"
NOT_YET = json.loads((Path(__file__).parent / "not_yet_supported.json").read_text())


def _cases() -> list[dict[str, Any]]:
    manifest = FIXTURES / "public" / "manifest.json"
    return json.loads(manifest.read_text())["cases"] if manifest.exists() else []


@pytest.fixture(scope="module")
def checker() -> Any:
    spec = importlib.util.spec_from_file_location("check_import", FIXTURES / "check_import.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not _cases(), reason="the Keras fixtures are not beside this checkout")
@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["name"])
def test_case(case: dict[str, Any], checker: Any) -> None:
    """All checks of a case pass, except those listed in not_yet_supported.json; a listed one that passes is wrong."""
    options = argparse.Namespace(checks=[], v=0, keras=False, max_fail_print=0)
    runner = checker.Runner(checker.BigdlAdapter(), str(FIXTURES / "public"), options)
    runner.run([case])
    assert runner.rows, "the checker ran nothing"
    failed = {row["check"]: row["error"] for row in runner.rows if not row["ok"]}
    listed = set(NOT_YET.get(case["name"], {}))
    unexpected = {check: error for check, error in failed.items() if check not in listed}
    assert not unexpected
    assert not listed - set(failed), "these pass now: take them out of not_yet_supported.json"


def test_the_list_names_real_cases() -> None:
    if not _cases():
        pytest.skip("the Keras fixtures are not beside this checkout")
    assert set(NOT_YET) <= {case["name"] for case in _cases()}
