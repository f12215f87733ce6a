"""Progress of long work, with tqdm where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._errors import GaussmeterError


def _is_watched() -> bool:
    """Whether somebody looks at what is printed."""
    if "ipykernel" in sys.modules:
        return True
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


class _Bar:
    """A bar that appears with the first progress."""

    def __init__(self, bars: Any) -> None:
        self._bars = bars
        self._bar: Any = None
        self._key: tuple[str, str, int | None] | None = None

    def __call__(self, what: str, unit: str, done: int, total: int | None) -> None:
        if self._key != (what, unit, total):
            self.close()
            self._key = (what, unit, total)
            self._bar = self._bars(total=total, desc=what or None, unit=f" {unit}", leave=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def progress_bar(wanted: bool | None) -> Iterator[_Bar | None]:
    """Make what hears of progress: a bar if it is wanted, or if somebody looks and tqdm is there.

    Parameters
    ----------
    wanted : bool or None
        ``None`` shows a bar on terminals and in notebooks.

    Raises
    ------
    GaussmeterError
        If a bar is wanted, and tqdm is not installed.
    """
    if wanted is False or (wanted is None and not _is_watched()):
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        if wanted:
            raise GaussmeterError(
                "progress=True needs tqdm, which is not installed", "pip install tqdm"
            ) from error
        yield None
        return
    bar = _Bar(tqdm)
    try:
        yield bar
    finally:
        bar.close()
