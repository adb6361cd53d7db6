"""The ladder of rooms is one thing in the document and in the contracts, and the contracts refuse what they should."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "bigdl_keras"
api = pytest.importorskip("importlinter.api")

LOOKS_DOWN = "Rooms only look down"
NO_CIRCLES = "No circles inside a room"
SPARK_STAYS = "Spark stays in the Spark rooms"


def enforced_ladder() -> list[list[str]]:
    """Rungs of the contract, from the top; parentheses mark rooms that may be absent."""
    contracts = api.read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == LOOKS_DOWN)
    return [re.split(r"\s*\|\s*", layer) for layer in layers]


def rooms() -> list[str]:
    """All rooms of the contract, without their parentheses."""
    return [room.strip("()") for rung in enforced_ladder() for room in rung]


def test_document_draws_the_ladder_that_is_enforced():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = re.search(r"## The ladder\n+```\n(.*?)```", text, re.DOTALL)[1]
    drawn = [sorted(re.split(r"\s*\|\s*", line.strip())) for line in drawing.strip().splitlines()]
    assert drawn == [sorted(room.strip("()") for room in rung) for rung in enforced_ladder()]


def test_rooms_that_exist_are_required():
    optional = [room.strip("()") for rung in enforced_ladder() for room in rung if room.startswith("(")]
    standing = [room for room in optional if (PACKAGE / room).exists() or (PACKAGE / f"{room}.py").exists()]
    assert standing == [], "These rooms stand: take their parentheses away in pyproject.toml."


def test_every_folder_is_a_package():
    """import-linter does not see a folder without `__init__.py`."""
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.fixture
def house(tmp_path):
    """A package with every room of the ladder, all empty, under the project's own contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in ("", *rooms()):
        folder = tmp_path / "bigdl_keras" / room
        folder.mkdir()
        (folder / "__init__.py").touch()
    (tmp_path / "bigdl_keras" / "engine" / "tasks.py").write_text("import pyspark\n")
    return tmp_path


def verdicts(house: Path) -> dict[str, str]:
    """What import-linter says of each contract ('KEPT' or 'BROKEN'), or of the whole under 'output' if it gave up."""
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    answer = subprocess.run([sys.executable, "-c", script, "--no-cache"], cwd=house, capture_output=True, text=True,
                            timeout=60)
    found = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", answer.stdout, re.MULTILINE))
    return {**found, "output": answer.stdout + answer.stderr, "passed": answer.returncode == 0}


def test_house_that_obeys_passes(house):
    found = verdicts(house)
    assert found["passed"], found["output"]


@pytest.mark.parametrize(("module", "line", "contract"), [
    ("kernels/linear.py", "from bigdl_keras import layers", LOOKS_DOWN),
    ("layers/dense.py", "from bigdl_keras.saving import spec", LOOKS_DOWN),
    ("losses/custom.py", "from bigdl_keras import metrics", LOOKS_DOWN),
    ("graph/plan.py", "def run():\n    from bigdl_keras import engine", LOOKS_DOWN),
    ("helpers/__init__.py", "", LOOKS_DOWN),
    ("engine/loop.py", "import pyspark", SPARK_STAYS),
    ("models/training.py", "def fit():\n    from pyspark.sql import SparkSession", SPARK_STAYS),
])
def test_breach_is_refused(house, module, line, contract):
    path = house / "bigdl_keras" / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(line + "\n")
    (house / "bigdl_keras" / "saving" / "spec.py").touch()
    found = verdicts(house)
    assert found[contract] == "BROKEN", found["output"]


def test_circle_inside_a_room_is_refused(house):
    (house / "bigdl_keras" / "graph" / "plan.py").write_text("from bigdl_keras.graph import compiler\n")
    (house / "bigdl_keras" / "graph" / "compiler.py").write_text("def f():\n    from bigdl_keras.graph import plan\n")
    found = verdicts(house)
    assert found[NO_CIRCLES] == "BROKEN", found["output"]
