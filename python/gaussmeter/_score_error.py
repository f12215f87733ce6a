"""How far a network is from the exact one of Gaussian data, level by level and mode by mode."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._arrays import as_numpy
from ._denoiser import Takes, check_takes, flat_denoiser
from ._errors import GaussmeterError
from ._spectrum import Spectrum, as_spectrum, native_data

Array = NDArray[np.float64]


@dataclass
class ScoreError:
    """The difference of a network to the exact denoiser, r = D_network − D, on noised data.

    Arrays have one row per level and one column per mode of the spectrum. All are in the units of
    the data.

    Attributes
    ----------
    spectrum : Spectrum
        The data.
    sigmas : ndarray, shape (K,)
        Noise levels, the noisiest first.
    squared : ndarray, shape (K, m)
        E r², of one coordinate of a mode.
    squared_half : ndarray, shape (K, m)
        Half of the width of its 95 % interval.
    gain : ndarray, shape (K, m)
        Linear part: r = gain (x − μ) + …, of the coordinate itself.
    gain_half : ndarray, shape (K, m)
        Half of the width of its 95 % interval.
    constant : ndarray, shape (K, m)
        (E r)², the square of a constant error. This and the next two are estimates without bias,
        which may be negative where they are small: sums over modes are right.
    leak : ndarray, shape (K, m)
        Part of E r² that is linear in the other coordinates.
    rest : ndarray, shape (K, m)
        Part of E r² that is not affine: what remains.
    score_gain : ndarray, shape (K,)
        δ: the score is nearest to 1 + δ times the exact one. A gain g of the denoiser along an
        eigenvector with eigenvalue λ is one of −g (λ + σ²)/σ² of the score, whose mean square there
        is 1/(λ + σ²); δ is the mean over all coordinates by it.
    score_gain_half : ndarray, shape (K,)
        Half of the width of its 95 % interval.
    floor : ndarray, shape (K,)
        Σ λσ²/(λ + σ²): the error of the exact network, as an estimate of the data.
    path_kl : float
        ∫ E|r|² / σ² d ln σ over the levels: the Kullback–Leibler divergence between the paths of
        the reverse SDEs with the exact network and with this one (Girsanov), in nats. It bounds
        that of the outputs.
    path_kl_affine : float
        The part of it that the constant and linear errors cause.
    sampler : str
        Where the linear part is put to work.
    w2_exact, w2_linear : float
        W2 to the data of that sampler's output with the exact network, and with the constants and
        gains measured.
    w2_linear_half : float
        Half of the width of the interval of ``w2_linear``, with what lies between levels: infinite
        for less than three levels.
    w2_with_leaks, w2_with_leaks_half : float
        The same with all that is affine, leaks too, where ``leaks=True`` asked for it, and NaN
        elsewhere.
    samples : int
        Number of noised samples per level.
    reason : str or None
        Why the sampler cannot run, which leaves ``w2_exact`` and the others NaN.
    """

    spectrum: Spectrum
    sigmas: Array
    squared: Array
    squared_half: Array
    gain: Array
    gain_half: Array
    constant: Array
    leak: Array
    rest: Array
    score_gain: Array
    score_gain_half: Array
    floor: Array
    path_kl: float
    path_kl_affine: float
    sampler: str
    w2_exact: float
    w2_linear: float
    w2_linear_half: float
    samples: int
    w2_with_leaks: float = float("nan")
    w2_with_leaks_half: float = float("nan")
    reason: str | None = None

    @property
    def total(self) -> Array:
        """E|r|² of each level, over all modes with their multiplicities, shape (K,)."""
        found: Array = self.squared @ self.spectrum.multiplicities
        return found

    @property
    def affine_share(self) -> Array:
        """The share of E|r|² of each level that is affine, shape (K,)."""
        rest = np.nan_to_num(self.rest) @ self.spectrum.multiplicities
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.clip(1.0 - rest / self.total, 0.0, 1.0)

    def save_gain(self, path: str | os.PathLike[str]) -> str:
        """Write :attr:`score_gain` to a file, and name the network that has it.

        Parameters
        ----------
        path : str or path
            A text file of rows σ, δ.

        Returns
        -------
        str
            ``"gain:file=…"``, for the argument ``network`` of every question.

        Raises
        ------
        GaussmeterError
            A score that is no positive multiple of the exact one, or more than 1001 times it.

        Examples
        --------
        >>> import gaussmeter as gm  # doctest: +SKIP
        >>> network = gm.score_error(denoiser, spectrum).save_gain("gain.csv")  # doctest: +SKIP
        >>> gm.tune(spectrum, "dpmpp-2m", nfe=10, network=network)  # doctest: +SKIP
        """
        name = os.fspath(path)
        rows = list(zip(self.sigmas, self.score_gain, strict=True))
        for sigma, delta in rows:
            if not -0.999 <= delta <= 1000.0:
                raise GaussmeterError(
                    f"no file of gains: at sigma = {sigma:.4g} the score is {1 + delta:.3g} times "
                    "the exact one, and such a file takes 0.001 to 1001 times",
                    "measure noise levels where it is",
                )
        text = "sigma,delta\n" + "".join(f"{s:.17g},{d:.17g}\n" for s, d in rows)
        beside = f"{name}.part"
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, name)
        return f"gain:file={name}"

    def table(self) -> list[list[str]]:
        """One line per level, with the titles first."""
        lines = [["sigma", "E|r|²", "relative", "affine", "largest gain", "at eigenvalue"]]
        eigenvalues = self.spectrum.eigenvalues
        for index, (sigma, floor) in enumerate(zip(self.sigmas, self.floor, strict=True)):
            worst = int(np.abs(self.gain[index]).argmax())
            lines.append(
                [
                    f"{sigma:.4g}",
                    f"{self.total[index]:.4g}",
                    f"{self.total[index] / floor:.3g}" if floor > 0 else "",
                    f"{100 * self.affine_share[index]:.0f} %",
                    f"{self.gain[index, worst]:.3g} ± {self.gain_half[index, worst]:.2g}",
                    f"{eigenvalues[worst]:.3g}",
                ]
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data, for JSON."""
        plain = {name: value for name, value in vars(self).items() if name != "spectrum"}
        plain["eigenvalues"] = self.spectrum.eigenvalues
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in plain.items()
        }

    def _sentence(self) -> str:
        kl = f"path KL {self.path_kl:.4g} nats, {self.path_kl_affine:.4g} of it affine; "
        if self.reason is not None:
            return f"{kl}{self.sampler} cannot run: {self.reason}"
        return (
            f"{kl}W2 of {self.sampler}: {self.w2_exact:.4g} with the exact network, "
            f"{self.w2_linear:.4g} ± {self.w2_linear_half:.2g} with the gains measured"
        )

    def __str__(self) -> str:
        lines = self.table()
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        text = [
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        ]
        head = f"score error on {self.spectrum.name}, {self.samples} samples per level"
        return "\n".join([head, *text, self._sentence()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self.table()
        title = f"score error on {self.spectrum.name}, {self.samples} samples per level"
        cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        return (
            f"<table><caption>{escape(title)}</caption><thead><tr>{cells}</tr></thead>"
            f"<tbody>{body}</tbody></table><p>{escape(self._sentence())}</p>"
        )


def score_error(
    denoiser: Callable[[Any, Any], Any],
    data: Any = None,
    sigmas: Sequence[float] | Array | None = None,
    *,
    basis: Any = None,
    shape: Sequence[int] | None = None,
    like: Any = None,
    predicts: str = "denoiser",
    takes: Takes = "sigma",
    samples: int = 4096,
    groups: int = 16,
    sampler: str = "edm",
    steps: int = 18,
    leaks: bool = False,
    seed: int = 0,
) -> ScoreError:
    r"""Measure how far a network is from the exact one of Gaussian data.

    At each level, states are drawn from the Gaussian with the mean and the covariance of the data,
    with noise added; there the exact denoiser is known. Its difference to the network is divided
    into a constant, a part that is linear in the coordinate itself (a gain), one that is linear in
    the others (a leak), and the rest, which is not affine. Sampling errors add nothing to the
    squares. Constants and gains are then put into a sampler, whose law is exact again. The same
    as ``gaussmeter score-error``, which takes networks in ONNX files.

    Parameters
    ----------
    denoiser : callable
        ``denoiser(x, sigma)`` for x of shape (batch, \*shape) with noise ``sigma``, as for
        :func:`gaussmeter.simulate`.
    data : array_like of shape (n, \*shape), Spectrum, or what ``Spectrum.load`` takes
        Samples, whose mean, covariance and eigenvectors are computed; or a spectrum, together with
        ``basis``. CIFAR-10's spectrum by default.
    sigmas : array_like, shape (K,), optional
        Noise levels sigma/alpha. By default 16 between 80 and 0.002. They should reach as far as
        the sampler's: below them the relative error of the score is that of the last one.
    basis : array_like, shape (d, d), optional
        Eigenvectors in columns, in the order of the spectrum with multiplicities, where ``data`` is
        a spectrum. By default the network works on coordinates along eigenvectors.
    shape : tuple of int, optional
        Shape of one sample; that of the samples, or (d,), by default.
    like : array or tensor, optional
        What kind of array the network takes; NumPy's by default.
    predicts : {"denoiser", "noise"}
        What it returns.
    takes : {"sigma"}
        What it takes beside x.
    samples, groups : int
        Samples per level, in this many groups, from which intervals are computed.
    sampler, steps : str, int
        In which sampler the gains are put to work, on Karras' levels of EDM.
    leaks : bool
        Put leaks to work there too, by a matrix of d × d for every level: from four samples per
        level and dimension.
    seed : int
        Of the samples.

    Returns
    -------
    ScoreError

    Raises
    ------
    GaussmeterError
        Levels that are not positive, a basis that is not orthogonal, shapes that do not fit, or a
        network that returns another shape or NaN.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> data = gm.Spectrum.from_eigenvalues([0.25, 1.0])
    >>> def network(x, sigma):  # 3 % too much, everywhere
    ...     return 1.03 * x * data.eigenvalues / (data.eigenvalues + sigma**2)
    >>> found = gm.score_error(network, data, [1.0, 0.1], samples=256)
    >>> found.gain[0].round(4)
    array([0.006, 0.015])
    """
    if not callable(denoiser):
        raise TypeError(f"denoiser: a function is needed, not {type(denoiser).__name__}")
    if predicts not in ("denoiser", "noise") or takes != "sigma":
        raise GaussmeterError(
            "score_error takes networks of x and sigma that predict the denoiser or the noise, "
            f"not predicts={predicts!r}, takes={takes!r}",
            "wrap it in a function of x and sigma",
        )
    check_takes(takes, predicts)
    spectrum, vectors, own_shape = _of(data, basis, shape)
    counts = np.rint(spectrum.multiplicities)
    if not np.allclose(counts, spectrum.multiplicities):
        raise GaussmeterError(
            f"{spectrum.name} has multiplicities that are no whole numbers",
            "give the spectrum with all its eigenvalues",
        )
    flat = flat_denoiser(denoiser, spectrum.dimension, own_shape, like, takes)
    if vectors is None:
        along = flat
    else:

        def along(x: Array, level: tuple[float, float, float]) -> Array:
            pixels = x.reshape(-1, vectors.shape[0]) @ vectors.T
            return np.ascontiguousarray(flat(pixels, level).reshape(pixels.shape) @ vectors).ravel()

    levels = None
    if sigmas is not None:
        levels = np.asarray(as_numpy(sigmas, "sigmas"), dtype=np.float64).ravel().tolist()
        if not levels or not np.isfinite(levels).all() or min(levels) <= 0:
            raise GaussmeterError("sigmas: noise levels have to be positive", "leave out 0")
    words = {"sampler": sampler, "process": "edm", "grid": "karras", "steps": steps}
    report = _native.score_error(
        native_data(spectrum), words, along, predicts, levels, samples, groups, None, leaks, seed
    )
    return _assembled(spectrum, json.loads(report.write("json")))


def _of(
    data: Any, basis: Any, shape: Sequence[int] | None
) -> tuple[Spectrum, Array | None, Sequence[int] | None]:
    """Spectrum, eigenvectors in columns and the shape of samples."""
    if data is None:
        data = "cifar10"
    is_array = not isinstance(data, (str, Spectrum)) and not hasattr(data, "__fspath__")
    if is_array and np.ndim(as_numpy(data, "data")) >= 2:
        array = np.asarray(as_numpy(data, "data"), dtype=np.float64)
        flat = array.reshape(array.shape[0], -1)
        mean = flat.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False).reshape(flat.shape[1], -1))
        values = np.maximum(values, 0.0)
        spectrum = Spectrum.from_eigenvalues(values, mean=vectors.T @ mean, name="the samples")
        # Equal modes are merged, so that columns have to follow the order of the spectrum.
        order = _order(spectrum, values, vectors.T @ mean)
        return spectrum, vectors[:, order], array.shape[1:] if shape is None else shape
    spectrum = as_spectrum(data)
    if basis is None:
        return spectrum, None, shape
    vectors = np.asarray(as_numpy(basis, "basis"), dtype=np.float64)
    dimension = round(spectrum.dimension)
    if vectors.shape != (dimension, dimension):
        raise GaussmeterError(
            f"basis has the shape {vectors.shape}, and the spectrum dimension {dimension}",
            "give all eigenvectors, one in each column",
        )
    if not np.allclose(vectors.T @ vectors, np.eye(dimension), atol=1e-6):
        raise GaussmeterError("basis is not orthogonal", "give eigenvectors in columns")
    return spectrum, vectors, shape


