"""Results: numbers as attributes, and every format that the library writes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._errors import GaussmeterError
from ._law import Law

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

_FORMATS = {
    ".txt": "text",
    ".md": "markdown",
    ".tex": "latex",
    ".csv": "csv",
    ".json": "json",
    ".html": "html",
}

#: Formats of the figure.
_DRAWINGS = {
    ".svg": "svg",
    ".pdf": "pdf",
    ".png": "png",
    ".pgf": "pgfplots",
    ".py": "matplotlib",
}


class Levels(NamedTuple):
    """Levels of a grid, from noise to data: x_t = alpha · x_0 + sigma · z."""

    t: NDArray[np.float64]
    """Times of the process."""
    alpha: NDArray[np.float64]
    """Factor of the signal."""
    sigma: NDArray[np.float64]
    """Standard deviation of the noise."""


def _read(value: Any) -> Any:
    """A value of a JSON document: lists of numbers as arrays, ``"inf"`` as infinity."""
    if value == "inf":
        return float("inf")
    if value == "-inf":
        return -float("inf")
    if isinstance(value, dict):
        return {key: _read(own) for key, own in value.items()}
    if isinstance(value, list):
        own = [_read(item) for item in value]
        if own and all(isinstance(item, (int, float)) for item in own):
            return np.asarray(own)
        return own
    return value


class Result:
    """What the library has found.

    ``repr`` is the table that the command line prints. Every key of the JSON document
    (docs/json.md) is an attribute: lists of numbers are NumPy arrays, infinite values are ``inf``.
    """

    def __init__(self, report: _native.Report | _Saved) -> None:
        self._report = report
        self._document: dict[str, Any] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document, whose schema is stable: docs/json.md."""
        if self._document is None:
            self._document = json.loads(self._report.write("json"))
        return self._document

    @property
    def records(self) -> dict[str, Any]:
        """The rows of :meth:`to_csv` at full precision, column by column.

        Returns
        -------
        dict of str to ndarray or list
            Numbers are arrays (NaN where there is none), anything else is a list.
        """
        return self._report.records()

    @property
    def interrupted(self) -> bool:
        """Whether the work was stopped, so that this is not all that was asked for."""
        return self._report.interrupted

    @property
    def notices(self) -> list[str]:
        """What users of the process should know."""
        return self._report.notices

    def to_text(self, columns: int | None = None) -> str:
        """The tables as text.

        Parameters
        ----------
        columns : int, optional
            Wrap to so many columns. Unlimited by default.
        """
        return self._report.write("text", columns)

    def to_markdown(self) -> str:
        """The tables in Markdown."""
        return self._report.write("markdown")

    def to_latex(self) -> str:
        """The tables in LaTeX (booktabs), or the figure (pgfplots) where there is one."""
        return self._report.write("latex")

    def to_csv(self) -> str:
        """All numbers as CSV, at full precision."""
        return self._report.write("csv")

    def to_json(self) -> str:
        """Everything as JSON, with a versioned schema: docs/json.md."""
        return self._report.write("json")

    def to_html(self) -> str:
        """Everything as a page that needs no network, with figures to explore."""
        return self._report.write("html")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a file, in the format of its extension.

        Parameters
        ----------
        path : str or path
            A file that ends in .txt, .md, .tex, .csv, .json or .html; for the figure in .svg, .pdf,
            .png, .pgf (pgfplots) or .py (a script for matplotlib).

        Raises
        ------
        GaussmeterError
            Another extension, or a figure of a result without one.
        """
        extension = os.path.splitext(os.fspath(path))[1].lower()
        if extension in _DRAWINGS:
            drawing = self._drawing(_DRAWINGS[extension])
            with open(path, "wb") as file:
                file.write(drawing)
            return
        if extension in _FORMATS:
            text = self._report.write(_FORMATS[extension])
        else:
            known = ", ".join([*_FORMATS, *_DRAWINGS])
            raise GaussmeterError(
                f"no format has the extension of '{os.fspath(path)}' (known: {known})",
                "rename the file",
            )
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows of :meth:`to_csv` as a data frame.

        Raises
        ------
        GaussmeterError
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise GaussmeterError(
                "to_pandas needs pandas, which is not installed",
                "pip install pandas, or use .records, a dict of arrays",
            ) from error
        return pandas.DataFrame(self.records)

    def to_svg(self) -> str:
        """The figure as SVG, with its font: the same file as `-o FILE.svg` of the command line.

        Raises
        ------
        GaussmeterError
            If the result has no figure.
        """
        return self._drawing("svg").decode()

    def plot(self, ax: Axes | None = None) -> Any:
        """Draw the figure with matplotlib.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw a figure of one panel; a new figure by default.

        Returns
        -------
        matplotlib axes, or an array of them
            An array, in rows, if the figure has several panels.

        Raises
        ------
        GaussmeterError
            If matplotlib is not installed, the result has no figure, or several panels should be
            drawn in one.
        """
        from . import _figures

        return _figures.plot(self._figure(), ax)

    def _figure(self) -> Mapping[str, Any]:
        figures = json.loads(self._report.figures())
        if not figures:
            raise self._no_figure()
        return figures[0]

    def _drawing(self, format: str) -> bytes:
        if not self._report.inline():
            raise self._no_figure()
        return self._report.draw(format)

    def _no_figure(self) -> GaussmeterError:
        name = type(self).__name__
        return GaussmeterError(
            f"a {name} has no figure",
            "curve, modes and other results of errors have one; .records has the numbers",
        )

    def _repr_html_(self) -> str:
        return "\n".join([self._report.html(), *self._report.inline()])

    def __repr__(self) -> str:
        return self.to_text().rstrip("\n")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return _read(self.document[name])
        except KeyError:
            raise AttributeError(
                f"a {type(self).__name__} has no '{name}': its document has "
                f"{', '.join(self.document)}"
            ) from None

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.document})

    def __reduce__(self) -> Any:
        return type(self), (_Saved.of(self._report),)


class _Saved:
    """A report whose forms are made: what can be sent to other processes."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state

    @classmethod
    def of(cls, report: _native.Report | _Saved) -> _Saved:
        if isinstance(report, _Saved):
            return report
        law = report.law()
        inline = report.inline()
        return cls(
            {
                "written": {format: report.write(format) for format in _FORMATS.values()},
                "html": report.html(),
                "records": report.records(),
                "figures": report.figures(),
                "inline": inline,
                "drawn": {f: report.draw(f) for f in _DRAWINGS.values()} if inline else {},
                "interrupted": report.interrupted,
                "notices": report.notices,
                "law": None if law is None else Law._of(law),
            }
        )

    def write(self, format: str, columns: int | None = None) -> str:
        return self._state["written"][format]

    def html(self) -> str:
        return self._state["html"]

    def records(self) -> dict[str, Any]:
        return self._state["records"]

    def figures(self) -> str:
        return self._state["figures"]

    def inline(self) -> list[str]:
        return self._state["inline"]

    def draw(self, format: str) -> bytes:
        return self._state["drawn"][format]

    def law(self) -> Any:
        law = self._state["law"]
        return None if law is None else law._native

    @property
    def interrupted(self) -> bool:
        return self._state["interrupted"]

    @property
    def notices(self) -> list[str]:
        return self._state["notices"]


