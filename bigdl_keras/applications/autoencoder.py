"""An autoencoder says again what it was told, through a narrow door in the middle."""

from __future__ import annotations

from collections.abc import Sequence

from bigdl_keras.layers import Dense, Input
from bigdl_keras.models import Sequential


def Autoencoder(input_dim: int = 784, hidden: int | Sequence[int] = 32, output_activation: str | None = "sigmoid",
                name: str = "autoencoder") -> Sequential:
    """Dense layers down to a code and up again; BigDL's example is 784, 32, 784.

    Args:
        input_dim: numbers of a row.
        hidden: widths down to the code, which is the last; on the way up they come in reverse.
        output_activation: 'sigmoid' for numbers between 0 and 1.
        name: name of the model.
    """
    widths = [hidden] if isinstance(hidden, int) else list(hidden)
    down = [Dense(width, activation="relu", name=f"encoder_{place}") for place, width in enumerate(widths, start=1)]
    up = [Dense(width, activation="relu", name=f"decoder_{place}")
          for place, width in enumerate(reversed(widths[:-1]), start=1)]
    last = Dense(input_dim, activation=output_activation, name="reconstruction")
    return Sequential([Input((input_dim,)), *down, *up, last], name=name)
