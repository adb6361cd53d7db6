"""Known architectures, each a function that answers with a model; layer names and shapes are those of Keras's files.

Weights are never downloaded: pass the path of a file as `weights`. Layers without a name of their own are numbered
within the process, as everywhere; `clear_session()` starts the numbers anew.
"""

from .autoencoder import Autoencoder
from .inception import InceptionV3
from .lenet import LeNet5
from .mobilenet import MobileNet, MobileNetV2
from .preprocessing import preprocess_input
from .recommendation import ColumnFeatureInfo, NeuralCF, WideAndDeep
from .resnet import ResNet20, ResNet50, ResNet101, ResNet152
from .text_classifier import TextClassifier
from .vgg import VGG16, VGG19
from .video import ConvLSTMSeq2Seq

__all__ = [
    "Autoencoder",
    "ColumnFeatureInfo",
    "ConvLSTMSeq2Seq",
    "InceptionV3",
    "LeNet5",
    "MobileNet",
    "MobileNetV2",
    "NeuralCF",
    "ResNet101",
    "ResNet152",
    "ResNet20",
    "ResNet50",
    "TextClassifier",
    "VGG16",
    "VGG19",
    "WideAndDeep",
    "preprocess_input",
]
