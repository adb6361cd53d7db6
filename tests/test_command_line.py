"""The command line reads files of every age, changes their format without changing predictions, and runs nothing."""

import json

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras.__main__ import main

GENERATIONS = {
    "keras1.2.2-theano/k122th_bn_conv_th.h5": "Keras 1.2.2 (theano)",
    "keras1.2.2-tf/k122tf_bn_conv_tf.h5": "Keras 1.2.2 (tensorflow)",
    "keras1.2.2-tf/k122tf_activation_stack_weights.h5": "Keras 1",
    "keras2.2/k224_resume_adam.h5": "Keras 2.2.4 (tensorflow)",
    "keras2.2/k224_activation_layers_all.json": "Keras 2.2.4",
    "keras2.8/k28_mha_self.h5": "Keras 2.8.0",
    "keras2.15/k215_dotkeras_seq.keras": "Keras 2.15.0",
    "keras3/k3_activation_layers_all.h5": "Keras 3",
    "keras3/k3_activation_layers_all.keras": "Keras 3",
    "keras3/k3_attention_additive.weights.h5": "Keras 3",
}


@pytest.fixture
def model():
    """A small compiled model that has been trained for a step."""
    bk.set_random_seed(3)
    inputs = bk.Input((4,), name="rows")
    hidden = bk.layers.Dense(5, "relu", name="hidden")(inputs)
    model = bk.Model(inputs, bk.layers.Dense(1, name="answer")(hidden), name="small")
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4), "float32"), np.zeros((4, 1), "float32"), verbose=0)
    return model


def rows():
    return np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


@pytest.mark.parametrize(("name", "version"), GENERATIONS.items())
def test_inspect_tells_who_wrote_a_file(fixtures, capsys, name, version):
    assert main(["inspect", str(fixtures / name)]) == 0
    printed = capsys.readouterr()
    assert f"written by {version}" in printed.out
    assert printed.err == ""


def test_inspect_lists_layers_weights_and_optimizer(tmp_path, capsys, model):
    model.save(tmp_path / "m.keras")
    assert main(["inspect", str(tmp_path / "m.keras")]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "Architecture of 'small'" in lines
    assert "hidden Dense units=5 activation=relu rows" in lines
    assert "answer Dense units=1 hidden" in lines
    assert "Weights: 4 arrays, 124 bytes" in lines
    assert "layers/dense (hidden) 0 (4, 5) float32 80 bytes" in lines
    assert any(line.startswith("Optimizer: Adam(") and "learning_rate=0.001" in line for line in lines)
    assert any(line.startswith("Optimizer state: 10 arrays") for line in lines)


def test_inspect_names_layers_that_are_not_known(tmp_path, capsys, model):
    architecture = json.loads(model.to_json())
    layer = next(entry for entry in architecture["config"]["layers"] if entry["config"]["name"] == "hidden")
    layer |= {"class_name": "Puzzle", "module": "os", "registered_name": "strangers>Puzzle"}
    (tmp_path / "m.json").write_text(json.dumps(architecture))
    assert main(["inspect", str(tmp_path / "m.json")]) == 0
    assert "Not known to bigdl_keras: Puzzle" in capsys.readouterr().out


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_convert_keeps_predictions_and_training_state(fixtures, tmp_path, ending):
    source, target = str(fixtures / "keras2.2/k224_resume_adam.h5"), str(tmp_path / f"m{ending}")
    assert main(["convert", source, target]) == 0
    before, after = bk.models.load_model(source), bk.models.load_model(target)
    x = np.linspace(-1, 1, 2 * 6, dtype="float32").reshape(2, 6)
    np.testing.assert_array_equal(after.predict(x, verbose=0), before.predict(x, verbose=0))
    assert after.optimizer.iterations == before.optimizer.iterations > 0


def test_architecture_and_weights_apart_come_together(tmp_path, model, capsys):
    model.save(tmp_path / "m.keras")
    whole, architecture, weights, again = (str(tmp_path / name) for name in
                                           ("m.keras", "m.json", "m.weights.h5", "again.keras"))
    assert main(["convert", whole, architecture]) == 0
    assert main(["convert", whole, weights]) == 0
    assert main(["convert", architecture, again, "--weights", weights]) == 0
    assert "2 layers matched" in capsys.readouterr().out
    np.testing.assert_array_equal(bk.models.load_model(again).predict(rows(), verbose=0),
                                  model.predict(rows(), verbose=0))


def test_uris_of_local_files(tmp_path, model, capsys):
    model.save(tmp_path / "m.keras")
    source, target = (tmp_path / "m.keras").as_uri(), (tmp_path / "made" / "m.h5").as_uri()
    assert main(["inspect", source]) == 0
    assert f"{source}: a whole model" in capsys.readouterr().out
    assert main(["convert", source, target]) == 0
    np.testing.assert_array_equal(bk.models.load_model(target).predict(rows(), verbose=0),
                                  model.predict(rows(), verbose=0))
    assert main(["convert", source, target]) == 1
    assert main(["convert", source, target, "--overwrite"]) == 0


def test_no_compile_leaves_training_out(tmp_path, model):
    model.save(tmp_path / "m.keras")
    assert main(["convert", str(tmp_path / "m.keras"), str(tmp_path / "n.keras"), "--no-compile"]) == 0
    assert not bk.models.load_model(tmp_path / "n.keras").compiled


@pytest.mark.parametrize(("arguments", "message"), [
    (["inspect", "nowhere.keras"], "does not exist"),
    (["inspect", "text.txt"], "neither a HDF5 (.h5) nor a zip (.keras) file"),
    (["inspect", "broken.json"], "not valid JSON"),
    (["convert", "m.keras", "m.onyx"], "OUT must end in one of"),
    (["convert", "m.keras", "text.txt.json"], "--overwrite"),
    (["convert", "m.weights.h5", "n.keras"], "weights only"),
    (["convert", "m.json", "n.keras"], "--weights FILE"),
])
def test_what_cannot_be_done_is_said_in_a_line(tmp_path, monkeypatch, capsys, model, arguments, message):
    monkeypatch.chdir(tmp_path)
    model.save("m.keras")
    model.save_weights("m.weights.h5")
    (tmp_path / "m.json").write_text(model.to_json())
    (tmp_path / "text.txt").write_text("this is prose")
    (tmp_path / "text.txt.json").write_text("{}")
    (tmp_path / "broken.json").write_text("{'a': ")
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and message in printed.err
    assert printed.out == ""


def test_wrong_arguments_end_with_two(capsys):
    with pytest.raises(SystemExit) as ending:
        main(["convert", "only-one"])
    assert ending.value.code == 2
