"""Scripts written for BigDL or Keras 1.2.2 run with their imports changed: names of then, models of now.

`bigdl.nn.keras.layer`, `bigdl.dllib.keras.layers` and `keras.layers` become `bigdl_keras.keras1.layers`, and so on for
`models`, `objectives`, `metrics`, `optimizers`, `regularizers`, `constraints`, `callbacks`, `backend`, `utils.np_utils`
and `preprocessing.sequence`. `bigdl.optim.optimizer` becomes `keras1.optimizer`, `bigdl.nn.criterion`
`keras1.criterion`; what starts Spark (`bigdl.util.common`, `bigdl.dllib.nncontext`) is in `keras1.nncontext`. Autograd
is `bigdl_keras.autograd`.

What differs from BigDL, on purpose:

* Labels of classes count from 0 in objectives and metrics (BigDL 0.x: from 1). The criteria of `keras1.criterion` and
  the validation methods of `keras1.optimizer` count from 1, as there.
* The momentum of BatchNormalization is the share that the moving average keeps, as in Keras; in BigDL the rest.
* Masks travel (BigDL's Masking only zeroes), layers can be shared, Bidirectional does not need sequences.
* Arrays train in this process; RDDs and DataFrames train where they are. The numbers are the same.
* `LeakyReLU()` has slope 0.01 and `BatchNormalization()` axis 1, as in BigDL's Python; Keras 1 has 0.3 and -1.

What is not here: `layers.NOT_HERE`; layers and models of the JVM (`bigdl.nn.layer`, files of Caffe, Torch and BigDL,
ImageSet, TextSet); `backward` and gradients of single layers.
"""
