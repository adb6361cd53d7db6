"""Sounds as pictures: how strong each frequency is in each stretch of time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bigdl_keras import initializers, ops
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_EPSILON = 1e-7


@register("layer")
class STFTSpectrogram(Layer):
    """The short-time Fourier transform of each channel, by convolutions whose kernels can be trained.

    Args:
        mode: "log" (of the magnitude), "magnitude", "psd" (power), "real", "imag", "angle", or "stft" (real and
            imaginary parts side by side).
        frame_length: of a stretch of time.
        frame_step: from one to the next; half of `frame_length` if None.
        fft_length: of the transform; the next power of 2 if None.
        window: the weights in a frame: a name such as "hann", or None.
        periodic: of the window.
        scaling: "density", "spectrum" or None.
        padding: "valid" or "same".
        expand_dims: give frequencies an axis of their own.
        data_format: "channels_last" or "channels_first".

    Input shape:
        (batch, time, channels).

    Output shape:
        (batch, frames, channels * frequencies), or (batch, frames, frequencies, channels).
    """

    def __init__(self, mode: str = "log", frame_length: int = 256, frame_step: int | None = None,
                 fft_length: int | None = None, window: str | None = "hann", periodic: bool = False,
                 scaling: str | None = "density", padding: str = "valid", expand_dims: bool = False,
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, value, allowed in (("mode", mode, _MODES), ("scaling", scaling, (None, "density", "spectrum")),
                                     ("padding", padding, ("valid", "same"))):
            if value not in allowed:
                raise ValueError(f"`{name}` of STFTSpectrogram must be one of {allowed}. Received {value!r}.")
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError("`frame_step` of STFTSpectrogram must be from 1 to `frame_length`. "
                             f"Received {frame_step} and {frame_length}.")
        if fft_length is not None and fft_length < frame_length:
            raise ValueError("`fft_length` of STFTSpectrogram must be at least `frame_length`. "
                             f"Received {fft_length} and {frame_length}.")
        self.keep({"mode": mode, "frame_length": frame_length, "frame_step": frame_step, "fft_length": fft_length,
                   "window": window, "periodic": periodic, "scaling": scaling, "padding": padding,
                   "expand_dims": expand_dims, "data_format": image_format(data_format)})
        self._step = frame_step or frame_length // 2
        self._bins = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        shape = (self.frame_length, 1, self._bins)
        for side, other in (("real", "imag"), ("imag", "real")):
            if self.mode != other:
                initializer = initializers.STFT(side, self.window, self.scaling, self.periodic)
                setattr(self, f"{side}_kernel", self.add_weight(shape, initializer, name=f"{side}_kernel"))

    def _transformed(self, inputs: Any, kernel: Any) -> Any:
        """(batch, channels, frames, frequencies)."""
        first = inputs if self.data_format == "channels_first" else ops.transpose(inputs, (0, 2, 1))
        channels, time = first.shape[1:]
        frames = ops.conv(ops.reshape(first, (-1, time, 1)), kernel, strides=self._step, padding=self.padding)
        return ops.reshape(frames, (-1, channels, *frames.shape[1:]))

    def call(self, inputs: Any) -> Any:
        parts = {side: self._transformed(inputs, getattr(self, f"{side}_kernel")) for side in ("real", "imag")
                 if self.mode not in {"real", "imag"} - {side}}
        return self._arranged(self._measured(parts))

    def _measured(self, parts: dict[str, Any]) -> Any:
        if self.mode in parts:
            return parts[self.mode]
        real, imaginary = parts["real"], parts["imag"]
        if self.mode == "angle":
            return ops.arctan2(imaginary, real)
        if self.mode == "stft":
            return ops.concatenate([real, imaginary], axis=3)
        power = ops.square(real) + ops.square(imaginary)
        if self.mode == "psd":  # what lies at negative frequencies counts too
            return power + ops.pad(power[:, :, :, 1:-1], [[0, 0], [0, 0], [0, 0], [1, 1]])
        magnitude = ops.sqrt(ops.maximum(power, _EPSILON))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, _EPSILON))

    def _arranged(self, x: Any) -> Any:
        _, channels, frames, bins = x.shape
        if self.expand_dims:
            return x if self.data_format == "channels_first" else ops.transpose(x, (0, 2, 3, 1))
        if self.data_format == "channels_first":
            return ops.reshape(ops.transpose(x, (0, 1, 3, 2)), (-1, channels * bins, frames))
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, frames, channels * bins))


@register("layer")
class MelSpectrogram(Layer):
    """How strong a sound is in bands of the mel scale, in each stretch of time.

    Args:
        fft_length: of the Fourier transform.
        sequence_stride: from one stretch to the next.
        sequence_length: of a stretch; `fft_length` if None.
        window: the weights in a stretch: "hann", "hamming" or None.
        sampling_rate: numbers a second.
        num_mel_bins: how many bands there are.
        min_freq, max_freq: from where to where, in Hertz; up to half of `sampling_rate` if None.
        power_to_db: answer in decibels.
        top_db: how far below its loudest place a sound may lie; each sound's own, where Keras takes that of the batch.
        mag_exp: power of the magnitude.
        min_power: least power, so that logarithms are finite.
        ref_power: the power that is 0 decibels.

    Input shape:
        (batch, time), or (time,).

    Output shape:
        (batch, num_mel_bins, stretches).
    """

    def __init__(self, fft_length: int = 2048, sequence_stride: int = 512, sequence_length: int | None = None,
                 window: str | None = "hann", sampling_rate: int = 16000, num_mel_bins: int = 128,
                 min_freq: float = 20.0, max_freq: float | None = None, power_to_db: bool = True,
                 top_db: float = 80.0, mag_exp: float = 2.0, min_power: float = 1e-10, ref_power: float = 1.0,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.sequence_length = sequence_length or fft_length
        self.max_freq = max_freq or int(sampling_rate / 2)
        if self.sequence_length > fft_length:
            raise ValueError("`fft_length` of MelSpectrogram must be at least `sequence_length`. "
                             f"Received {fft_length} and {sequence_length}.")
        self.built = True

    def call(self, inputs: Any) -> Any:
        real, imaginary = ops.stft(ops.cast(inputs, self.dtype), self.sequence_length, self.sequence_stride,
                                   self.fft_length, self.window)
        power = ops.power(ops.sqrt(ops.square(real) + ops.square(imaginary)), self.mag_exp)
        bands = ops.matmul(power, self._bands().astype(self.dtype))  # (batch, stretches, bands)
        return ops.swapaxes(self._decibels(bands) if self.power_to_db else bands, -1, -2)

    def _bands(self) -> np.ndarray:
        """(frequencies, bands): triangles on the mel scale, without the constant part."""
        frequencies = _mel(np.linspace(0, self.sampling_rate / 2, self.fft_length // 2 + 1)[1:])[:, None]
        edges = np.linspace(_mel(self.min_freq), _mel(self.max_freq), self.num_mel_bins + 2)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
        return np.pad(np.maximum(0, np.minimum(rising, falling)), [[1, 0], [0, 0]])

    def _decibels(self, bands: Any) -> Any:
        reference = 10 * math.log10(max(abs(self.ref_power), self.min_power))
        decibels = ops.log10(ops.maximum(bands, self.min_power)) * 10 - reference
        return ops.maximum(decibels, ops.max(decibels, axis=(-2, -1), keepdims=True) - self.top_db)


def _mel(frequency: Any) -> Any:
    """Hertz on the scale of equal steps of pitch (the HTK book)."""
    return 1127 * np.log(1 + np.asarray(frequency) / 700)
