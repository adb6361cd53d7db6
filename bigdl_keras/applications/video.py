"""A sequence of images is continued: one stack of ConvLSTMs remembers what was seen, another unrolls what comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers import Conv2D, ConvLSTM2D, Input, TimeDistributed
from bigdl_keras.models import Model


def ConvLSTMSeq2Seq(
    input_shape: Sequence[int], output_length: int, filters: Sequence[int] = (64, 64), kernel_size: int = 3,
    output_activation: Any = "sigmoid", name: str = "conv_lstm_seq2seq",
) -> Model:
    """Encoder and decoder of ConvLSTMs, made for forecasting rain from radar (Shi et al., 2015).

    The states of each encoder layer are the first states of the decoder layer beside it; the decoder is fed the last
    image's features at every step.

    Args:
        input_shape: (images, rows, columns, channels) of what is seen.
        output_length: images to come.
        filters: channels of the layers of encoder and decoder.
        kernel_size: window of all convolutions of states.
        output_activation: of the images that are answered.
        name: name of the model.
    """
    seen = Input(tuple(input_shape), name="seen")
    x, states = seen, []
    for place, width in enumerate(filters, start=1):
        x, *state = ConvLSTM2D(width, kernel_size, padding="same", return_sequences=True, return_state=True,
                               name=f"encoder_{place}")(x)
        states.append(state)
    x = ops.repeat(ops.expand_dims(states[-1][0], 1), output_length, axis=1)
    for place, (width, state) in enumerate(zip(filters, states, strict=True), start=1):
        x = ConvLSTM2D(width, kernel_size, padding="same", return_sequences=True, name=f"decoder_{place}")(
            x, initial_state=state)
    image = Conv2D(input_shape[-1], 1, activation=output_activation, name="image")
    return Model(seen, TimeDistributed(image, name="to_come")(x), name=name)
