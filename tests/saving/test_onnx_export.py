"""Without the package onnx, exporting says what to install."""

import builtins

import pytest

import bigdl_keras as bk


def test_missing_package_is_named(tmp_path, monkeypatch):
    original = builtins.__import__

    def without_onnx(name, *arguments):
        if name == "onnx":
            raise ImportError("No module named 'onnx'")
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    model = bk.Sequential([bk.Input((2,)), bk.layers.Dense(1)])
    with pytest.raises(ImportError, match=r"pip install 'bigdl-keras\[onnx\]'"):
        model.export_onnx(tmp_path / "m.onnx")
