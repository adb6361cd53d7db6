"""Rows of the table of operations for `ops.image`, with references that walk over the places one by one."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np

from tests.ops.case import Case, distinct, positive, real, unit

IMAGES = unit(2, 5, 6, 3)
ONE = unit(4, 5, 3)
FIRST = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2))
CHANNELS_FIRST = {"data_format": "channels_first"}
TURNED = np.float32([[0.93, 0.21, -0.41, -0.32, 1.13, 0.67, 0, 0], [1.03, 0.04, 1.31, 0.01, 0.98, -0.73, 0, 0]])
CORNERS = np.float32([[0, 0], [5, 0], [0, 4], [5, 4]])
MOVED = CORNERS + np.float32([[0.3, 0.2], [-0.4, 0.6], [0.1, -0.5], [0.7, 0.4]])


def _place(index: int, size: int, mode: str) -> int | None:
    """The place that answers for one that may lie outside, found by counting steps."""
    if 0 <= index < size:
        return index
    if mode == "constant":
        return None
    if mode == "nearest":
        return 0 if index < 0 else size - 1
    line = list(range(size))
    around = {"wrap": line, "reflect": line + line[::-1], "mirror": line + line[-2:0:-1]}[mode]
    return around[index % len(around)]


def _sample(image: np.ndarray, places: Any, mode: str = "constant", value: float = 0.0, order: int = 1) -> Any:
    """One number (or one row of channels) of an image at one place."""
    if not order:
        places = [np.sign(p) * np.floor(abs(p) + 0.5) for p in map(float, places)]
    total = 0.0
    for corner in np.ndindex(*(2,) * len(places)):
        lower = [int(np.floor(p)) for p in places]
        weight = np.prod([p - low if up else 1 - (p - low) for p, low, up in zip(places, lower, corner, strict=True)])
        found = [_place(low + up, n, mode) for low, up, n in zip(lower, corner, image.shape, strict=False)]
        total = total + weight * (np.full(image.shape[len(places) :], value) if None in found else image[tuple(found)])
    return total


def _mapped(image: np.ndarray, places: np.ndarray, **how: Any) -> np.ndarray:
    return np.array([_sample(image, place, **how) for place in places.reshape(len(places), -1).T]).reshape(
        *places.shape[1:], *image.shape[len(places) :]
    )


def _projected(image: np.ndarray, t: np.ndarray, **how: Any) -> np.ndarray:
    places = np.empty((2, *image.shape[:2]))
    for y, x in np.ndindex(*image.shape[:2]):
        k = t[6] * x + t[7] * y + 1
        places[:, y, x] = (t[3] * x + t[4] * y + t[5]) / k, (t[0] * x + t[1] * y + t[2]) / k
    return _mapped(image, places, **how)


def _homography(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    rows, target = [], []
    for (x, y), (u, v) in zip(start.astype(float), end.astype(float), strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        target += [x, y]
    return np.linalg.solve(rows, target)


def _bell(size: int, sigma: float) -> np.ndarray:
    weights = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * sigma**2))
    return weights / weights.sum()


def _correlated(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """An image (height, width, channels) with zeros around, weighted by a kernel (rows, columns)."""
    rows, columns = kernel.shape
    wide = np.pad(image, [((rows - 1) // 2, rows // 2), ((columns - 1) // 2, columns // 2), (0, 0)])
    return np.array(
        [
            [np.tensordot(kernel, wide[y : y + rows, x : x + columns], 2) for x in range(image.shape[1])]
            for y in range(image.shape[0])
        ]
    )


def _blurred(images: np.ndarray, across: int, down: int, sigmas: Any) -> np.ndarray:
    kernel = np.outer(_bell(down, sigmas[1]), _bell(across, sigmas[0]))
    return np.stack([_correlated(image, kernel) for image in images])


def _edges(images: np.ndarray) -> np.ndarray:
    rise = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    return np.stack([np.stack([_correlated(i, rise), _correlated(i, rise.T)], -1) for i in images])


def _ssim(x: np.ndarray, y: np.ndarray, size: int, sigma: float, k1: float = 0.01, k2: float = 0.03) -> float:
    """Of one pair of images, window by window."""
    weights = np.outer(_bell(size, sigma), _bell(size, sigma))
    found = []
    for top, left, c in np.ndindex(x.shape[0] - size + 1, x.shape[1] - size + 1, x.shape[2]):
        one, two = (i[top : top + size, left : left + size, c].astype(float) for i in (x, y))
        m1, m2 = (weights * one).sum(), (weights * two).sum()
        v1, v2 = (weights * (one - m1) ** 2).sum(), (weights * (two - m2) ** 2).sum()
        both = (weights * (one - m1) * (two - m2)).sum()
        c1, c2 = k1**2, k2**2
        found.append((2 * m1 * m2 + c1) * (2 * both + c2) / ((m1**2 + m2**2 + c1) * (v1 + v2 + c2)))
    return float(np.mean(found))


def _patches(x: np.ndarray, window: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    """Of a batch with channels last, window by window."""
    counts = [
        (n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[1:-1], window, strides, dilation, strict=True)
    ]
    y = np.empty((len(x), *counts, int(np.prod(window)) * x.shape[-1]), x.dtype)
    for at in np.ndindex(*counts):
        key = tuple(
            slice(i * s, i * s + (k - 1) * d + 1, d) for i, s, k, d in zip(at, strides, window, dilation, strict=True)
        )
        y[(slice(None), *at)] = x[(slice(None), *key)].reshape(len(x), -1)
    return y


def _resampled(line: np.ndarray, new: int, scale: float, shift: float, weight: Any, wide: float = 1.0) -> np.ndarray:
    """The first axis of `line` at new places, number by number."""
    rows = []
    for place in range(new):
        at = (place + 0.5 - shift) / scale - 0.5
        weights = np.array([weight(abs(at - old) / wide) for old in range(len(line))])
        inside = -0.5 <= at <= len(line) - 0.5
        rows.append(np.tensordot(weights / weights.sum(), line, 1) if inside else 0 * line[0])
    return np.stack(rows)


def _hat(distance: float) -> float:
    return max(0.0, 1 - distance)


def _first(reference: Any) -> Any:
    """A reference for channels last, asked of images with channels first."""
    return lambda x: np.moveaxis(reference(np.moveaxis(x, 1, -1)), 3, 1)


def _by_pixel(convert: Any) -> Any:
    return lambda x: np.array([convert(*map(float, pixel)) for pixel in x.reshape(-1, 3)]).reshape(x.shape)


COLOURS = [
    Case("rgb_to_grayscale", (ONE,), lambda x: x @ np.float32([[0.2989], [0.587], [0.114]]), known=True),
    Case("rgb_to_grayscale", (IMAGES,), lambda x: x @ np.float32([[0.2989], [0.587], [0.114]])),
    Case("rgb_to_grayscale", (FIRST,), _first(lambda x: x @ np.float32([[0.2989], [0.587], [0.114]])), CHANNELS_FIRST),
    Case("rgb_to_grayscale", (unit(2, 3, 4, 1),), np.copy),
    Case(
        "rgb_to_grayscale",
        (np.uint8([[[[10, 200, 30], [255, 255, 255]]]]),),
        lambda x: np.uint8([[[[123], [254]]]]),
        gradient=False,
    ),
    Case("rgb_to_hsv", (IMAGES,), _by_pixel(colorsys.rgb_to_hsv)),
    Case("rgb_to_hsv", (FIRST,), _first(_by_pixel(colorsys.rgb_to_hsv)), CHANNELS_FIRST),
    Case(
        "rgb_to_hsv",
        (np.float32([[[0, 0, 0], [1, 1, 1]], [[0.5, 0.5, 0.2], [0, 0.3, 0.3]]]),),
        _by_pixel(colorsys.rgb_to_hsv),
        gradient=False,
    ),
    Case("hsv_to_rgb", (IMAGES,), _by_pixel(colorsys.hsv_to_rgb)),
    Case("hsv_to_rgb", (FIRST,), _first(_by_pixel(colorsys.hsv_to_rgb)), CHANNELS_FIRST),
]

FRAMES = [
    Case(
        "resize",
        (real(2, 3, 4, 1),),
        lambda x: np.repeat(np.repeat(x, 2, 1), 3, 2),
        {"size": (6, 12), "interpolation": "nearest"},
    ),
    Case(
        "resize",
        (np.float32([[[0], [1]]]),),
        lambda x: np.float32([[[0], [0.25], [0.75], [1]]]),
        {"size": (1, 4)},
        known=True,
    ),
    Case(
        "resize",
        (distinct(6, 2, 1),),
        lambda x: _resampled(x, 3, 0.5, 0, _hat, 2),
        {"size": (3, 2), "antialias": True},
        known=True,
    ),
    Case(
        "resize",
        (IMAGES,),
        lambda x: x[:, 1:4:2, 1::2],
        {"size": (2, 3), "interpolation": "nearest", "crop_to_aspect_ratio": True},
    ),
    Case(
        "resize",
        (FIRST,),
        lambda x: np.pad(x, [(0, 0), (0, 0), (3, 3), (0, 0)], constant_values=7),
        {"size": (11, 6), "interpolation": "nearest", "pad_to_aspect_ratio": True, "fill_value": 7.0, **CHANNELS_FIRST},
        known=True,
    ),
    Case(
        "resize",
        (np.uint8([[[0], [255]]]),),
        lambda x: np.uint8([[[0], [64], [191], [255]]]),
        {"size": (1, 4)},
        gradient=False,
        known=True,
    ),
    Case(
        "pad_images",
        (ONE,),
        lambda x: np.pad(x, [(1, 3), (2, 4), (0, 0)]),
        {"top_padding": 1, "left_padding": 2, "bottom_padding": 3, "right_padding": 4},
    ),
    Case(
        "pad_images",
        (FIRST,),
        lambda x: np.pad(x, [(0, 0), (0, 0), (2, 1), (0, 3)]),
        {"bottom_padding": 1, "target_height": 8, "left_padding": 0, "target_width": 9, **CHANNELS_FIRST},
    ),
    Case(
        "crop_images",
        (IMAGES,),
        lambda x: x[:, 1:, 1:-1],
        {"top_cropping": 1, "left_cropping": 1, "bottom_cropping": 0, "right_cropping": 1},
    ),
    Case(
        "crop_images",
        (FIRST,),
        lambda x: x[:, :, 1:4, :2],
        {"top_cropping": 1, "target_height": 3, "left_cropping": 0, "target_width": 2, **CHANNELS_FIRST},
    ),
    Case("extract_patches", (IMAGES,), lambda x: _patches(x, (2, 2), (2, 2), (1, 1)), {"size": 2}),
    Case(
        "extract_patches",
        (FIRST,),
        _first(lambda x: _patches(x, (2, 3), (1, 2), (2, 1))),
        {"size": (2, 3), "strides": (1, 2), "dilation_rate": (2, 1), **CHANNELS_FIRST},
    ),
    Case(
        "extract_patches",
        (ONE,),
        lambda x: _patches(np.pad(x, [(0, 1), (1, 1), (0, 0)])[None], (2, 3), (1, 1), (1, 1))[0],
        {"size": (2, 3), "strides": 1, "padding": "same"},
        known=True,
    ),
    Case(
        "extract_patches_3d",
        (real(2, 3, 4, 3, 2),),
        lambda x: _patches(x, (2, 2, 2), (1, 2, 1), (1, 1, 1)),
        {"size": 2, "strides": (1, 2, 1)},
    ),
    Case(
        "scale_and_translate",
        (real(2, 5, 3),),
        lambda x: np.moveaxis(_resampled(np.moveaxis(x, 1, 0), 8, 1.5, 0.8, _hat), 0, 1),
        {"output_shape": (2, 8, 3), "scale": [1.5], "translation": [0.8], "spatial_dims": (1,), "method": "linear"},
    ),
    Case(
        "scale_and_translate",
        (real(6, 2),),
        lambda x: _resampled(x, 4, 0.5, 0.3, _hat, 2),
        {
            "output_shape": (4, 2),
            "scale": np.float32([0.5]),
            "translation": np.float32([0.3]),
            "spatial_dims": (0,),
            "method": "bilinear",
        },
        known=True,
    ),
]

BETWEEN = np.float32([[0.2, 1.7, -0.6, 4.8, 2.5], [1.1, -1.3, 3.4, 5.2, 0.5]])
WARPS = [
    *(
        Case(
            "map_coordinates",
            (real(5, 6), BETWEEN),
            lambda x, p, m=mode: _mapped(x, p, mode=m, value=0.5),
            {"order": 1, "fill_mode": mode, "fill_value": 0.5},
            known=True,
        )
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
    ),
    Case(
        "map_coordinates",
        (real(5, 6), BETWEEN * 2),
        lambda x, p: _mapped(x, p, mode="mirror", order=0),
        {"order": 0, "fill_mode": "mirror"},
        known=True,
        gradient=False,
    ),
    Case(
        "map_coordinates",
        (np.int32([1, 4, 2]), np.float32([[0.5, 1.2, 1.75, 7]])),
        lambda x, p: np.int32([3, 4, 3, 0]),
        {"order": 1},
        known=True,
        gradient=False,
    ),
    Case(
        "affine_transform",
        (IMAGES, TURNED),
        lambda x, t: np.stack([_projected(image, row) for image, row in zip(x, t, strict=True)]),
    ),
    Case(
        "affine_transform",
        (FIRST, TURNED[0]),
        lambda x, t: np.stack([_projected(i.transpose(1, 2, 0), t, mode="reflect").transpose(2, 0, 1) for i in x]),
        {"fill_mode": "reflect", **CHANNELS_FIRST},
        known=True,
        unlike_keras="one transform for several images is refused",
    ),
    Case(
        "affine_transform",
        (ONE, np.float32([0.9, 0.1, 0.31, 0.2, 1.1, -0.43, 0.021, -0.033])),
        lambda x, t: _projected(x, t),
        known=True,
        unlike_keras="on JAX the last two numbers turn places with the number of the channel",
    ),
    Case(
        "affine_transform",
        (ONE, TURNED[1]),
        lambda x, t: _projected(x, t, order=0, value=0.3),
        {"interpolation": "nearest", "fill_value": 0.3},
        known=True,
        gradient=False,
    ),
    Case(
        "perspective_transform",
        (IMAGES, CORNERS, MOVED),
        lambda x, s, e: np.stack([_projected(image, _homography(s, e), value=0.2) for image in x]),
        {"fill_value": 0.2},
        known=True,
        tolerance=2e-5,
        unlike_keras="one transform for several images is refused",
    ),
    Case(
        "perspective_transform",
        (FIRST, np.stack([CORNERS, MOVED]), np.stack([MOVED, CORNERS])),
        lambda x, s, e: np.stack(
            [_projected(x[n].transpose(1, 2, 0), _homography(s[n], e[n])).transpose(2, 0, 1) for n in range(2)]
        ),
        CHANNELS_FIRST,
        gradient=False,
        tolerance=2e-5,
    ),
    Case("elastic_transform", (IMAGES,), np.copy, {"alpha": 0.0}),
]

FILTERS = [
    Case(
        "gaussian_blur",
        (IMAGES,),
        lambda x: _blurred(x, 3, 3, (1, 1)),
        unlike_keras="takes channels for the first axis where no format is given",
    ),
    Case(
        "gaussian_blur",
        (FIRST,),
        _first(lambda x: _blurred(x, 5, 2, (1.5, 0.7))),
        {"kernel_size": (5, 2), "sigma": (1.5, 0.7), **CHANNELS_FIRST},
    ),
    Case(
        "gaussian_blur",
        (IMAGES, positive(2)),
        lambda x, s: _blurred(x, 3, 5, s),
        known=True,
        through=lambda ops, x, s: ops.image.gaussian_blur(x, (3, 5), s, data_format="channels_last"),
    ),
    Case("sobel_edges", (IMAGES,), _edges),
    Case(
        "sobel_edges",
        (FIRST,),
        lambda x: np.moveaxis(_edges(x.transpose(0, 2, 3, 1)), 3, 1),
        CHANNELS_FIRST,
        known=True,
    ),
    Case(
        "ssim",
        (IMAGES, unit(2, 5, 6, 3)),
        lambda x, y: np.array([_ssim(*pair, 3, 1.2) for pair in zip(x, y, strict=True)]),
        {"filter_size": 3, "filter_sigma": 1.2},
    ),
    Case(
        "ssim",
        (unit(3, 12, 13), unit(3, 12, 13)),
        lambda x, y: np.array(_ssim(x.transpose(1, 2, 0), y.transpose(1, 2, 0), 11, 1.5)),
        CHANNELS_FIRST,
        known=True,
    ),
]

CASES = [*COLOURS, *FRAMES, *WARPS, *FILTERS]
