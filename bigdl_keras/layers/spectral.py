"""A wrapper that keeps the greatest singular value of a kernel at 1."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.wrappers import Wrapper
from bigdl_keras.registry import register


@register("layer")
class SpectralNormalization(Wrapper):
    """A layer whose kernel is divided, at each step of training, by its greatest singular value (Miyato et al., 2018).

    Args:
        layer: a layer with `kernel` or `embeddings`.
        power_iterations: steps of the power method at each step of training.
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.keep({"power_iterations": positive("SpectralNormalization", "power_iterations", power_iterations)})

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
        found = [name for name in ("kernel", "embeddings") if hasattr(self.layer, name)]
        if not found:
            raise ValueError(f"SpectralNormalization needs a layer with a kernel. Received {self.layer!r}.")
        self._kernel_name = found[0]
        self.kernel = getattr(self.layer, self._kernel_name)
        self.vector_u = self.add_weight((1, self.kernel.shape[-1]), _START, trainable=False, name="vector_u")

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return self.layer(inputs, training=False)
        vector, kernel = self._normalized()
        self.assign_in_training(self.vector_u, vector)
        self.assign_in_training(self.kernel, kernel)
        # for this call the layer reads the new kernel, so that its gradient is that of the division as well
        object.__setattr__(self.layer, self._kernel_name, kernel)
        try:
            return self.layer(inputs, training=True)
        finally:
            object.__setattr__(self.layer, self._kernel_name, self.kernel)

    def _normalized(self) -> tuple[Any, Any]:
        matrix = ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))
        right: Any = self.vector_u
        for _ in range(self.power_iterations):
            left = _unit(ops.matmul(right, ops.transpose(matrix)))
            right = _unit(ops.matmul(left, matrix))
        left, right = ops.stop_gradient(left), ops.stop_gradient(right)
        greatest = ops.matmul(ops.matmul(left, matrix), ops.transpose(right))
        return right, ops.reshape(ops.divide(matrix, greatest), self.kernel.shape)


_START = {"class_name": "TruncatedNormal", "config": {"stddev": 0.02}}


def _unit(x: Any) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x)), 1e-12))
