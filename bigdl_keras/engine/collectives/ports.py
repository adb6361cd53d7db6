"""Ports that we listen on: any free one, or one of a range that a firewall lets through."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Sequence

ANY: Sequence[int] = (0,)
"""The system chooses."""


def bound(host: str, ports: Sequence[int] = ANY, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A socket bound to one of the ports.

    Args:
        host: address to bind to, or one by which others see this machine (then all of its own).
        ports: to choose from, in any order: others of this machine choose, too.
        kind: SOCK_STREAM or SOCK_DGRAM.

    Raises:
        OSError: none of them is free.
    """
    for port in random.Random().sample(ports, len(ports)):  # leaves the user's random numbers alone
        for address in (host, ""):
            found = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            try:
                if kind == socket.SOCK_STREAM:  # not for datagrams, which two could then claim
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                found.bind((address, port))
                return found
            except OSError as error:
                found.close()
                if error.errno == errno.EADDRINUSE:
                    break  # else not an address of this machine: translated on the way, or a name of another
    raise OSError(f"None of the {len(ports)} ports from {min(ports)} to {max(ports)} is free on {host}. Every worker "
                  "needs one, the driver two for each fit: give spark.bigdl_keras.ports a wider range.")
