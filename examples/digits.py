"""Real handwritten digits, from rows of Spark to a saved model: `make demo` runs this.

1. scikit-learn's 1797 scanned digits become an RDD and a DataFrame.
2. A small convolutional network trains on the RDD, on two workers that each own half of its parameters.
3. The saved model is loaded again and scores the DataFrame.
4. A file that Keras itself wrote years ago is opened, without Keras, and scores a DataFrame too.

Everything it makes lands in ./demo_output. The last line is the accuracy on digits the model never saw.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
from pyspark import RDD
from pyspark.sql import DataFrame, SparkSession
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import bigdl_keras as bk

matplotlib.use("Agg")  # no display is needed
from matplotlib import pyplot as plt

WORKERS = 2
EPOCHS = 15
LEAST_ACCURACY = 0.97
DATA = Path(__file__).resolve().parent / "data"
OUTPUT = Path("demo_output")


def say(text: str) -> None:
    """Announce a step."""
    print(f"\n== {text}", flush=True)


def start_spark() -> SparkSession:
    """A Spark of two cores in this machine, whose workers run the Python that runs this."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = (SparkSession.builder.master(f"local[{WORKERS}]").appName("digits")
             .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def build_model() -> bk.Sequential:
    """A convolutional network for images of 8 by 8 pixels."""
    model = bk.Sequential([
        bk.Input((8, 8, 1)),
        bk.layers.Conv2D(32, 3, padding="same", activation="relu"),
        bk.layers.MaxPooling2D(2),
        bk.layers.Conv2D(64, 3, padding="same", activation="relu"),
        bk.layers.MaxPooling2D(2),
        bk.layers.Flatten(),
        bk.layers.Dropout(0.3),
        bk.layers.Dense(10, activation="softmax"),
    ], name="digits")
    model.compile(optimizer=bk.optimizers.Adam(learning_rate=0.003), loss="sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    return model


def draw_curves(history: dict[str, list[float]], path: Path) -> None:
    """Loss and accuracy of each epoch, on what was trained on and on what was held out."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for panel, name in zip(panels, ("loss", "accuracy"), strict=True):
        epochs = range(1, len(history[name]) + 1)
        panel.plot(epochs, history[name], label="training")
        panel.plot(epochs, history[f"val_{name}"], label="validation")
        panel.set(xlabel="epoch", ylabel=name)
        panel.grid(alpha=0.3)
        panel.legend()
    figure.suptitle("Handwritten digits, two workers")
    figure.savefig(path, dpi=120)


def as_frame(spark: SparkSession, images: np.ndarray, digits: np.ndarray) -> DataFrame:
    """One row an image: its pixels as an array column, and which digit it shows."""
    rows = [(image.ravel().tolist(), int(digit)) for image, digit in zip(images, digits, strict=True)]
    return spark.createDataFrame(rows, "pixels array<float>, digit int")


def score_old_keras_file(spark: SparkSession) -> None:
    """Open a file of Keras 2.2.4 and compare its predictions on a DataFrame with those that Keras made."""
    say("A file that Keras 2.2.4 wrote, opened without Keras")
    reference = np.load(DATA / "keras_2.2.4_lenet5_reference.npz")
    lenet = bk.models.load_model(DATA / "keras_2.2.4_lenet5.h5")
    lenet.summary()
    frame = spark.createDataFrame([(image.ravel().tolist(),) for image in reference["x"]], "pixels array<float>")
    scored = lenet.predict(frame, feature_cols=["pixels"]).collect()
    predictions = np.array([row.prediction for row in scored])
    difference = float(np.abs(predictions - reference["y"]).max())
    print(f"largest difference from what Keras predicted: {difference:.1e}")
    if difference > 1e-5:
        sys.exit("The imported model does not predict what Keras predicted.")


def train(rows: RDD, held_out: RDD) -> tuple[bk.Sequential, float]:
    """Train on the RDD through Spark; the model, and its accuracy on what was held out after the last epoch."""
    say(f"Training on {WORKERS} workers")
    bk.set_random_seed(1)
    model = build_model()
    model.summary()
    model.set_tensorboard(str(OUTPUT / "tensorboard"), "digits")
    start = time.perf_counter()
    history = model.fit(rows, batch_size=64, epochs=EPOCHS, validation_data=held_out, engine="barrier").history
    print(f"{EPOCHS} epochs in {time.perf_counter() - start:.1f} s")
    draw_curves(history, OUTPUT / "training_curves.png")
    losses = model.get_train_summary("Loss")
    print(f"curves: {OUTPUT / 'training_curves.png'}; {len(losses)} losses for TensorBoard: "
          f"tensorboard --logdir {OUTPUT / 'tensorboard'}")
    return model, history["val_accuracy"][-1]


def save_and_load(model: bk.Sequential, images: np.ndarray) -> bk.Sequential:
    """Save the model and return what loading it gives."""
    say("Saved, loaded again, and asked the same")
    path = OUTPUT / "digits.keras"
    model.save(path)
    again = bk.models.load_model(path)
    same = np.array_equal(model.predict(images, verbose=0), again.predict(images, verbose=0))
    print(f"{path}: {path.stat().st_size:,} bytes; predictions equal: {same}")
    if not same:
        sys.exit("The loaded model predicts something else.")
    return again


def score(model: bk.Sequential, frame: DataFrame) -> float:
    """The model's accuracy on the DataFrame."""
    say("The loaded model scores the DataFrame")
    rows = model.predict(frame, feature_cols=["pixels"]).collect()
    guesses = [int(np.argmax(row.prediction)) for row in rows]
    for row, guess in list(zip(rows, guesses, strict=True))[:5]:
        print(f"  a {row.digit} was read as {guess}, with probability {max(row.prediction):.3f}")
    return sum(row.digit == guess for row, guess in zip(rows, guesses, strict=True)) / len(rows)


def main() -> None:
    """Run the four steps."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    spark = start_spark()

    say("Real digits, as an RDD and as a DataFrame")
    images, digits = load_digits(return_X_y=True)
    images = (images / 16).astype("float32").reshape(-1, 8, 8, 1)
    x_train, x_held_out, y_train, y_held_out = train_test_split(images, digits, test_size=0.2, stratify=digits,
                                                                random_state=7)
    rows = spark.sparkContext.parallelize(list(zip(x_train, y_train, strict=True)), WORKERS)
    held_out = spark.sparkContext.parallelize(list(zip(x_held_out, y_held_out, strict=True)), WORKERS)
    frame = as_frame(spark, x_held_out, y_held_out).cache()
    print(f"RDD: {rows.count()} images to train on, {held_out.count()} held out; "
          f"DataFrame: the same {frame.count()}, {frame.dtypes}")

    model, validated = train(rows, held_out)
    again = save_and_load(model, x_held_out)
    accuracy = score(again, frame)
    score_old_keras_file(spark)
    spark.stop()

    if abs(accuracy - validated) > 1e-6:
        sys.exit(f"Validation during training said {validated}, scoring the DataFrame {accuracy}.")
    print(f"\nvalidation accuracy: {accuracy:.3f}")
    if accuracy < LEAST_ACCURACY:
        sys.exit(f"At least {LEAST_ACCURACY} was expected.")


if __name__ == "__main__":
    main()
