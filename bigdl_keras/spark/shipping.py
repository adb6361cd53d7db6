"""Executors need pyspark and numpy, nothing else of ours: the package travels to them once per application."""

from __future__ import annotations

import importlib.metadata
import py_compile
import shutil
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import threadpoolctl

if TYPE_CHECKING:
    from pyspark import SparkContext

_PACKAGE = Path(__file__).resolve().parent.parent
_COMPANIONS = (Path(threadpoolctl.__file__),)  # what executors need besides, if it is one file of plain Python
_shipped: set[str] = set()
_shipping = threading.Lock()


def ship(context: SparkContext) -> None:
    """Give the executors this package, unless they run on this machine and find it as installed."""
    with _shipping:  # two fits at once
        application = str(context.applicationId)
        if application in _shipped:
            return
        found = is_local(str(context.master)) and _is_installed(str(context.pythonExec))
        if not found and _PACKAGE.is_dir():  # otherwise it came to all of them with the application
            archive = Path(context._temp_dir) / f"{_PACKAGE.name}.zip"
            pack(archive)
            context.addPyFile(str(archive))
        _shipped.add(application)


def is_local(master: str) -> bool:
    """Whether tasks run on this machine, in processes of the driver's own."""
    return master == "local" or master.startswith("local[")


def pack(archive: Path) -> None:
    """Write the modules that executors need into a zip file from which they can be imported.

    They are compiled as well, or every Python worker would compile them again. The compiled ones do not look at times
    of files, and a Python of another version takes the sources.
    """
    modules = {path.relative_to(_PACKAGE.parent): path for path in sorted(_PACKAGE.rglob("*.py"))}
    modules |= {Path(path.name): path for path in _COMPANIONS}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file, tempfile.TemporaryDirectory() as folder:
        for name, path in modules.items():
            compiled = py_compile.compile(str(path), f"{folder}/module.pyc", str(name), doraise=True,
                                          invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            file.write(path, name)
            file.write(str(compiled), name.with_suffix(".pyc"))


def _is_installed(python: str) -> bool:
    """Whether that Python finds the package: it is installed, not only on the search path of this process."""
    try:
        importlib.metadata.version("bigdl-keras")
    except importlib.metadata.PackageNotFoundError:
        return False
    return Path(shutil.which(python) or python).parent == Path(sys.executable).parent
