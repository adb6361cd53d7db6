"""Each example runs as a person would run it."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name: str, folder: Path) -> list[str]:
    """Run an example in `folder` and return what it printed, line by line."""
    answer = subprocess.run([sys.executable, EXAMPLES / name], cwd=folder, capture_output=True, text=True, timeout=170)
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr[-4000:]
    return answer.stdout.strip().splitlines()


@pytest.mark.cluster
@pytest.mark.timeout(180)
def test_digits(tmp_path):
    lines = run("digits.py", tmp_path)
    assert lines[-1].startswith("validation accuracy: 0.9")
    assert "predictions equal: True" in "\n".join(lines)
    output = tmp_path / "demo_output"
    assert (output / "training_curves.png").read_bytes().startswith(b"\x89PNG")
    assert (output / "digits.keras").exists()
    assert list((output / "tensorboard").rglob("*tfevents*"))


@pytest.mark.cluster
@pytest.mark.timeout(180)
def test_custom_layer(tmp_path):
    lines = run("custom_layer.py", tmp_path)
    accuracy = next(line for line in lines if line.startswith("held out: accuracy"))
    assert float(accuracy.split()[3].rstrip(",")) > 0.9


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_transfer_learning(tmp_path):
    lines = run("transfer_learning.py", tmp_path)
    heads = [line for line in lines if "accuracy on digits held out" in line]
    assert [float(line.split()[-1]) > least for line, least in zip(heads, (0.7, 0.85), strict=True)] == [True, True]
