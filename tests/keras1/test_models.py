"""BigDL's and Keras 1's methods of a model, on data so small that each test takes a moment."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras.keras1 import criterion, metrics, objectives, optimizer, optimizers, regularizers
from bigdl_keras.keras1.layers import LSTM, Activation, Dense, Input
from bigdl_keras.keras1.models import Model, Sequential, load_model, model_from_json
from bigdl_keras.keras1.nncontext import Sample, init_engine, init_nncontext
from bigdl_keras.keras1.preprocessing.sequence import pad_sequences
from bigdl_keras.keras1.utils.np_utils import to_categorical

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(60, 4)).astype("float32")
Y = X[:, :3].argmax(axis=1)


def classifier(**kwargs):
    model = Sequential(name="classifier")
    model.add(Dense(8, activation="relu", input_dim=4, name="hidden"))
    model.add(Dense(3, activation="softmax", name="scores"))
    model.compile(**{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **kwargs})
    return model


def test_fit_goes_on_for_so_many_epochs_more():
    model = classifier()
    history = model.fit(X, Y, batch_size=20, nb_epoch=2, validation_data=(X, Y), verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"} and len(history.epoch) == 2
    model.fit(X, Y, batch_size=20, nb_epoch=3, distributed=False, verbose=0)
    assert model.finished_epochs == 5 and model.optimizer.iterations == 15


def test_answers():
    model = classifier(metrics=["accuracy", "top5acc", "loss"])
    found = model.evaluate(X, Y, batch_size=20)
    assert len(found) == 3 and all(isinstance(value, float) for value in found)
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert len(model.evaluate(X, Y)) == 1
    predictions = model.predict(X, batch_per_thread=4)
    np.testing.assert_array_equal(model.predict_local(X), predictions)
    np.testing.assert_array_equal(model.forward(X), predictions)
    np.testing.assert_array_equal(model.predict_classes(X), predictions.argmax(axis=1))
    np.testing.assert_array_equal(model.predict_classes(X, zero_based_label=False), predictions.argmax(axis=1) + 1)
    with pytest.raises(ValueError, match="transform the DataFrame before"):
        model.predict(X, transform=object())


def test_parts_and_freezing(capsys):
    model = classifier()
    cut = model.new_graph(["hidden"])
    assert isinstance(cut, Model) and cut.get_layer("hidden") is model.get_layer("hidden")
    model.freeze_up_to(["hidden"])
    before = model.get_layer("hidden").get_weights()
    model.fit(X, Y, batch_size=20, nb_epoch=2, verbose=0)
    np.testing.assert_array_equal(model.get_layer("hidden").get_weights()[0], before[0])
    model.unfreeze()
    nested = Sequential([model, Dense(1)])
    assert [layer.name for layer in nested.flattened_layers()][:2] == ["hidden", "scores"]
    assert len(nested.flattened_layers(include_container=True)) == 4
    assert model.to_model().predict(X[:2]).shape == (2, 3)
    assert model.set_evaluate_status() is model
    model.summary(line_length=120, positions=[0.33, 0.55, 0.67, 1.0])
    assert "hidden (Dense)" in capsys.readouterr().out


def test_files(tmp_path):
    model = classifier()
    model.saveModel(str(tmp_path / "model"), str(tmp_path / "model"))
    with pytest.raises(FileExistsError):
        model.saveModel(str(tmp_path / "model"))
    again = Model.loadModel(str(tmp_path / "model"), str(tmp_path / "model"))
    assert isinstance(again, Sequential)
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-6)
    assert isinstance(load_model(tmp_path / "model.keras"), Sequential)
    assert model_from_json(model.to_json()).predict(X, distributed=True).shape == (60, 3)


def test_clipping_bounds_what_an_update_can_do():
    model = classifier(optimizer=optimizers.SGD(lr=1.0))
    model.set_constant_gradient_clipping(-0.001, 0.002)
    before = np.concatenate([array.ravel() for array in model.get_weights()])
    model.fit(X, Y, batch_size=60, nb_epoch=1, verbose=0)
    step = np.concatenate([array.ravel() for array in model.get_weights()]) - before
    assert step.max() == pytest.approx(0.001, rel=1e-2) and step.min() == pytest.approx(-0.002, rel=1e-2)
    model.clear_gradient_clipping()
    model.set_gradient_clipping_by_l2_norm(0.5)
    before = np.concatenate([array.ravel() for array in model.get_weights()])
    model.compile(optimizers.SGD(lr=10.0), "sparse_categorical_crossentropy")  # the wish outlives compile
    model.fit(X, Y, batch_size=60, nb_epoch=1, verbose=0)
    after = np.concatenate([array.ravel() for array in model.get_weights()])
    assert np.linalg.norm(after - before) <= 5.0 * 1.0001
    with pytest.raises(ValueError, match="must not be greater"):
        model.set_constant_gradient_clipping(1.0, -1.0)


def test_names_have_the_settings_of_their_time():
    assert optimizers.get("sgd").learning_rate == 0.01 and optimizers.get("adadelta").learning_rate == 1.0
    assert optimizers.Adam(epsilon=1e-3).legacy and optimizers.Nadam().schedule_decay == 0.004
    schedule = bk.optimizers.schedules.Poly(0.5, 100)
    assert optimizers.Adam(lr=0.4, schedule=schedule).learning_rate == pytest.approx(0.4)
    assert optimizers.AdamWeightDecay(lr=0.1, warmup_portion=0.5, total=10).learning_rate == 0.0
    with pytest.raises(ValueError, match="W_regularizer"):
        optimizers.Adam(weight_decay=0.1)
    assert regularizers.l2(0.5)(np.ones(3, "float32")) == pytest.approx(1.5)
    assert regularizers.L2Regularizer(0.5)(np.ones(3, "float32")) == pytest.approx(0.75)


def test_objectives_and_criteria():
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4]], "float32")
    expected = -np.log([0.8, 0.6]).mean()
    for loss, labels, scores in (
        (objectives.SparseCategoricalCrossEntropy(), [1, 0], probabilities),
        (objectives.SparseCategoricalCrossEntropy(zero_based_label=False), [2, 1], probabilities),
        (objectives.SparseCategoricalCrossEntropy(log_prob_as_input=True), [1, 0], np.log(probabilities)),
        (criterion.ClassNLLCriterion(), [2, 1], np.log(probabilities)),
        (criterion.ClassNLLCriterion(logProbAsInput=False), [2, 1], probabilities),
        (criterion.CrossEntropyCriterion(), [2, 1], np.log(probabilities) + 3.0),
    ):
        assert float(loss(np.array(labels), scores)) == pytest.approx(expected, rel=1e-5)
    padded = objectives.SparseCategoricalCrossEntropy(padding_value=7)
    assert float(padded(np.array([1, 7]), probabilities)) == pytest.approx(-np.log(0.8), rel=1e-5)
    summed = objectives.MeanSquaredError(size_average=False)
    assert float(summed(np.zeros((2, 2)), np.ones((2, 2), "float32"))) == pytest.approx(2.0)
    y, scores = np.array([[1.0], [-1.0]], "float32"), np.array([[0.5], [0.5]], "float32")
    assert float(objectives.Hinge(2.0)(y, scores)) == pytest.approx((1.5 + 2.5) / 2)
    assert float(criterion.MarginCriterion(squared=True)(y, scores)) == pytest.approx((0.25 + 2.25) / 2)
    assert float(criterion.SmoothL1Criterion()(np.zeros((1, 2)), np.array([[0.5, 2.0]], "float32"))) == \
        pytest.approx((0.125 + 1.5) / 2)
    with pytest.raises(ValueError, match="class_weight"):
        criterion.ClassNLLCriterion(weights=np.ones(3))


def test_metrics_of_bigdl():
    scores = np.eye(6, dtype="float32")[[0, 1, 2]] + np.linspace(0, 0.5, 6, dtype="float32")
    top = metrics.Top5Accuracy()
    top.update_state(np.array([0, 1, 0]), scores)
    assert top.result() == pytest.approx(2 / 3)
    first = metrics.SparseCategoricalAccuracy(zero_based_label=False)
    first.update_state(np.array([1, 2, 1]), scores)
    assert first.result() == pytest.approx(2 / 3)
    single = optimizer.Top1Accuracy()
    single.update_state(np.array([2, 1, 2]), np.array([[0.5], [0.2], [0.3]], "float32"))
    assert single.result() == pytest.approx(2 / 3)


def test_torch_descent():
    def trained(method, steps=3):
        weights = [np.array([1.0, -2.0], "float32")]
        for _ in range(steps):
            method.apply([weights[0] * 0.5], weights)
        return weights[0]

    weights, velocity = np.array([1.0, -2.0]), None
    for _ in range(3):
        slope = weights * 0.5 + 0.1 * weights
        velocity = slope if velocity is None else 0.9 * velocity + (1 - 0.9) * slope
        weights = weights - 0.2 * velocity
    np.testing.assert_allclose(trained(optimizer.SGD(0.2, weightdecay=0.1, momentum=0.9)), weights, rtol=1e-5)
    nesterov = optimizer.SGD(0.2, momentum=0.9, dampening=0.0, nesterov=True)
    assert np.abs(trained(nesterov)).sum() < np.abs(trained(optimizer.SGD(0.2))).sum()
    with pytest.raises(ValueError, match="dampening=0"):
        optimizer.SGD(momentum=0.9, nesterov=True)
    again = bk.optimizers.get(bk.optimizers.serialize(nesterov))
    assert again.get_config() == nesterov.get_config()


def test_the_optimizer_of_the_first_generation(tmp_path):
    model = Sequential([Dense(3, input_shape=(4,)), Activation("log_softmax")])
    train = optimizer.Optimizer(
        model=model, training_rdd=(X, Y + 1), criterion=criterion.ClassNLLCriterion(),
        optim_method=optimizer.SGD(learningrate=0.5, leaningrate_schedule=optimizer.Poly(0.5, 1000)),
        end_trigger=optimizer.MaxEpoch(5), batch_size=20)
    train.set_validation(20, (X, Y + 1), optimizer.EveryEpoch(), [optimizer.Top1Accuracy(), optimizer.Loss()])
    train.set_train_summary(optimizer.TrainSummary(str(tmp_path), "app"))
    train.set_gradclip_l2norm(5.0)
    trained = train.optimize()
    assert trained is model and trained.history.history["val_loss"][-1] < trained.history.history["val_loss"][0]
    assert len(trained.get_train_summary("Loss")) == 15
    train.set_validation(20, (X, Y + 1), optimizer.SeveralIteration(2), [optimizer.Top1Accuracy()])
    train.set_end_when(optimizer.MaxEpoch(2))
    assert len(train.optimize().get_validation_summary("loss")) >= 3
    more = optimizer.Optimizer.create(model, (X, Y + 1), criterion.ClassNLLCriterion(),
                                      end_trigger=optimizer.MaxIteration(4), batch_size=20)
    more.optimize()
    assert model.optimizer.iterations == 4


def test_a_plateau_lowers_the_rate_on_the_driver():
    def rates(schedule, made):
        train = optimizer.Optimizer(made([Dense(3, input_shape=(4,)), Activation("log_softmax")]), (X, Y + 1),
                                    criterion.ClassNLLCriterion(), optimizer.MaxEpoch(6), 30,
                                    optimizer.SGD(0.1, leaningrate_schedule=schedule))
        train.set_validation(30, (X, Y + 1), optimizer.EveryEpoch(), [optimizer.Loss()])
        return train.optimize().optimizer.learning_rate

    for made in (Sequential, bk.Sequential):
        still = optimizer.Plateau("Loss", 0.5, patience=2, epsilon=100.0, min_lr=0.03)  # nothing is better by so much
        assert rates(still, made) == pytest.approx(0.03)
        once = optimizer.Plateau("score", 0.5, patience=2, epsilon=100.0, cooldown=9)
        assert rates(once, made) == pytest.approx(0.05)
        assert rates(optimizer.Plateau("Loss", 0.5, patience=7), made) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="`monitor` of Plateau"):
        optimizer.Plateau("accuracy")


def test_lars_has_the_names_of_bigdl():
    made = optimizer.LarsSGD(trust=0.5, learningrate=0.2, weightdecay=0.01, momentum=0.7)
    assert isinstance(made, bk.optimizers.LARS)
    assert (made.learning_rate, made.decay, made.trust, made.l2, made.momentum) == (0.2, 0.01, 0.5, 0.01, 0.7)
    assert optimizer.LarsSGD(learningrate=0.2, learningrate_schedule=optimizer.Step(2, 0.5)).learning_rate_at(2) == 0.1
    with pytest.raises(ValueError, match="`trust` of LarsSGD"):
        optimizer.LarsSGD(trust=2.0)


def test_the_graph_of_layers_is_drawn_by_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    entry = Input(shape=(4,))
    hidden = Dense(3, name="hidden")(entry)
    Model(entry, Dense(2, name="end")(hidden + hidden)).save_graph_topology(str(tmp_path))
    nodes = {node.name: node for node in EventAccumulator(str(tmp_path)).Reload().Graph().node}
    added = nodes["end"].input[0]
    assert list(nodes["hidden"].input) and list(nodes[added].input) == ["hidden", "hidden"]
    assert nodes["hidden"].op == "Dense" and len(nodes) == 4
    with pytest.raises(ValueError, match="backward=False"):
        Model(entry, hidden).save_graph_topology(str(tmp_path), backward=True)


def test_small_functions():
    np.testing.assert_array_equal(pad_sequences([[1, 2, 3], [4]], maxlen=2), [[2, 3], [0, 4]])
    np.testing.assert_array_equal(pad_sequences([[1, 2, 3], [4], []], padding="post", truncating="post", value=9),
                                  [[1, 2, 3], [4, 9, 9], [9, 9, 9]])
    np.testing.assert_array_equal(to_categorical([0, 2]), [[1, 0, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match="Classes must be from 0 to 1"):
        to_categorical([2], nb_classes=2)
    entry = Input(shape=(3, 2))
    assert Model(input=entry, output=LSTM(4)(entry)).output_shape == (None, 4)


@pytest.mark.spark
def test_samples_in_an_rdd(spark):
    context = init_nncontext("scripts")
    init_engine()
    rows = context.parallelize([Sample.from_ndarray(x, y) for x, y in zip(X, Y, strict=True)], 2)
    model = classifier()
    before = model.evaluate(rows)
    model.fit(rows, batch_size=20, nb_epoch=4, validation_data=rows, distributed=True, verbose=0)
    assert model.evaluate(rows)[0] < before[0]
    classes = model.predict_classes(rows).collect()
    assert classes == model.predict(X).argmax(axis=1).tolist()


@pytest.mark.spark
def test_columns_of_a_frame(spark):
    frame = spark.createDataFrame([(row.tolist(), int(label)) for row, label in zip(X, Y, strict=True)],
                                  ["features", "label"])
    model = classifier()
    model.fit(frame, batch_size=20, nb_epoch=2, feature_cols=["features"], label_cols=["label"], verbose=0,
              validation_data=frame)
    found = model.evaluate(frame, feature_cols=["features"], label_cols=["label"])
    assert found == pytest.approx(model.evaluate(X, Y), rel=1e-4)
    scored = model.predict(frame, feature_cols=["features"], prediction_col="scores").collect()
    np.testing.assert_allclose([row.scores for row in scored], model.predict(X), rtol=1e-4)
    with pytest.raises(TypeError, match="array_max"):
        model.predict_classes(frame)


def test_load_keras_reads_what_json_does_not_tell_from_the_file_of_weights(fixtures):
    base = fixtures / "keras1.2.2-theano" / "k122th_conv2d_same_s2_th"
    architecture, weights = base.with_suffix(".json"), base.with_suffix(".h5")
    with np.load(base.with_suffix(".npz")) as known:
        x, expected = known["x"], known["y"]
    for model in (Model.load_keras(architecture, weights), bk.Model.load_keras(hdf5_path=weights)):
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4, atol=1e-5)
    assert isinstance(Model.load_keras(json_path=str(architecture), hdf5_path=str(weights)), Sequential)
    fresh = Model.load_keras(json_path=architecture)
    with pytest.raises(ValueError, match=r"on Theano, whose padding=.same. differs for the layers .*load_keras"):
        fresh.load_weights(weights)
    with pytest.raises(ValueError, match="needs a json_path, an hdf5_path, or both"):
        Model.load_keras()
