"""The public operations, by Keras 3's names: on arrays they compute, on KerasTensors they record."""

from bigdl_keras.ops.core import *  # noqa: F403
from bigdl_keras.ops.elementwise import *  # noqa: F403
from bigdl_keras.ops.linear import *  # noqa: F403
from bigdl_keras.ops.nn import *  # noqa: F403
from bigdl_keras.ops.reduction import *  # noqa: F403
from bigdl_keras.ops.reshaping import *  # noqa: F403
