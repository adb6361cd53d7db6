"""The public operations, by Keras 3's names: on arrays they compute, on KerasTensors they record.

Each module lists what it makes public; the lists together are this face. What has an answer whose shape depends on
the data (nonzero, unique), or that is complex (eig, polar), works on arrays only and says so; branches and loops are
unrolled where their number of steps is known (`control`).
"""

from bigdl_keras.ops import (
    activation,
    arrangement,
    bits,
    control,
    core,
    counting,
    creation,
    crossentropy,
    derivative,
    elementwise,
    factors,
    fourier,
    image,
    indexing,
    linalg,
    linear,
    nan,
    nn,
    normalization,
    numeric,
    ordered,
    quantiles,
    reduction,
    reshaping,
    windows,
)
from bigdl_keras.ops.activation import *
from bigdl_keras.ops.arrangement import *
from bigdl_keras.ops.bits import *
from bigdl_keras.ops.control import *
from bigdl_keras.ops.core import *
from bigdl_keras.ops.counting import *
from bigdl_keras.ops.creation import *
from bigdl_keras.ops.crossentropy import *
from bigdl_keras.ops.derivative import *
from bigdl_keras.ops.elementwise import *
from bigdl_keras.ops.factors import *
from bigdl_keras.ops.fourier import *
from bigdl_keras.ops.indexing import *
from bigdl_keras.ops.linear import *
from bigdl_keras.ops.nan import *
from bigdl_keras.ops.normalization import *
from bigdl_keras.ops.numeric import *
from bigdl_keras.ops.ordered import *
from bigdl_keras.ops.quantiles import *
from bigdl_keras.ops.reduction import *
from bigdl_keras.ops.reshaping import *
from bigdl_keras.ops.windows import *

__all__ = [
    "image",
    "linalg",
    "nn",
    *activation.__all__,
    *arrangement.__all__,
    *bits.__all__,
    *control.__all__,
    *core.__all__,
    *counting.__all__,
    *creation.__all__,
    *crossentropy.__all__,
    *derivative.__all__,
    *elementwise.__all__,
    *factors.__all__,
    *fourier.__all__,
    *indexing.__all__,
    *linear.__all__,
    *nan.__all__,
    *normalization.__all__,
    *numeric.__all__,
    *ordered.__all__,
    *quantiles.__all__,
    *reduction.__all__,
    *reshaping.__all__,
    *windows.__all__,
]