class Evaluation(Result):
    """Everything known about one configuration."""

    @property
    def law(self) -> Law:
        """The law of the output, mode by mode.

        Raises
        ------
        GaussmeterError
            With a network of a finite training set there is no law per eigenvalue.
        """
        law = self._report.law()
        if law is None:
            raise GaussmeterError(
                "with a network of a finite training set there is no law per mode"
            )
        return Law._of(law)

    @property
    def w2(self) -> float:
        """Wasserstein-2 distance to the data, in data units."""
        law = self._report.law()
        return float(self.document["w2"]) if law is None else law._metric("w2")

    @property
    def nfe(self) -> int:
        """Network evaluations."""
        return int(self.document["nfe"])

    @property
    def steps(self) -> int:
        """Number of steps."""
        return int(self.document["steps"])

    @property
    def budget(self) -> dict[str, Any]:
        """Each source of error alone, as W2: initialization, truncation, discretization."""
        return _read(self.document["budget"])

    @property
    def grid(self) -> Levels:
        """Levels of the sampler, noisiest first."""
        return _levels(self.document["grid"])

    @property
    def warnings(self) -> list[str]:
        """What users should know about the numbers."""
        return list(self.document["warnings"])


class Table(Result):
    """The ablation table: ``cells`` is a list of dicts, one per number."""

    @property
    def cells(self) -> list[dict[str, Any]]:
        """One dict per cell: sampler, eps, column, init, steps, nfe and the error."""
        return _read(self.document["cells"])


class Curve(Result):
    """Errors along time or truncation; ``series`` has arrays, one dict per sampler."""

    @property
    def series(self) -> list[dict[str, Any]]:
        """One dict per sampler, then ``sde`` and ``ode``: times and errors are arrays."""
        return _read(self.document["series"])


