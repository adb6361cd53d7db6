"""A network that Keras wrote to a file years ago learns another task, on the rows of a DataFrame.

1. The file is opened, without Keras, and cut where its convolutions end; they are frozen.
2. Two new layers behind them learn digits: only these train.
3. Everything is set free and learns a little more, slowly.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import bigdl_keras as bk

FILE = Path(__file__).resolve().parent / "data" / "keras_2.2.4_lenet5.h5"  # made for images of 20 by 20 pixels


def frames(spark: SparkSession) -> list[DataFrame]:
    """Digits to train on and digits held out: images of 8 by 8 pixels, drawn twice as large with a margin of 2."""
    images, digits = load_digits(return_X_y=True)
    images = np.kron((images / 16).reshape(-1, 8, 8), np.ones((1, 2, 2)))
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    parts = train_test_split(images, digits, test_size=0.2, stratify=digits, random_state=7)
    return [
        spark.createDataFrame([(image.ravel().tolist(), int(digit)) for image, digit in zip(x, y, strict=True)],
                              "pixels array<float>, digit int").cache()
        for x, y in ((parts[0], parts[2]), (parts[1], parts[3]))
    ]


def main() -> None:
    """Cut, freeze, train a new head, then all."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master("local[2]").appName("transfer learning").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    bk.set_random_seed(1)
    train, held_out = frames(spark)
    columns = {"feature_cols": ["pixels"], "label_cols": ["digit"]}

    body = bk.models.load_model(FILE).new_graph("flatten_1")
    body.freeze()
    x = bk.layers.Dense(48, activation="relu", name="new_hidden")(body.output)
    model = bk.Model(body.input, bk.layers.Dense(10, activation="softmax", name="digit")(x))
    model.summary(show_trainable=True)

    for title, epochs, rate in (("new layers only", 10, 0.01), ("all layers", 5, 0.002)):
        model.compile(bk.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(train, **columns, batch_size=64, epochs=epochs, validation_data=held_out, verbose=2).history
        print(f"{title}: accuracy on digits held out {history['val_accuracy'][-1]:.3f}")
        model.unfreeze()
        body.unfreeze()
    spark.stop()


if __name__ == "__main__":
    main()