def _order(spectrum: Spectrum, values: Array, means: Array) -> NDArray[np.intp]:
    """Which eigenvector each coordinate of the spectrum is."""
    mean = np.zeros(len(spectrum)) if spectrum.mean is None else np.asarray(spectrum.mean)
    own = np.lexsort((mean, spectrum.eigenvalues))
    theirs = np.lexsort((means, values))
    counts = np.rint(spectrum.multiplicities).astype(int)
    order = np.empty(values.size, dtype=np.intp)
    starts = np.concatenate([[0], np.cumsum(counts)])
    taken = 0
    for mode in own:
        order[starts[mode] : starts[mode + 1]] = theirs[taken : taken + counts[mode]]
        taken += counts[mode]
    return order


def _assembled(spectrum: Spectrum, found: dict[str, Any]) -> ScoreError:
    """What the library has found, by level and mode."""
    levels = found["levels"]

    def stacked(name: str) -> Array:
        return np.array([level["modes"][name] for level in levels], dtype=np.float64)

    # What was measured stands where the sampler cannot run.
    unknown = {"value": np.nan, "half": np.nan}
    nothing = {"exact": np.nan, "predicted": unknown}
    run = found["runs"][0] if found["runs"] else {**found["failures"][0], **nothing}
    with_leaks = run.get("with_leaks", unknown)
    return ScoreError(
        spectrum=spectrum,
        sigmas=np.array([level["sigma"] for level in levels], dtype=np.float64),
        squared=stacked("squared"),
        squared_half=stacked("squared_half"),
        gain=stacked("gain"),
        gain_half=stacked("gain_half"),
        constant=stacked("constant"),
        leak=stacked("leak"),
        rest=stacked("rest"),
        score_gain=np.array([level["score_gain"]["value"] for level in levels]),
        score_gain_half=np.array([level["score_gain"]["half"] for level in levels]),
        floor=np.array([level["floor"] for level in levels]),
        path_kl=float(found["path_kl"]["value"]),
        path_kl_affine=float(found["path_kl_affine"]),
        sampler=", ".join([run["sampler"], *([f"{run['steps']} steps"] if "steps" in run else [])]),
        reason=run.get("reason"),
        w2_exact=float(run["exact"]),
        w2_linear=float(run["predicted"]["value"]),
        w2_linear_half=float(run["predicted"]["half"]),
        w2_with_leaks=float(with_leaks["value"]),
        w2_with_leaks_half=float(with_leaks["half"]),
        samples=found["samples_per_level"],
    )


__all__ = ["ScoreError", "score_error"]
