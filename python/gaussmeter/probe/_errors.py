"""The library's exception, raised from Python code."""

from __future__ import annotations


def error(message: str, hint: str | None = None) -> Exception:
    """A :class:`gaussmeter.GaussmeterError` with a hint."""
    from gaussmeter import GaussmeterError

    exception = GaussmeterError(message)
    try:
        exception.hint = hint
    except AttributeError:
        # Exceptions of the native module may set it in their constructor alone.
        exception = GaussmeterError(message, hint)
    return exception
