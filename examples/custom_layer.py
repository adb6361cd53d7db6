"""A layer and a loss of one's own, trained on the columns of a DataFrame.

Both are written with `bk.ops` and nothing else; their gradients are derived, and executors need no copy of this file.
"""

from __future__ import annotations

import os
import sys

from pyspark.sql import SparkSession
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

import bigdl_keras as bk
from bigdl_keras import ops


class Highway(bk.layers.Layer):
    """Lets a learned gate choose, per feature, between a transformed input and the input as it is.

    `y = t * relu(x W + b) + (1 - t) * x` with `t = sigmoid(x G + g)` (Srivastava et al., 2015).
    """

    def build(self, input_shape):
        features = input_shape[-1]
        self.kernel = self.add_weight(shape=(features, features), initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(features,), initializer="zeros", name="bias")
        self.gate = self.add_weight(shape=(features, features), initializer="glorot_uniform", name="gate")
        self.gate_bias = self.add_weight(shape=(features,), initializer=bk.initializers.Constant(-1), name="gate_bias")

    def call(self, inputs):
        transformed = ops.relu(ops.matmul(inputs, self.kernel) + self.bias)
        share = ops.sigmoid(ops.matmul(inputs, self.gate) + self.gate_bias)
        return share * transformed + (1.0 - share) * inputs


def focal_loss(y_true, y_pred):
    """Cross-entropy that cares less about rows that are right already (Lin et al., 2017)."""
    probability = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    return ops.mean(-ops.square(1.0 - probability) * ops.log(probability + 1e-7), axis=-1)


def main() -> None:
    """Train, and score the rows that were held out."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers run the Python that runs this
    spark = (SparkSession.builder.master("local[2]").appName("custom_layer")
             .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")

    cancer = load_breast_cancer(as_frame=True)
    names = [name.replace(" ", "_") for name in cancer.feature_names]
    table = cancer.frame.set_axis([*names, "benign"], axis=1)
    table[names] = StandardScaler().fit_transform(table[names])
    frame = spark.createDataFrame(table)
    train, held_out = frame.randomSplit([0.8, 0.2], seed=3)

    inputs = bk.Input((len(names),))
    hidden = Highway()(bk.layers.Dense(16, activation="tanh")(inputs))
    outputs = bk.layers.Dense(1, activation="sigmoid")(hidden)
    model = bk.Model(inputs, outputs)
    model.compile(optimizer="adam", loss=focal_loss, metrics=["accuracy", bk.metrics.AUC(name="auc")])
    model.summary()
    model.fit(train, feature_cols=names, label_cols=["benign"], batch_size=32, epochs=20, verbose=2)

    scores = model.evaluate(held_out, feature_cols=names, label_cols=["benign"], verbose=0, return_dict=True)
    print(f"held out: accuracy {scores['accuracy']:.3f}, AUC {scores['auc']:.3f}")
    model.predict(held_out, feature_cols=names).select("benign", "prediction").show(5, truncate=False)
    spark.stop()


if __name__ == "__main__":
    main()
