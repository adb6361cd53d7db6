"""What a merge may leave behind in text files."""

import re
import subprocess

import pytest

from tests.conftest import REPOSITORY

MARKER = re.compile(rb"^(<{7}|>{7}|\|{7}|={7})( |\r?$)", re.MULTILINE)


def test_no_marker_of_a_conflict_is_left():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout of git")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    assert len(names) > 100
    found = [name for name in names if (path := REPOSITORY / name).is_file() and MARKER.search(path.read_bytes())]
    assert not found


@pytest.mark.parametrize("line", [b"<" * 7 + b" HEAD", b"=" * 7, b">" * 7 + b" 83d567e (Say)", b"|" * 7 + b" base"])
def test_markers_are_seen(line):
    assert MARKER.search(b"a\n" + line + b"\nb\n")
    assert not MARKER.search(b"a\n " + line + b"\n")
