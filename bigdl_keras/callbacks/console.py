"""What a person reads while a model trains goes to standard output through here."""

from __future__ import annotations

import sys


def write(text: str) -> None:
    """Show text at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_line(text: str) -> None:
    """Show a line of its own."""
    write(f"{text}\n")


def is_interactive() -> bool:
    """Whether a line can be drawn over: a terminal or a notebook."""
    return bool(getattr(sys.stdout, "isatty", lambda: False)()) or "ipykernel" in sys.modules


def colors() -> bool:
    """Whether the output understands colors: a terminal."""
    return bool(getattr(sys.stdout, "isatty", lambda: False)())
