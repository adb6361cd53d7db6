"""What scripts of Keras 1 set and ask through `keras.backend`: the order of an image's axes, and a small number."""

from __future__ import annotations

from bigdl_keras.autograd import epsilon

__all__ = ["epsilon", "image_dim_ordering", "set_image_dim_ordering"]

_ordering = ["th"]


def image_dim_ordering() -> str:
    """The `dim_ordering` of layers that are not given one: 'th' (channels first, as BigDL), unless set otherwise."""
    return _ordering[0]


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Choose 'th' (channels, rows, columns) or 'tf' (rows, columns, channels) for the layers made from now on.

    Raises:
        ValueError: any other name.
    """
    if dim_ordering not in ("th", "tf"):
        raise ValueError(f"`dim_ordering` must be 'th' or 'tf'. Received {dim_ordering!r}.")
    _ordering[0] = dim_ordering
