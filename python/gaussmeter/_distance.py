"""The Gaussian W2 (Fréchet distance, FID) of samples, statistics and laws."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import Any

import numpy as np

from . import _native
from ._arrays import as_numpy
from ._errors import GaussmeterError, Interrupted
from ._laws import DataLaw
from ._progress import progress_bar
from ._reading import Layout, Scale, raw, size
from ._results import Result
from ._spectrum import Spectrum

#: Samples along the first axis, ``(mu, sigma)``, a path, or a law.
Comparable = Any


class Distances(Result):
    """Distances of sets of samples from one reference.

    ``sets`` has one entry per set, with the keys of docs/json.md.
    """

    @property
    def w2(self) -> Any:
        """W2 of each set without what finite samples add; NaN where there are too few."""
        return np.array([float(own.get("w2", np.nan)) for own in self.document["sets"]])

    @property
    def fid(self) -> Any:
        """W2² of each set as computed, with what finite samples add: pytorch-fid's number."""
        return np.array([float(own["plug_in_squared"]) for own in self.document["sets"]])


def distance(
    reference: Comparable,
    *samples: Comparable,
    reference_count: int | None = None,
    count: int | None = None,
    array: str | None = None,
    scale: Scale | None = None,
    reference_array: str | None = None,
    reference_scale: Scale | None = None,
    layout: Layout | None = None,
    resize: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    memory: int | None = None,
    progress: bool | None = None,
) -> Distances:
    """Gaussian W2, the Fréchet distance, of samples or features to a reference.

    W2² = |m − μ|² + tr(C + Σ − 2 (C^½ Σ C^½)^½), which is FID where the samples are features of
    the Inception network: as pytorch-fid computes it, and without what a finite number of samples
    adds, with an interval of 95 %.

    Parameters
    ----------
    reference : array_like, (mu, sigma), path, Spectrum or DataLaw
        Samples along the first axis; mean and covariance; a file, folder or archive, whatever
        ``gaussmeter distance`` reads; a spectrum with ``basis=True``; or a law.
    *samples
        As many sets as are to be compared with it, each of these kinds.
    reference_count, count : int, optional
        Numbers of samples that statistics are of: the reference's, and those among ``samples``.
    array, scale, layout, resize, crop, memory, progress
        As for :meth:`Spectrum.from_images`. Options are for whatever can take them: ``resize`` for
        pictures, also where the reference is statistics.
    reference_array, reference_scale : optional
        The reference's own, if not ``array`` and ``scale``.

    Returns
    -------
    Distances

    Raises
    ------
    GaussmeterError
        Dimensions that differ, values that are not finite, files that cannot be read.
    Interrupted
        As for :func:`evaluate`; the result has the sets that were compared.

    Examples
    --------
    >>> import numpy as np
    >>> import gaussmeter as gm
    >>> x = np.random.default_rng(0).normal(size=(3, 500, 4))
    >>> found = gm.distance(x[0], x[1], x[2] + 0.5)
    >>> bool(found.sets[0]["w2_low"] == 0 < found.sets[1]["w2_low"] < 1 < found.w2[1] + 0.2)
    True
    """
    if not samples:
        raise GaussmeterError("distance: nothing to compare with the reference")
    options = {
        "array": array,
        "scale": scale,
        "layout": layout,
        "resize": size(resize),
        "crop": size(crop),
        "memory": memory,
    }
    given = (reference, *samples)
    if not any(isinstance(own, (str, os.PathLike)) for own in given):
        of_files = {"array": array, "resize": resize, "crop": crop}
        for key, value in of_files.items():
            if value is not None:
                raise GaussmeterError(f"{key} has no effect on arrays: it is for files")
    own_options = {"array": reference_array, "scale": reference_scale}
    if reference_array is not None and not isinstance(reference, (str, os.PathLike)):
        raise GaussmeterError("reference_array has no effect on arrays: it is for files")
    with ExitStack() as files:
        several = len(samples) > 1
        sets = [
            _given(own, f"samples {k}" if several else "samples", files)
            for k, own in enumerate(samples, 1)
        ]
        first = _given(reference, "reference", files)
        try:
            with progress_bar(progress) as bar:
                return Distances(
                    _native.distance(
                        first,
                        sets,
                        (options, {k: v for k, v in own_options.items() if v is not None}),
                        (reference_count, count),
                        progress=bar,
                    )
                )
        except Interrupted as interrupted:
            interrupted._wrap = Distances
            raise


def _given(own: Any, name: str, files: ExitStack) -> tuple[str, Any]:
    """What is compared, with a name."""
    if isinstance(own, (str, os.PathLike)):
        path = os.fspath(own)
        return path, path
    if isinstance(own, DataLaw):
        return name, files.enter_context(own._file())
    if isinstance(own, Spectrum):
        if not own.has_basis:
            raise GaussmeterError(
                f"{own.name}: eigenvalues without eigenvectors", "make it with basis=True"
            )
        path = os.path.join(files.enter_context(tempfile.TemporaryDirectory()), "law.npz")
        own.save(path)
        return own.name, path
    if isinstance(own, tuple) and len(own) == 2:
        mean, covariance = (as_numpy(part, name) for part in own)
        # np.cov of one dimension is a number.
        if covariance.ndim == 0 and mean.shape == (1,):
            covariance = covariance.reshape(1, 1)
        if mean.ndim != 1 or covariance.ndim != 2:
            raise GaussmeterError(
                f"{name}: a tuple is (mu, sigma), a mean of shape (d,) and a covariance of shape "
                f"(d, d); these have shapes {mean.shape} and {covariance.shape}"
            )
        dtype = covariance.dtype.str[1:]
        return name, (mean.astype(np.float64), covariance.astype(np.float64), dtype)
    return name, raw(own, name)
