"""Arrays of any library as NumPy arrays, without importing that library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import GaussmeterError

#: Anything that can be read as an array of numbers: a NumPy array, an object with ``__array__`` or
#: ``__dlpack__`` (on the CPU), or nested lists.
ArrayLike = Any


def as_numpy(values: ArrayLike, what: str = "array") -> NDArray[Any]:
    """Read values of any array library as a NumPy array.

    Parameters
    ----------
    values : array_like
        A NumPy array, nested lists, or an object with ``__array__`` or ``__dlpack__``. Tensors that
        need a gradient or lie on another device are detached and copied.
    what : str
        What they are, for messages.

    Returns
    -------
    ndarray
        Not of type object.

    Raises
    ------
    GaussmeterError
        If they are no numbers.
    """
    if isinstance(values, np.ndarray):
        array = values
    else:
        # Tensors of torch: what needs a gradient, or lies on a device, has no __array__ of its own.
        if hasattr(values, "detach"):
            values = values.detach()
            if hasattr(values, "cpu"):
                values = values.cpu()
            if str(getattr(values, "dtype", "")) == "torch.bfloat16":
                values = values.float()
        try:
            if hasattr(values, "__array__") or not hasattr(values, "__dlpack__"):
                array = np.asarray(values)
            else:
                array = np.from_dlpack(values)
        except (TypeError, ValueError, BufferError, RuntimeError) as error:
            raise GaussmeterError(
                f"{what}: {type(values).__name__} cannot be read as an array: {error}",
                "give a NumPy array, or an object with __array__ or __dlpack__ on the CPU",
            ) from error
    if array.dtype == object or array.dtype.kind not in "biuf":
        raise GaussmeterError(
            f"{what}: values of type {array.dtype} are no real numbers",
            "give an array of one numeric type, all rows of one length",
        )
    return array


def floats(values: ArrayLike, what: str, dimensions: int | None = 1) -> NDArray[np.float64]:
    """Read values as a contiguous array of 64-bit floats.

    Parameters
    ----------
    values : array_like
        Numbers.
    what : str
        What they are, for messages.
    dimensions : int, optional
        The number of axes that is needed.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    GaussmeterError
        If they are no numbers, or have another number of axes.
    """
    array = as_numpy(values, what)
    if dimensions is not None and array.ndim != dimensions:
        axes = "axis" if dimensions == 1 else "axes"
        raise GaussmeterError(
            f"{what}: an array of shape {array.shape}, but {dimensions} {axes} are needed"
        )
    return np.ascontiguousarray(array, dtype=np.float64)