class ModeErrors(Result):
    """The error per eigenvalue; ``records`` has arrays."""


class StepErrors(Result):
    """What each step contributes."""

    @property
    def contributions(self) -> NDArray[np.float64]:
        """The contribution of the start, then of each step, as distances, shape (steps + 1,)."""
        return np.array([float(step["contribution"]) for step in self.document["steps"]])


class Ranking(Result):
    """Samplers at one budget, the best first."""

    @property
    def best(self) -> dict[str, Any]:
        """The first of the ranking: sampler, process, grid_rule, steps, nfe and the error."""
        return _read(self.document["ranking"])[0]


class Pareto(Result):
    """Error against network evaluations."""

    @property
    def front(self) -> list[dict[str, Any]]:
        """The runs on the Pareto front."""
        return [point for point in _read(self.document["points"]) if point["front"]]


class _WithSigmas(Result):
    """A result with the noise levels of one schedule."""

    @property
    def sigmas(self) -> NDArray[np.float64]:
        """Noise levels σ/α, noisiest first; every ``grid`` takes them."""
        return np.array([float(sigma) for sigma in self.document["sigmas"]])

    def save_sigmas(self, path: str | os.PathLike[str]) -> None:
        """Write the noise levels, one per line, for ``grid="sigmas:FILE"``.

        Parameters
        ----------
        path : str or path
            A text file.
        """
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{float(sigma)!r}\n" for sigma in self.sigmas)


class Schedules(Result):
    """Schedules in closed form, standard ones, and the optimum: ``results`` is a list of dicts."""

    @property
    def results(self) -> list[dict[str, Any]]:
        """One dict per sampler, length and schedule."""
        return _read(self.document["results"])


class Tuning(_WithSigmas):
    """The best times of a sampler."""

    @property
    def sampler(self) -> str:
        """The sampler, with the best stochasticity where that was sought: ``"ddim:eta=0.37"``."""
        return str(self.document["sampler"])

    @property
    def w2(self) -> float:
        """W2 with these times, if data and network are exactly Gaussian."""
        return float(self.document["w2"])

    @property
    def error(self) -> float:
        """The objective with these times."""
        return float(self.document["error"])


class Recommendation(_WithSigmas):
    """The best sampler and its times."""

    @property
    def sigmas(self) -> NDArray[np.float64]:
        """Noise levels σ/α of the winner, noisiest first; every ``grid`` takes them."""
        return np.array([float(sigma) for sigma in self.document["winner"]["sigmas"]])


class Plane(Result):
    """A Gaussian in the plane, on its way from noise to data."""


class FullReport(Result):
    """Everything about a spectrum: ``save("report.html")`` writes a page that needs no network."""


class Verification(Result):
    """Samplers on data that are not Gaussian, or with a network of the user."""


class Program(Result):
    """A sampler as a linear program."""

    @property
    def nfe(self) -> int:
        """Network evaluations."""
        return int(self.document["nfe"])


class Info(Result):
    """A spectrum at a glance."""


class Export:
    """A schedule for a project.

    Attributes
    ----------
    code : str
        Text to paste.
    list : str
        The bare numbers, one per line.
    notes : list of str
        What had to change, and what it costs.
    """

    __slots__ = ("code", "list", "notes", "_json")

    def __init__(self, code: str, list: str, json: str, notes: list[str]) -> None:
        self.code = code
        self.list = list
        self.notes = notes
        self._json = json

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document: docs/json.md."""
        return json.loads(self._json)

    @property
    def values(self) -> NDArray[np.float64]:
        """The numbers of the schedule, as the project takes them."""
        return np.array([float(value) for value in self.document["schedule"]["values"]])

    @property
    def w2(self) -> float:
        """W2 with the schedule as the project will run it."""
        return float(self.document["w2"]["exported"])

    @property
    def w2_asked(self) -> float:
        """W2 with the schedule as asked for."""
        return float(self.document["w2"]["asked"])

    def to_json(self) -> str:
        """Everything as JSON."""
        return self._json

    def __repr__(self) -> str:
        return "\n".join([self.code.rstrip("\n"), *(f"# {note}" for note in self.notes)])


def _levels(levels: list[dict[str, Any]]) -> Levels:
    def column(key: str) -> NDArray[np.float64]:
        return np.array([float(level[key]) for level in levels])

    return Levels(column("t"), column("alpha"), column("sigma"))
