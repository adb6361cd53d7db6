"""Executors need not have this package installed: it travels to them once per application."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkContext

_PACKAGE = Path(__file__).resolve().parent.parent
_shipped: set[str] = set()


def ship(context: SparkContext) -> None:
    """Give the executors this package, unless they run on this machine with this very Python."""
    application = str(context.applicationId)
    master = str(context.master)
    if application in _shipped or master == "local" or master.startswith("local["):
        return
    archive = Path(context._temp_dir) / f"{_PACKAGE.name}.zip"
    pack(archive)
    context.addPyFile(str(archive))
    _shipped.add(application)


def pack(archive: Path) -> None:
    """Write the modules of this package into a zip file from which they can be imported."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(_PACKAGE.rglob("*.py")):
            file.write(path, path.relative_to(_PACKAGE.parent))
