"""Spectra of Ray datasets: every worker sums its blocks, and the sums are added up.

Sums over 8-bit values are exact, so that the spectrum has the same bits for any number of workers
and whatever is computed again because a worker was lost.

Examples
--------
>>> import ray  # doctest: +SKIP
>>> import gaussmeter as gm  # doctest: +SKIP
>>> gm.ray.spectrum(ray.data.read_images("photos", size=(64, 64)))  # doctest: +SKIP
"""

from __future__ import annotations

import pickle
from typing import Any

from ._errors import GaussmeterError
from ._moments import Moments
from ._reading import Layout, Scale, batch_of
from ._spectrum import Spectrum


def spectrum(
    dataset: Any,
    *,
    key: str | None = None,
    scale: Scale | None = None,
    layout: Layout | None = None,
    basis: bool = False,
    centred: bool = False,
    name: str | None = None,
) -> Spectrum:
    """Make a spectrum of the samples of a Ray dataset.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Samples of one shape.
    key : str, optional
        The column that holds the samples; by default the only one with arrays.
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
        If the data are no dataset, several columns hold arrays, there are no samples, or they have
        different shapes.
    """
    if not hasattr(dataset, "map_batches"):
        raise GaussmeterError(
            f"{type(dataset).__name__} is no dataset of Ray", "ray.data.from_numpy makes one"
        )
    options: dict[str, Any] = {"scale": scale, "layout": layout, "name": name or "samples"}

    def sums(batch: Any) -> dict[str, list[bytes]]:
        return {"sums": [pickle.dumps(Moments(**options).update(batch_of(batch, key)))]}

    total = Moments(**options)
    for row in dataset.map_batches(sums, batch_format="numpy", batch_size=None).iter_rows():
        total = total + pickle.loads(row["sums"])
    return total.spectrum(basis=basis, centred=centred, name=name)
