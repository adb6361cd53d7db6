"""Logs sent to a web server of the user's."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import numpy as np

from bigdl_keras.callbacks.base import Callback, Logs

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10.0


class RemoteMonitor(Callback):
    """Posts the logs of every epoch to a server; one that does not answer is a warning, no error.

    Args:
        root: address of the server.
        path: below it.
        field: form field that holds the JSON text, where it is not sent as JSON.
        headers: HTTP headers.
        send_as_json: send the body as application/json.
    """

    uses_weights = None

    def __init__(self, root: str = "http://localhost:9000", path: str = "/publish/epoch/end/", field: str = "data",
                 headers: dict[str, str] | None = None, send_as_json: bool = False) -> None:
        super().__init__()
        address = f"{root}{path}"
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"RemoteMonitor needs an http or https address. Received {address!r}.")
        self.address = address
        self.field = field
        self.headers = headers or {}
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        text = json.dumps({"epoch": epoch, **(logs or {})}, default=_plain)
        headers = {**self.headers, **({"Content-Type": "application/json"} if self.send_as_json else {})}
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        request = urllib.request.Request(self.address, body.encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS).close()
        except (urllib.error.URLError, OSError) as error:
            logger.warning("Could not send the logs of epoch %d to %s: %s", epoch + 1, self.address, error)


def _plain(value: Any) -> Any:
    return np.asarray(value).tolist()
