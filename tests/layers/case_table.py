"""Every layer on one line: how it is made, what it is given, what shape it answers with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras import layers, ops
from bigdl_keras.layers import GRU, LSTM, RNN, Layer

POSITIVE = np.random.default_rng(1).uniform(0.5, 2.0, (2, 3))
INTEGERS = np.random.default_rng(0).integers(0, 5, (3, 4))
PLACES = np.tile(np.arange(4), (3, 1))
ONES = np.ones((3, 4), int)
UNIT_IMAGES = np.random.default_rng(2).uniform(0.1, 0.9, (2, 3, 2, 3))


def double(x: Any) -> Any:
    return x * 2.0


class SelfAttention(Layer):
    """An attention layer, which takes several arguments, as a layer of one input."""

    def __init__(self, attention: Any, causal: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = layers.lookup.layer_from_config(attention)
        self.causal = causal

    def call(self, inputs: Any) -> Any:
        return self.attention(inputs, inputs, use_causal_mask=self.causal)

    def get_config(self) -> dict[str, Any]:
        attention = layers.lookup.layer_to_config(self.attention)
        return {**super().get_config(), "attention": attention, "causal": self.causal}


class ThereAndBack(Layer):
    """An embedding whose vectors become scores again."""

    def __init__(self, embedding: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embedding = layers.lookup.layer_from_config(embedding)

    def call(self, inputs: Any) -> Any:
        return self.embedding(self.embedding(inputs) * 2.0, reverse=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "embedding": layers.serialize(self.embedding)}


class PlainCell(Layer):
    """A user's own recurrent cell."""

    state_size = 3

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1] + 3, 3), name="kernel")

    def call(self, inputs: Any, states: Any) -> Any:
        output = ops.tanh(ops.matmul(ops.concatenate([inputs, states[0]], axis=-1), self.kernel))
        return output, [output]


Case = tuple[Callable[[], Any], Any, Any]

