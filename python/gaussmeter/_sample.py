"""Samples of models with eigenvectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._errors import GaussmeterError, Interrupted
from ._progress import progress_bar
from ._results import Levels
from ._spectrum import SpectrumLike, as_spectrum

GridLike = Any


class Samples:
    r"""Samples as arrays: wherever NumPy takes an array, it takes these.

    Attributes
    ----------
    values : ndarray of float64, shape (count, \*shape) or (count, frames, \*shape)
        Samples in data units. There is an axis of frames if times or a comparison were asked for.
    kinds : tuple of str
        What each frame is: ``"exact"``, ``"sampler"`` or ``"difference"``.
    levels : Levels
        Where along the process each frame is.
    display : (float, float) or None
        The data values shown as black and as white, if the data are pixels.
    """

    __slots__ = ("values", "kinds", "levels", "display")

    def __init__(
        self,
        values: NDArray[np.float64],
        frames: list[tuple[str, float, float, float]],
        display: tuple[float, float] | None,
    ) -> None:
        self.values = values
        self.kinds = tuple(kind for kind, *_ in frames)
        self.levels = Levels(*(np.array(column) for column in list(zip(*frames, strict=True))[1:]))
        self.display = display

    def pixels(self) -> NDArray[np.uint8]:
        """The values as 8-bit pixels, clipped to black and white.

        Raises
        ------
        GaussmeterError
            If it is not known which values are black and white.
        """
        if self.display is None:
            raise GaussmeterError(
                "it is not known whether the values are pixels",
                "the model was made of numbers that are not 8-bit",
            )
        black, white = self.display
        scaled = 255.0 * (self.values - black) / (white - black)
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        own = self.values if dtype is None else self.values.astype(dtype, copy=False)
        return own.copy() if copy and own is self.values else own

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> NDArray[np.float64]:
        return self.values[key]

    def __repr__(self) -> str:
        return f"<Samples of shape {self.values.shape}: {', '.join(self.kinds)}>"


def sample(
    spectrum: SpectrumLike,
    count: int = 16,
    *,
    seed: int = 0,
    sampler: str | None = None,
    process: str | None = None,
    grid: GridLike = None,
    nfe: int | None = None,
    steps: int | None = None,
    points: int | None = None,
    eps: float | None = None,
    init: str | None = None,
    times: int | Sequence[float] | None = None,
    compare: bool = False,
    size: tuple[int, int] | None = None,
    progress: bool | None = None,
) -> Samples:
    """Draw samples from a model, exact or by a sampler with the exact score.

    Sampler and exact samples of one seed start from the same noise, as in ``gaussmeter sample``.

    Parameters
    ----------
    spectrum : Spectrum or path
        A model with eigenvectors: a spectrum made with ``basis=True``, a stationary model, or a
        file of ``gaussmeter texture``.
    count : int
        Number of samples.
    seed : int
        Seed of the sequence of samples.
    sampler : str, optional
        A sampler with its options; exact samples by default.
    process, grid, nfe, steps, points, eps, init, progress
        As for :func:`gaussmeter.evaluate`.
    times : int or list of float, optional
        Each sample along time, from noise to data: at so many times of the grid, or at these times
        (of a sampler, the nearest of its grid).
    compare : bool
        The exact solution of the probability-flow ODE, the sampler's output from the same noise,
        and their difference.
    size : (int, int), optional
        Height and width of the pictures, for textures; at least those of the texture.

    Returns
    -------
    Samples

    Raises
    ------
    GaussmeterError
        A model without eigenvectors, or a sampler that cannot run on it.
    Interrupted
        As for :func:`gaussmeter.evaluate`.

    Examples
    --------
    >>> import numpy as np
    >>> import gaussmeter as gm
    >>> data = np.random.default_rng(0).normal(size=(100, 3))
    >>> spectrum = gm.Spectrum.from_array(data, basis=True)
    >>> gm.sample(spectrum, 5).values.shape
    (5, 3)
    """
    if count < 1:
        raise GaussmeterError(f"{count} samples", "ask for at least one")
    if sampler is None:
        given = {"nfe": nfe, "steps": steps, "points": points, "eps": eps, "init": init}
        if needless := [name for name, value in given.items() if value is not None]:
            raise GaussmeterError(
                f"{needless[0]} has no effect on exact samples", "give a sampler too"
            )
    if compare and sampler is None:
        raise GaussmeterError("compare needs a sampler to compare with the exact solution")
    if compare and times is not None:
        raise GaussmeterError("give times or compare, not both")
    spread = None if times is None or not isinstance(times, (int, np.integer)) else int(times)
    if spread is not None and spread < 2:
        raise GaussmeterError(f"times = {times}", "ask for at least 2, or give a list of times")
    at = None if times is None or spread is not None else [float(t) for t in times]  # type: ignore[union-attr]
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
        "init": init,
    }

    def wrap(found: Any) -> Samples:
        values, frames, display = found
        return Samples(values if compare or times is not None else values[:, 0], frames, display)

    own = as_spectrum(spectrum)._native
    try:
        with progress_bar(progress) as bar:
            return wrap(
                _native.sample(own, words, count, seed, at, spread, compare, size, progress=bar)
            )
    except Interrupted as interrupted:
        interrupted._wrap = wrap
        raise
