"""How samples of any kind are handed to the native module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._arrays import ArrayLike, as_numpy
from ._errors import GaussmeterError

#: Stored values to data: pixels to [−1, 1] (``"auto"`` and ``"symmetric"``), to [0, 1], as stored,
#: or (factor, offset).
Scale = Literal["auto", "symmetric", "unit", "none"] | tuple[float, float]
#: How eigenvalues are found.
Method = Literal["dense", "gram", "lanczos", "stationary"]
#: Axes of images in arrays.
Layout = Literal["auto", "chw", "hwc"]


def raw(values: ArrayLike, what: str) -> tuple[NDArray[np.uint8], str, tuple[int, ...]]:
    """An array as its bytes, the code of its type, and its shape.

    Parameters
    ----------
    values : array_like
        Samples along the first axis.
    what : str
        What they are, for messages.
    """
    array = as_numpy(values, what)
    if array.ndim == 0:
        raise GaussmeterError(f"{what}: a single number, but samples lie along the first axis")
    array = np.ascontiguousarray(array)
    if array.dtype.byteorder not in "=|" and array.dtype.newbyteorder("=") != array.dtype:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return array.reshape(-1).view(np.uint8), array.dtype.str[1:], array.shape


def batch_of(batch: Any, key: str | int | None) -> Any:
    """The samples of a batch of a data loader.

    Parameters
    ----------
    batch : array_like, tuple, list or dict
        Samples, or samples with labels.
    key : str or int, optional
        Which entry of a tuple or dict the samples are. By default the first of a tuple, and the
        only array of a dict that has one.

    Raises
    ------
    GaussmeterError
        A dict with several arrays, or without the key.
    """
    if key is not None:
        try:
            return batch[key]
        except (KeyError, IndexError, TypeError) as error:
            raise GaussmeterError(f"a batch has no entry {key!r}") from error
    if isinstance(batch, dict):
        arrays = [name for name, value in batch.items() if np.ndim(value) > 1]
        if len(arrays) != 1:
            raise GaussmeterError(
                f"a batch is a dict with {', '.join(map(str, batch))}",
                "give the key of the samples: key='image'",
            )
        return batch[arrays[0]]
    if isinstance(batch, tuple) or (isinstance(batch, list) and batch and np.ndim(batch[0]) > 1):
        return batch[0]
    return batch


def size(size: int | tuple[int, int] | str | None) -> str | None:
    """A size of images in words."""
    if size is None or isinstance(size, str):
        return size
    return "x".join(map(str, size)) if isinstance(size, Sequence) else str(size)
