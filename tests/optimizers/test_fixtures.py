"""Every optimizer and schedule item of the genuine Keras fixtures, of all generations."""

import json
from pathlib import Path

import numpy as np
import pytest

from bigdl_keras import optimizers

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared/fixtures/public"
RTOL, ATOL = 1e-4, 1e-5


NOT_EQUAL = {
    # Made with `lr` alone, Keras 1.2.2 means epsilon 1e-8 and Keras 2.2 means 1e-7; nothing else tells them apart.
    "k224_adadelta_10": "build",
}


def items(kind):
    manifest = FIXTURES / "manifest.json"
    if not manifest.exists():
        return []
    cases = [case for case in json.loads(manifest.read_text(encoding="utf8"))["cases"] if case["family"] == kind]
    return [
        pytest.param(item, case["files"]["npz"], id=f"{case['generation']}-{item['id']}")
        for case in cases
        for item in json.loads((FIXTURES / case["files"]["ops"]).read_text(encoding="utf8"))["items"]
    ]


def build(item):
    config = dict(item["config"])
    for key in ("lr", "learning_rate"):
        if isinstance(config.get(key), dict):
            config[key] = getattr(optimizers.schedules, config[key]["schedule"])(**config[key]["config"])
    return getattr(optimizers, item["class_name"])(**config)


def full(item):
    return optimizers.deserialize({"class_name": item["class_name"], "config": item["full_config"]})


@pytest.mark.parametrize("make", [build, full])
@pytest.mark.parametrize(("item", "npz"), items("optimizers"))
def test_optimizer(item, npz, make, request):
    if NOT_EQUAL.get(item["id"]) == make.__name__:
        request.applymarker(pytest.mark.xfail(strict=True))
    values = np.load(FIXTURES / npz)
    optimizer = make(item)
    weights = [values[f"p{k}"].copy() for k in range(item["n_params"])]
    for step in range(item["steps"]):
        optimizer.apply([values[f"g_t{step}_p{k}"] for k in range(item["n_params"])], weights)
        for k, weight in enumerate(weights):
            np.testing.assert_allclose(weight, values[f"{item['id']}_t{step}_p{k}"], RTOL, ATOL)


@pytest.mark.parametrize(("item", "npz"), items("schedules"))
def test_schedule(item, npz):
    values = np.load(FIXTURES / npz)
    schedule = getattr(optimizers.schedules, item["class_name"])(**item["config"])
    np.testing.assert_allclose([schedule(int(step)) for step in values["steps"]], values[item["value"]], 1e-4, 1e-7)
