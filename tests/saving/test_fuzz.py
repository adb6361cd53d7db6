"""The first inputs of the fuzzing run (fuzz.py), from the few files that travel with the tests."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.saving.fuzz import ENDINGS, FOLDERS, make_input, read

FILES = [path for path in sorted(FOLDERS[0].iterdir()) if path.suffix in ENDINGS]


@pytest.mark.parametrize("seed", range(8))
def test_mutated_files_end_in_a_model_or_a_refusal(seed: int, tmp_path: Path) -> None:
    outcomes = set()
    for number in range(25):
        source, content = make_input(FILES, seed, number)
        path = tmp_path / f"input{source.suffix}"
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcomes.add(read(path))
    assert "ValueError" in outcomes and outcomes <= {"read", "ValueError", "TypeError", "UFuncTypeError", "not text"}