CASES: list[Case] = [
    # core
    (lambda: layers.Dense(3, "relu"), (4, 5), (4, 3)),
    (lambda: layers.Dense(3, use_bias=False), (4, 2, 5), (4, 2, 3)),
    (lambda: layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d", activation="tanh"), (2, 4, 3), (2, 4, 6)),
    (lambda: layers.EinsumDense("...x,xy->...y", 3, bias_axes="y"), (2, 4, 5), (2, 4, 3)),
    (lambda: layers.ReversibleEmbedding(5, 3, mask_zero=True), INTEGERS, (3, 4, 3)),
    (lambda: ThereAndBack(layers.ReversibleEmbedding(5, 3)), INTEGERS, (3, 4, 5)),
    (lambda: ThereAndBack(layers.ReversibleEmbedding(5, 3, False, logit_soft_cap=2.0)), INTEGERS, (3, 4, 5)),
    (lambda: layers.Activation("gelu"), (2, 3), (2, 3)),
    (lambda: layers.Identity(), (2, 3), (2, 3)),
    (lambda: layers.Embedding(5, 3, mask_zero=True), INTEGERS, (3, 4, 3)),
    (lambda: layers.Masking(), (2, 3, 4), (2, 3, 4)),
    (lambda: layers.ActivityRegularization(0.1, 0.2), (2, 3), (2, 3)),
    (lambda: layers.Lambda("double"), (2, 3), (2, 3)),
    # activations
    (lambda: layers.ReLU(6.0, 0.1, 0.2), (2, 3), (2, 3)),
    (lambda: layers.LeakyReLU(0.2), (2, 3), (2, 3)),
    (lambda: layers.ELU(0.5), (2, 3), (2, 3)),
    (lambda: layers.PReLU(shared_axes=[1]), (2, 3, 4), (2, 3, 4)),
    (lambda: layers.Softmax(), (2, 3), (2, 3)),
    (lambda: layers.Softmax([1, 2]), (2, 3, 4), (2, 3, 4)),
    # merging
    (lambda: layers.Add(), [(2, 3), (2, 3), (2, 3)], (2, 3)),
    (lambda: layers.Add(), [(2, 4, 3), (2, 3)], (2, 4, 3)),
    (lambda: layers.Subtract(), [(2, 3), (2, 3)], (2, 3)),
    (lambda: layers.Multiply(), [(2, 3), (2, 3), (2, 1)], (2, 3)),
    (lambda: layers.Average(), [(2, 3), (2, 3)], (2, 3)),
    (lambda: layers.Maximum(), [(2, 3), (2, 3)], (2, 3)),
    (lambda: layers.Minimum(), [(2, 3), (2, 3)], (2, 3)),
    (lambda: layers.Concatenate(1), [(2, 3, 4), (2, 2, 4)], (2, 5, 4)),
    (lambda: layers.Dot(-1, normalize=True), [(2, 3, 4), (2, 5, 4)], (2, 3, 5)),
    (lambda: layers.Dot(1), [(2, 3), (2, 3)], (2, 1)),
    (lambda: layers.Dot((2, 1)), [(2, 3, 4), (2, 4, 5)], (2, 3, 5)),
    # reshaping
    (lambda: layers.Flatten(), (2, 3, 4), (2, 12)),
    (lambda: layers.Flatten("channels_first"), (2, 3, 4, 2), (2, 24)),
    (lambda: layers.Reshape((2, -1)), (2, 3, 4), (2, 2, 6)),
    (lambda: layers.Permute((2, 1)), (2, 3, 4), (2, 4, 3)),
    (lambda: layers.RepeatVector(3), (2, 4), (2, 3, 4)),
    (lambda: layers.ZeroPadding1D((1, 2)), (2, 3, 4), (2, 6, 4)),
    (lambda: layers.ZeroPadding2D(((1, 0), (0, 2))), (2, 3, 3, 2), (2, 4, 5, 2)),
    (lambda: layers.ZeroPadding3D(1), (2, 2, 2, 2, 1), (2, 4, 4, 4, 1)),
    (lambda: layers.Cropping1D(1), (2, 5, 3), (2, 3, 3)),
    (lambda: layers.Cropping2D(((1, 0), (1, 1)), "channels_first"), (2, 3, 4, 5), (2, 3, 3, 3)),
    (lambda: layers.Cropping3D(), (2, 3, 3, 3, 1), (2, 1, 1, 1, 1)),
    (lambda: layers.UpSampling1D(2), (2, 3, 2), (2, 6, 2)),
    (lambda: layers.UpSampling2D((2, 3), interpolation="bilinear"), (2, 3, 2, 2), (2, 6, 6, 2)),
    (lambda: layers.UpSampling2D(2, "channels_first"), (2, 2, 3, 2), (2, 2, 6, 4)),
    (lambda: layers.UpSampling2D(2, interpolation="bicubic"), (2, 3, 2, 1), (2, 6, 4, 1)),
    (lambda: layers.ZeroPadding1D(1, "channels_first"), (2, 3, 4), (2, 3, 6)),
    (lambda: layers.UpSampling3D((1, 2, 2)), (2, 2, 2, 2, 1), (2, 2, 4, 4, 1)),
    # regularization
    (lambda: layers.Dropout(0.5), (4, 5), (4, 5)),
    (lambda: layers.Dropout(0.5, noise_shape=(None, 1)), (4, 5), (4, 5)),
    (lambda: layers.SpatialDropout1D(0.5), (4, 5, 2), (4, 5, 2)),
    (lambda: layers.SpatialDropout2D(0.5), (4, 5, 2, 2), (4, 5, 2, 2)),
    (lambda: layers.SpatialDropout3D(0.5, "channels_first"), (4, 5, 2, 2, 2), (4, 5, 2, 2, 2)),
    (lambda: layers.GaussianDropout(0.5), (4, 5), (4, 5)),
    (lambda: layers.AlphaDropout(0.5), (4, 5), (4, 5)),
    (lambda: layers.GaussianNoise(0.5), (4, 5), (4, 5)),
    # pooling
    (lambda: layers.MaxPooling1D(), (2, 6, 3), (2, 3, 3)),
    (lambda: layers.MaxPooling2D(2, padding="same"), (2, 5, 5, 3), (2, 3, 3, 3)),
    (lambda: layers.MaxPooling3D(), (2, 4, 4, 4, 1), (2, 2, 2, 2, 1)),
    (lambda: layers.AveragePooling1D(2), (2, 6, 3), (2, 3, 3)),
    (lambda: layers.AveragePooling2D(2, padding="same", data_format="channels_first"), (2, 3, 5, 5), (2, 3, 3, 3)),
    (lambda: layers.AveragePooling3D(), (2, 4, 4, 4, 1), (2, 2, 2, 2, 1)),
    (lambda: layers.GlobalAveragePooling1D(), (2, 4, 3), (2, 3)),
    (lambda: layers.GlobalMaxPooling1D(keepdims=True), (2, 4, 3), (2, 1, 3)),
    (lambda: layers.GlobalAveragePooling2D(), (2, 4, 4, 3), (2, 3)),
    (lambda: layers.GlobalMaxPooling2D("channels_first"), (2, 3, 4, 3), (2, 3)),
    (lambda: layers.GlobalAveragePooling3D(), (2, 4, 4, 2, 3), (2, 3)),
    (lambda: layers.GlobalMaxPooling3D(), (2, 4, 4, 2, 3), (2, 3)),
    (lambda: layers.AdaptiveAveragePooling1D(3), (2, 7, 2), (2, 3, 2)),
    (lambda: layers.AdaptiveAveragePooling2D(2, "channels_first"), (2, 2, 3, 5), (2, 2, 2, 2)),
    (lambda: layers.AdaptiveAveragePooling3D(2), (1, 3, 2, 4, 1), (1, 2, 2, 2, 1)),
    (lambda: layers.AdaptiveMaxPooling1D(3), (2, 7, 2), (2, 3, 2)),
    (lambda: layers.AdaptiveMaxPooling2D((2, 3)), (2, 3, 5, 2), (2, 2, 3, 2)),
    (lambda: layers.AdaptiveMaxPooling3D(2), (1, 3, 2, 4, 1), (1, 2, 2, 2, 1)),
    # convolution
    (lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), (2, 6, 3), (2, 6, 4)),
    (lambda: layers.Conv2D(4, (3, 2), 2, "same", groups=2, activation="tanh"), (2, 5, 5, 4), (2, 3, 3, 4)),
    (lambda: layers.Conv2D(2, 3, data_format="channels_first"), (2, 2, 5, 4), (2, 2, 3, 2)),
    (lambda: layers.Conv3D(2, 2), (2, 3, 3, 3, 2), (2, 2, 2, 2, 2)),
    (lambda: layers.Conv1DTranspose(2, 3, strides=2), (2, 4, 3), (2, 9, 2)),
    (lambda: layers.Conv2DTranspose(2, 3, strides=2, padding="same"), (2, 3, 3, 2), (2, 6, 6, 2)),
    (lambda: layers.Conv3DTranspose(2, 2, strides=2), (1, 2, 2, 2, 2), (1, 4, 4, 4, 2)),
    (lambda: layers.DepthwiseConv1D(3, depth_multiplier=2), (2, 5, 3), (2, 3, 6)),
    (lambda: layers.DepthwiseConv2D(3), (2, 5, 5, 3), (2, 3, 3, 3)),
    (lambda: layers.SeparableConv1D(4, 3), (2, 5, 3), (2, 3, 4)),
    (lambda: layers.SeparableConv2D(4, 3, padding="same"), (2, 4, 4, 3), (2, 4, 4, 4)),
    (lambda: layers.LocallyConnected1D(3, 2, strides=2, activation="tanh"), (2, 6, 2), (2, 3, 3)),
    (lambda: layers.LocallyConnected2D(2, (2, 3), data_format="channels_first"), (2, 2, 4, 5), (2, 2, 3, 3)),
    (lambda: layers.LocallyConnected1D(3, 3, strides=2, padding="same", implementation=2), (2, 5, 2), (2, 3, 3)),
    (lambda: layers.LocallyConnected2D(2, 2, padding="same", data_format="channels_first", implementation=3),
     (2, 2, 3, 4), (2, 2, 3, 4)),
    # normalization
    (lambda: layers.BatchNormalization(), (6, 4), (6, 4)),
    (lambda: layers.BatchNormalization(1, scale=False), (3, 4, 5, 5), (3, 4, 5, 5)),
    (lambda: layers.LayerNormalization(), (3, 4, 5), (3, 4, 5)),
    (lambda: layers.LayerNormalization([1]), (3, 4, 5), (3, 4, 5)),
    (lambda: layers.RMSNormalization(), (3, 4, 5), (3, 4, 5)),
    (lambda: layers.GroupNormalization(2), (3, 4, 6), (3, 4, 6)),
    (lambda: layers.UnitNormalization(), (3, 4), (3, 4)),
    (lambda: layers.SpectralNormalization(layers.Dense(3)), (4, 5), (4, 3)),
    # recurrent
    (lambda: layers.SimpleRNN(4), (3, 5, 2), (3, 4)),
    (lambda: LSTM(4, return_sequences=True, go_backwards=True), (3, 5, 2), (3, 5, 4)),
    (lambda: LSTM(4, return_state=True, activation="mish"), (3, 5, 2), [(3, 4)] * 3),
    (lambda: GRU(4), (3, 5, 2), (3, 4)),
    (lambda: GRU(4, reset_after=False, dropout=0.2, recurrent_dropout=0.3), (3, 5, 2), (3, 4)),
    (lambda: GRU(4, activation="mish", use_bias=False), (3, 5, 2), (3, 4)),
    (lambda: RNN([layers.LSTMCell(3), layers.GRUCell(2)], True, go_backwards=True), (3, 5, 2), (3, 5, 2)),
    (lambda: RNN(layers.StackedRNNCells([layers.SimpleRNNCell(3)])), (3, 5, 2), (3, 3)),
    (lambda: RNN(PlainCell()), (3, 4, 2), (3, 3)),
    (lambda: layers.ConvLSTM1D(3, 3, padding="same"), (2, 3, 5, 2), (2, 5, 3)),
    (lambda: layers.ConvLSTM2D(2, (2, 3), return_sequences=True, dropout=0.2), (2, 3, 4, 5, 1), (2, 3, 3, 3, 2)),
    (lambda: layers.ConvLSTM2D(2, 2, 1, "valid", "channels_first", return_state=True), (2, 2, 1, 4, 3),
     [(2, 2, 3, 2)] * 3),
    (lambda: layers.ConvLSTM3D(1, 2), (1, 2, 2, 2, 2, 1), (1, 1, 1, 1, 1)),
    # wrappers
    (lambda: layers.Bidirectional(LSTM(3, return_sequences=True)), (3, 5, 2), (3, 5, 6)),
    (lambda: layers.Bidirectional(GRU(3, return_state=True), merge_mode="ave"), (3, 5, 2), [(3, 3)] * 3),
    (lambda: layers.Bidirectional(GRU(3), merge_mode=None), (3, 5, 2), [(3, 3)] * 2),
    (lambda: layers.Bidirectional(GRU(3), merge_mode="mul"), (3, 5, 2), (3, 3)),
    (lambda: layers.TimeDistributed(layers.Dense(3)), (2, 4, 5), (2, 4, 3)),
    (lambda: layers.TimeDistributed(layers.BatchNormalization()), (2, 4, 5), (2, 4, 5)),
    (lambda: layers.TimeDistributed(layers.Conv1D(2, 2)), (2, 4, 5, 3), (2, 4, 4, 2)),
    (lambda: layers.TimeDistributed(layers.Dropout(0.3)), (2, 4, 5), (2, 4, 5)),
    # attention
    (lambda: layers.Attention(use_scale=True), [(2, 3, 4), (2, 5, 4)], (2, 3, 4)),
    (lambda: layers.Attention(score_mode="concat"), [(2, 3, 4), (2, 5, 4), (2, 5, 4)], (2, 3, 4)),
    (lambda: layers.AdditiveAttention(), [(2, 3, 4), (2, 5, 4)], (2, 3, 4)),
    (lambda: SelfAttention(layers.MultiHeadAttention(2, 3, value_dim=4, dropout=0.1)), (2, 4, 5), (2, 4, 5)),
    (lambda: SelfAttention(layers.MultiHeadAttention(2, 3, attention_axes=2), False), (2, 2, 3, 4), (2, 2, 3, 4)),
    (lambda: SelfAttention(layers.GroupQueryAttention(3, 4, 2)), (2, 4, 5), (2, 4, 5)),
    # preprocessing
    (lambda: layers.Rescaling(0.5, [1.0, 2.0, 3.0]), (2, 2, 3), (2, 2, 3)),
    (lambda: layers.Normalization(), (2, 2, 3), (2, 2, 3)),
    (lambda: layers.Normalization(mean=[1.0, 2.0], variance=[2.0, 3.0], invert=True), (3, 2), (3, 2)),
    (lambda: layers.CategoryEncoding(5, "count"), INTEGERS, (3, 5)),
    (lambda: layers.CategoryEncoding(5, "one_hot"), INTEGERS, (3, 4, 5)),
    (lambda: layers.Resizing(3, 5), (2, 2, 4, 1), (2, 3, 5, 1)),
    (lambda: layers.Resizing(3, 2, "lanczos3", crop_to_aspect_ratio=True), (2, 4, 5, 1), (2, 3, 2, 1)),
    (lambda: layers.Resizing(2, 2, pad_to_aspect_ratio=True, fill_value=1.0, antialias=True), (2, 4, 5, 1),
     (2, 2, 2, 1)),
    (lambda: layers.CenterCrop(2, 3), (2, 4, 4, 1), (2, 2, 3, 1)),
    (lambda: layers.CenterCrop(5, 3), (2, 4, 4, 1), (2, 5, 3, 1)),
    (lambda: layers.Discretization([0.0, 1.0]), (3, 4), (3, 4)),
    (lambda: layers.Discretization([0.0, 1.0], output_mode="count"), (3, 4), (3, 3)),
    (lambda: layers.IntegerLookup(vocabulary=[3, 1]), INTEGERS, (3, 4)),
    (lambda: layers.IntegerLookup(vocabulary=[3, 1], num_oov_indices=2, output_mode="one_hot"), INTEGERS, (3, 4, 4)),
    (lambda: layers.IntegerLookup(vocabulary=[3, 1], output_mode="tf_idf", idf_weights=[0.5, 2.0]), INTEGERS, (3, 3)),
    (lambda: layers.IntegerLookup(vocabulary=[3, 1], invert=True, mask_token=0), INTEGERS, (3, 4)),
    (lambda: layers.Hashing(7, salt=3), INTEGERS, (3, 4)),
    (lambda: layers.Hashing(7, output_mode="multi_hot"), INTEGERS, (3, 7)),
    (lambda: layers.HashedCrossing(5), [INTEGERS[:, :1], ONES[:, :1]], (3, 1)),
    (lambda: layers.HashedCrossing(5, "one_hot"), [INTEGERS[:, 0], ONES[:, 0]], (3, 5)),
    # sounds
    (lambda: layers.STFTSpectrogram(frame_length=8), (2, 20, 3), (2, 4, 15)),
    (lambda: layers.STFTSpectrogram("psd", 8, 3, 16, expand_dims=True), (2, 20, 2), (2, 5, 9, 2)),
    (lambda: layers.STFTSpectrogram("stft", 6, data_format="channels_first"), (2, 2, 20), (2, 20, 5)),
    (lambda: layers.STFTSpectrogram("real", 6, padding="same", data_format="channels_first", expand_dims=True),
     (2, 2, 20), (2, 2, 7, 5)),
    (lambda: layers.STFTSpectrogram("magnitude", 8, 4), (2, 20, 1), (2, 4, 5)),
    (lambda: layers.MelSpectrogram(16, 4, num_mel_bins=3), (2, 40), (2, 3, 11)),
    (lambda: layers.MelSpectrogram(16, 4, 12, "hamming", num_mel_bins=3, power_to_db=False), (2, 40), (2, 3, 11)),
    # augmentation
    (lambda: layers.RandomFlip(), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomFlip("vertical", data_format="channels_first"), (3, 2, 4, 5), (3, 2, 4, 5)),
    (lambda: layers.RandomRotation(0.2), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomZoom((-0.5, -0.2), 0.3, "constant"), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomTranslation(0.3, (0.1, 0.2), "wrap"), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomShear(0.3, (0.1, 0.2)), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomCrop(2, 3), (3, 4, 5, 2), (3, 2, 3, 2)),
    (lambda: layers.RandomCrop(5, 3, data_format="channels_first"), (3, 1, 4, 5), (3, 1, 5, 3)),
    (lambda: layers.RandomBrightness(0.3, (-9.0, 9.0)), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomContrast((0.3, 0.6), (-9.0, 9.0)), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomColorDegeneration(0.7, (-9.0, 9.0)), (3, 4, 5, 3), (3, 4, 5, 3)),
    (lambda: layers.RandomPerspective(0.8, 0.3), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomGaussianBlur(0.8, (3, 5), (0.2, 0.8), (-9.0, 9.0)), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomGaussianBlur(0.8, data_format="channels_first"), (3, 2, 4, 5), (3, 2, 4, 5)),
    (lambda: layers.RandomGrayscale(), (3, 4, 5, 3), (3, 4, 5, 3)),
    (lambda: layers.RandomHue((0.1, 0.3), (0.0, 1.0)), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.RandomSaturation((0.1, 0.4), (0.0, 1.0)), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.RandomPosterization((2, 6), (0.0, 1.0)), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.RandomInvert(0.5), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomSharpness((0.2, 0.8), (-9.0, 9.0)), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomColorJitter((0.0, 1.0), 0.1, 0.1, 0.1, 0.1), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.RandomErasing(1.0, (0.2, 0.5)), (3, 4, 5, 2), (3, 4, 5, 2)),
    (lambda: layers.RandomErasing(0.5, fill_value=[1.0, 2.0, 3.0], data_format="channels_first"), (3, 3, 4, 5),
     (3, 3, 4, 5)),
    (lambda: layers.Solarization(0.2, 0.7, (0.0, 1.0)), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.Equalization((0.0, 1.0), 16), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.Equalization((0.0, 1.0), data_format="channels_first"), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.ContrastLimitedAdaptiveHistogramEqualization((0.0, 1.0), 2.0, (2, 2)), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.Pipeline([layers.Dense(3), layers.Dropout(0.5)]), (2, 4), (2, 3)),
    (lambda: layers.RandAugment((0.0, 1.0)), UNIT_IMAGES, (2, 3, 2, 3)),
    (lambda: layers.AutoContrast((0.0, 1.0)), UNIT_IMAGES, (2, 3, 2, 3)),
    # Keras 1
    (lambda: layers.MaxoutDense(3, 2), (4, 5), (4, 3)),
    (lambda: layers.Highway("tanh"), (4, 5), (4, 5)),
    (lambda: layers.SReLU(), (4, 5), (4, 5)),
    (lambda: layers.ParametricSoftplus(), (4, 5), (4, 5)),
    (lambda: layers.ThresholdedReLU(0.3), (4, 5), (4, 5)),
    (lambda: layers.RReLU(), (4, 5), (4, 5)),
    # BigDL
    (lambda: layers.Exp(), (2, 3), (2, 3)),
    (lambda: layers.Log(), POSITIVE, (2, 3)),
    (lambda: layers.Sqrt(), POSITIVE, (2, 3)),
    (lambda: layers.Square(), (2, 3), (2, 3)),
    (lambda: layers.Negative(), (2, 3), (2, 3)),
    (lambda: layers.Power(2, scale=0.5, shift=3.0), POSITIVE, (2, 3)),
    (lambda: layers.AddConstant(2), (2, 3), (2, 3)),
    (lambda: layers.MulConstant(2), (2, 3), (2, 3)),
    (lambda: layers.Mul(), (2, 3), (2, 3)),
    (lambda: layers.CAdd((3,)), (2, 3), (2, 3)),
    (lambda: layers.CMul((1, 3), "l2"), (2, 3), (2, 3)),
    (lambda: layers.Scale((3,)), (2, 4, 3), (2, 4, 3)),
    (lambda: layers.HardTanh(), (2, 3), (2, 3)),
    (lambda: layers.HardShrink(), (2, 3), (2, 3)),
    (lambda: layers.SoftShrink(), (2, 3), (2, 3)),
    (lambda: layers.Threshold(), (2, 3), (2, 3)),
    (lambda: layers.BinaryThreshold(), (2, 3), (2, 3)),
    (lambda: layers.Select(1, -1), (2, 3, 4), (2, 4)),
    (lambda: layers.Narrow(2, 1, 2), (2, 3, 4), (2, 3, 2)),
    (lambda: layers.Squeeze(), (2, 1, 4, 1), (2, 4)),
    (lambda: layers.ExpandDim(1), (2, 3), (2, 1, 3)),
    (lambda: layers.Max(2), (2, 3, 4), (2, 3)),
    (lambda: layers.SelectTable(1), [(2, 3), (2, 4)], (2, 4)),
    (lambda: layers.LRN2D(), (2, 3, 3, 6), (2, 3, 3, 6)),
    (lambda: layers.WithinChannelLRN2D(3), (2, 4, 4, 2), (2, 4, 4, 2)),
    (lambda: layers.ResizeBilinear(3, 5, align_corners=True), (2, 2, 3, 1), (2, 3, 5, 1)),
    (lambda: layers.SparseEmbedding(5, 3, "mean"), INTEGERS, (3, 3)),
    (lambda: layers.SparseDense(4, "tanh", backward_start=1, backward_length=3), (2, 3), (2, 4)),
    (lambda: layers.WordEmbedding(weights_shape=(5, 3)), INTEGERS, (3, 4, 3)),
    (lambda: layers.TransformerLayer(5, 4, 1, 2, 4, bidirectional=True), [INTEGERS, PLACES], [(3, 4, 4), (3, 4)]),
    (lambda: layers.BERT(5, 4, 1, 2, 4, 6, output_all_block=False), [INTEGERS, INTEGERS % 2, PLACES, ONES],
     [(3, 4, 4), (3, 4)]),
]
