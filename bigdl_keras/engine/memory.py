"""Memory that a training step frees stays with the process: the next step needs as much again."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # numbers of mallopt(3)
_LARGEST_MMAP_THRESHOLD = 32 << 20  # glibc refuses more


@cache
def keep_freed_memory() -> None:
    """Tell glibc, once per process, not to hand freed arrays back to the kernel.

    By default it does, and each step takes a thousand page faults to get them again. Nothing happens on other systems.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    mallopt(_TRIM_THRESHOLD, 2_000_000_000)
    mallopt(_TOP_PAD, 64 << 20)
