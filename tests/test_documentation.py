"""What the documents show runs as shown: each file's Python snippets, in order, in one namespace."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def snippets(document: Path) -> list[tuple[int, str]]:
    """Line number and text of each ```python block."""
    text = document.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(1)) + 1, found[1])
            for found in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]


@pytest.mark.spark
@pytest.mark.parametrize("document", [path for path in DOCUMENTS if snippets(path)], ids=lambda path: path.name)
def test_snippets_run(document, spark, tmp_path, monkeypatch):
    """Snippets may ask for a SparkSession: they get the one of the tests."""
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for line, text in snippets(document):
        exec(compile("\n" * (line - 1) + text, str(document), "exec"), namespace)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    targets = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_commands_that_are_named_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {name for path in DOCUMENTS for name in re.findall(r"\bmake ([a-z-]+)", path.read_text(encoding="utf-8"))}
    assert named, "The documents name no command at all."
    assert [name for name in sorted(named) if f"\n{name}:" not in makefile] == []
