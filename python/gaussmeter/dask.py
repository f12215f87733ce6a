"""Spectra of Dask arrays and bags: every worker sums its part, and the sums are added up.

Sums over 8-bit values are exact, so that the spectrum has the same bits for any number of workers,
any chunks, and whatever is computed again because a worker was lost.

Examples
--------
>>> import dask.array as da  # doctest: +SKIP
>>> import gaussmeter as gm  # doctest: +SKIP
>>> gm.dask.spectrum(da.from_zarr("images.zarr"))  # doctest: +SKIP
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from ._errors import GaussmeterError
from ._moments import Moments
from ._reading import Layout, Scale
from ._spectrum import Spectrum

#: Samples of a bag that are summed at once.
BATCH = 1024


def moments(
    data: Any, *, scale: Scale | None = None, layout: Layout | None = None, name: str = "samples"
) -> Any:
    """Sum over the samples of a Dask array or bag, lazily.

    Parameters
    ----------
    data : dask.array.Array or dask.bag.Bag
        An array with samples along its first axis, or a bag of samples.
    scale, layout, name
        As for :class:`gaussmeter.Moments`.

    Returns
    -------
    dask.delayed.Delayed
        Its ``compute()`` is a :class:`gaussmeter.Moments`.

    Raises
    ------
    GaussmeterError
        If the data are neither, or Dask is not installed.
    """
    try:
        import dask
    except ImportError as error:
        raise GaussmeterError("Dask is not installed", "pip install 'dask[array]'") from error
    options: dict[str, Any] = {"scale": scale, "layout": layout, "name": name}
    if hasattr(data, "rechunk"):
        # Whole samples.
        whole = data.rechunk({axis: -1 for axis in range(1, data.ndim)})
        parts = [dask.delayed(_of_array)(block, options) for block in whole.to_delayed().ravel()]
    elif hasattr(data, "to_delayed"):
        parts = [dask.delayed(_of_samples)(part, options) for part in data.to_delayed()]
    else:
        raise GaussmeterError(
            f"{type(data).__name__} is neither an array nor a bag of Dask",
            "dask.array.from_array and dask.bag.from_sequence make one",
        )
    # Pairs of neighbours, so that the order is the same whatever is computed first.
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        rest = parts[len(parts) - len(parts) % 2 :]
        parts = [dask.delayed(operator.add)(a, b) for a, b in pairs] + rest
    return parts[0] if parts else dask.delayed(Moments)(**options)


def spectrum(
    data: Any,
    *,
    scale: Scale | None = None,
    layout: Layout | None = None,
    basis: bool = False,
    centred: bool = False,
    name: str | None = None,
) -> Spectrum:
    """Make a spectrum of the samples of a Dask array or bag, on the current scheduler.

    Parameters
    ----------
    data : dask.array.Array or dask.bag.Bag
        An array with samples along its first axis, or a bag of samples.
    scale, layout
        As for :meth:`gaussmeter.Spectrum.from_array`.
    basis, centred, name
        As for :meth:`gaussmeter.Spectrum.from_images`.

    Returns
    -------
    Spectrum

    Raises
    ------
    GaussmeterError
        No samples, samples of different shapes, or values that are not finite.
    """
    sums = moments(data, scale=scale, layout=layout, name=name or "samples").compute()
    return sums.spectrum(basis=basis, centred=centred, name=name)


def _of_array(block: Any, options: dict[str, Any]) -> Moments:
    own = Moments(**options)
    return own.update(block) if len(block) else own


def _of_samples(samples: Iterable[Any], options: dict[str, Any]) -> Moments:
    own = Moments(**options)
    batch: list[Any] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == BATCH:
            own.update(np.stack(batch))
            batch = []
    return own.update(np.stack(batch)) if batch else own
