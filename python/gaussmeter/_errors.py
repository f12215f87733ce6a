"""Exceptions."""

from __future__ import annotations

from typing import Any


class GaussmeterError(ValueError):
    """What was asked for cannot be done; the message says what is wrong, where, and what to do.

    Parameters
    ----------
    message : str
        One line, the same as the command line's.
    hint : str, optional
        What to do about it, where that can be said apart.

    Attributes
    ----------
    hint : str or None
        What to do about it.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> try:
    ...     gm.evaluate(sampler="huen")
    ... except gm.GaussmeterError as error:
    ...     print(error.hint)
    did you mean 'heun'?
    """

    hint: str | None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class GaussmeterWarning(UserWarning):
    """What users should know about their data or their process; no reason to stop."""


class Interrupted(KeyboardInterrupt):
    """Work was interrupted with Ctrl-C, and ends with what it has found so far.

    It is raised at once. The work itself stops at the next point where it has a result.
    """

    def __init__(self, unfinished: Any) -> None:
        super().__init__()
        self._unfinished = unfinished
        self._wrap: Any = lambda found: found
        self._result: Any = None

    @property
    def result(self) -> Any:
        """The best found so far; waits until the work has stopped.

        Raises
        ------
        GaussmeterError
            If nothing had been found.
        """
        if self._unfinished is not None:
            unfinished, self._unfinished = self._unfinished, None
            self._result = self._wrap(unfinished.wait())
        return self._result
