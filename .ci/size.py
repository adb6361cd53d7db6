#!/usr/bin/env python3
"""Prints lines of code per room, and lists files and functions that have outgrown what one reads at a sitting."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bigdl_keras"
LONGEST_FILE = 400
LONGEST_FUNCTION = 50


def docstring_lines(tree: ast.Module) -> int:
    """Lines taken by docstrings."""
    total = 0
    for node in ast.walk(tree):
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if documented and ast.get_docstring(node, clean=False) is not None:
            total += node.body[0].end_lineno - node.body[0].lineno + 1
    return total


def code_lines(text: str) -> int:
    """Lines that are neither blank nor comment nor docstring."""
    written = sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return written - docstring_lines(ast.parse(text))


def long_functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and length, without its docstring, of each function that is too long."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1 - docstring_lines(ast.Module([node], []))
            if length > LONGEST_FUNCTION:
                yield node.name, length


def room_of(path: Path) -> str:
    """First step below the package, or the folder outside it."""
    parts = path.relative_to(ROOT).parts
    if parts[0] != PACKAGE.name:
        return parts[0]
    return parts[1].removesuffix(".py") if parts[1] != "__init__.py" else "(face)"


def main() -> None:
    """Print the table."""
    lines: dict[str, int] = defaultdict(int)
    files: dict[str, int] = defaultdict(int)
    remarks = []
    for folder in (PACKAGE, ROOT / "tests", ROOT / "examples", ROOT / "benchmarks"):
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            lines[room_of(path)] += code_lines(text)
            files[room_of(path)] += 1
            length = len(text.splitlines())
            if length > LONGEST_FILE:
                remarks.append(f"{path.relative_to(ROOT)}: {length} lines")
            remarks += [f"{path.relative_to(ROOT)}: {name}() has {size} lines" for name, size in long_functions(text)]

    outside = ("tests", "examples", "benchmarks")
    print(f"{'room':<16}{'files':>6}{'lines of code':>15}")
    for room in sorted(set(lines) - set(outside), key=lambda name: -lines[name]):
        print(f"{room:<16}{files[room]:>6}{lines[room]:>15,}")
    inside = [room for room in lines if room not in outside]
    print(f"{'bigdl_keras':<16}{sum(files[r] for r in inside):>6}{sum(lines[r] for r in inside):>15,}\n")
    for room in outside:
        print(f"{room:<16}{files[room]:>6}{lines[room]:>15,}")
    if remarks:
        print(f"\nLonger than {LONGEST_FILE} lines a file or {LONGEST_FUNCTION} lines a function (docstring aside):")
        print("\n".join(f"  {remark}" for remark in remarks))


if __name__ == "__main__":
    main()
