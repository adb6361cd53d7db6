"""Keras 3's namespace `ops.image`: operations on batches of images, or on one image."""

from bigdl_keras.ops.image.colour import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from bigdl_keras.ops.image.filters import gaussian_blur, sobel_edges, ssim
from bigdl_keras.ops.image.frame import (
    crop_images,
    extract_patches,
    extract_patches_3d,
    pad_images,
    resize,
    scale_and_translate,
)
from bigdl_keras.ops.image.warp import affine_transform, elastic_transform, map_coordinates, perspective_transform

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]
