"""Layers, by Keras 3's names."""

from bigdl_keras.layers.activation_layers import ELU, LeakyReLU, PReLU, ReLU, Softmax
from bigdl_keras.layers.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from bigdl_keras.layers.attention import AdditiveAttention, Attention, GroupQueryAttention, MultiHeadAttention
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.bigdl_images import LRN2D, ResizeBilinear, WithinChannelLRN2D
from bigdl_keras.layers.bigdl_layers import (
    AddConstant,
    BinaryThreshold,
    CAdd,
    CMul,
    Exp,
    ExpandDim,
    GaussianSampler,
    HardShrink,
    HardTanh,
    Log,
    Max,
    Mul,
    MulConstant,
    Narrow,
    Negative,
    Power,
    Scale,
    Select,
    SelectTable,
    SoftShrink,
    SparseDense,
    SparseEmbedding,
    Sqrt,
    Square,
    Squeeze,
    Threshold,
)
from bigdl_keras.layers.categories import HashedCrossing, Hashing
from bigdl_keras.layers.convolution import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from bigdl_keras.layers.convolutional_recurrent import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from bigdl_keras.layers.core import (
    Activation,
    ActivityRegularization,
    Dense,
    EinsumDense,
    Embedding,
    Identity,
    Lambda,
    Masking,
    ReversibleEmbedding,
)
from bigdl_keras.layers.image_colours import (
    AutoContrast,
    ContrastLimitedAdaptiveHistogramEqualization,
    Equalization,
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPosterization,
    RandomSaturation,
    Solarization,
)
from bigdl_keras.layers.image_filters import RandomErasing, RandomGaussianBlur, RandomSharpness
from bigdl_keras.layers.image_geometry import (
    RandomCrop,
    RandomFlip,
    RandomPerspective,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from bigdl_keras.layers.image_mixing import CutMix, MixUp
from bigdl_keras.layers.image_pipelines import Pipeline, RandAugment
from bigdl_keras.layers.image_sizes import CenterCrop, Resizing
from bigdl_keras.layers.index_lookup import IntegerLookup, StringLookup
from bigdl_keras.layers.input_layer import Input, InputLayer
from bigdl_keras.layers.keras1_layers import Highway, MaxoutDense, ParametricSoftplus, RReLU, SReLU, ThresholdedReLU
from bigdl_keras.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from bigdl_keras.layers.lookup import deserialize, serialize
from bigdl_keras.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from bigdl_keras.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from bigdl_keras.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from bigdl_keras.layers.preprocessing import CategoryEncoding, Discretization, Normalization, Rescaling
from bigdl_keras.layers.recurrent import GRU, LSTM, RNN, SimpleRNN
from bigdl_keras.layers.recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from bigdl_keras.layers.regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from bigdl_keras.layers.reshaping import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from bigdl_keras.layers.spectral import SpectralNormalization
from bigdl_keras.layers.spectrograms import MelSpectrogram, STFTSpectrogram
from bigdl_keras.layers.text_vectorization import TextVectorization
from bigdl_keras.layers.transformer import BERT, TransformerLayer
from bigdl_keras.layers.word_embedding import WordEmbedding
from bigdl_keras.layers.wrappers import Bidirectional, TimeDistributed, Wrapper

AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
GroupedQueryAttention = GroupQueryAttention

__all__ = [
    "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Add",
    "AddConstant", "AdditiveAttention", "AlphaDropout", "Attention", "AutoContrast", "Average", "AveragePooling1D",
    "AveragePooling2D", "AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D", "BERT", "BatchNormalization",
    "Bidirectional", "BinaryThreshold", "CAdd", "CMul", "CategoryEncoding", "CenterCrop", "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization", "Conv1D",
    "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D",
    "ConvLSTM3D", "Convolution1D", "Convolution1DTranspose", "Convolution2D", "Convolution2DTranspose", "Convolution3D",
    "Convolution3DTranspose", "Cropping1D", "Cropping2D", "Cropping3D", "CutMix", "Dense", "DepthwiseConv1D",
    "DepthwiseConv2D", "Discretization", "Dot", "Dropout", "ELU", "EinsumDense", "Embedding", "Equalization", "Exp",
    "ExpandDim", "Flatten", "GRU", "GRUCell", "GaussianDropout", "GaussianNoise", "GaussianSampler",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalAvgPool1D", "GlobalAvgPool2D",
    "GlobalAvgPool3D", "GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPool3D", "GlobalMaxPooling1D",
    "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "GroupQueryAttention", "GroupedQueryAttention",
    "HardShrink", "HardTanh", "HashedCrossing", "Hashing", "Highway", "Identity", "Input", "InputLayer", "InputSpec",
    "IntegerLookup", "LRN2D", "LSTM", "LSTMCell", "Lambda", "Layer", "LayerNormalization", "LeakyReLU",
    "LocallyConnected1D", "LocallyConnected2D", "Log", "Masking", "Max", "MaxPool1D", "MaxPool2D", "MaxPool3D",
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "MaxoutDense", "MelSpectrogram", "Minimum", "MixUp",
    "Mul", "MulConstant", "MultiHeadAttention", "Multiply", "Narrow", "Negative", "Normalization", "PReLU",
    "ParametricSoftplus", "Permute", "Pipeline", "Power", "RMSNormalization", "RNN", "RReLU", "RandAugment",
    "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomErasing",
    "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
    "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation",
    "RandomZoom", "ReLU", "RepeatVector", "Rescaling", "Reshape", "ResizeBilinear", "Resizing", "ReversibleEmbedding",
    "SReLU", "STFTSpectrogram", "Scale", "Select", "SelectTable", "SeparableConv1D", "SeparableConv2D",
    "SeparableConvolution1D", "SeparableConvolution2D", "SimpleRNN", "SimpleRNNCell", "SoftShrink", "Softmax",
    "Solarization", "SparseDense", "SparseEmbedding", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    "SpectralNormalization", "Sqrt", "Square", "Squeeze", "StackedRNNCells", "StringLookup", "Subtract",
    "TextVectorization", "Threshold", "ThresholdedReLU", "TimeDistributed", "TransformerLayer", "UnitNormalization",
    "UpSampling1D", "UpSampling2D", "UpSampling3D", "WithinChannelLRN2D", "WordEmbedding", "Wrapper", "ZeroPadding1D",
    "ZeroPadding2D", "ZeroPadding3D", "add", "average", "concatenate", "deserialize", "dot", "maximum", "minimum",
    "multiply", "serialize", "subtract",
]
