"""Figures: as SVG without any other package, or with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ._errors import GaussmeterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours that are told apart with all kinds of colour vision (Okabe & Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 32, 48
LEGEND_ROW = 16


class _Axis:
    """An axis: from values to places between 0 and 1, and where its ticks are."""

    def __init__(self, label: str, is_log: bool, values: Sequence[float]) -> None:
        self.label = label
        self.is_log = is_log
        places = [self._raw(value) for value in values]
        own = [value for value in places if value is not None]
        low, high = (min(own), max(own)) if own else (0.0, 1.0)
        if low == high:
            low, high = low - 0.5, high + 0.5
        self.low, self.high = low, high

    def _raw(self, value: float) -> float | None:
        if not math.isfinite(value) or (self.is_log and value <= 0):
            return None
        return math.log10(value) if self.is_log else value

    def place(self, value: float) -> float | None:
        """Where a value is; None if it cannot be shown."""
        raw = self._raw(value)
        return None if raw is None else (raw - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels."""
        span = self.high - self.low
        if self.is_log and span >= 1:
            decades = max(1, math.ceil(span / 8))
            first = math.ceil(self.low - 1e-9)
            exponents = range(first, math.floor(self.high + 1e-9) + 1, decades)
            return [((e - self.low) / span, f"1e{e}") for e in exponents]
        step = 10.0 ** math.floor(math.log10(span / 4))
        step *= next((k for k in (1.0, 2.0, 5.0) if span / (k * step) <= 6), 10.0)
        count = math.floor(self.high / step + 1e-9)
        raw = [k * step for k in range(math.ceil(self.low / step - 1e-9), count + 1)]
        label = (lambda v: f"{10**v:.3g}") if self.is_log else (lambda v: f"{v:.6g}")
        return [((value - self.low) / span, label(value)) for value in raw]


def _runs(
    x: Sequence[float], y: Sequence[float], place: Callable[[float, float], Any]
) -> list[list[tuple[float, float]]]:
    """Points between gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point in map(place, x, y):
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def svg(figure: Mapping[str, Any]) -> str:
    """Draw a figure.

    Parameters
    ----------
    figure : dict
        Title, axes (label, logarithmic), curves (name, dashed, x, y) and notes.

    Returns
    -------
    str
        An SVG document without a header, to be shown inline or saved.
    """
    curves = figure["curves"]
    (x_label, x_is_log), (y_label, y_is_log) = figure["x"], figure["y"]
    x_axis = _Axis(x_label, x_is_log, [v for curve in curves for v in curve[2]])
    y_axis = _Axis(y_label, y_is_log, [v for curve in curves for v in curve[3]])
    bottom = BOTTOM + LEGEND_ROW * ((len(curves) + 3) // 4)
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    height = TOP + inner_height + bottom

    def place(x: float, y: float) -> tuple[float, float] | None:
        u, v = x_axis.place(x), y_axis.place(y)
        if u is None or v is None:
            return None
        return LEFT + u * inner_width, TOP + (1 - v) * inner_height

    floor = TOP + inner_height
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{WIDTH / 2:g}" y="20" text-anchor="middle">{escape(figure["title"])}</text>',
    ]
    for at, label in x_axis.ticks():
        x = LEFT + at * inner_width
        out.append(f'<path d="M{x:.1f} {TOP}V{floor}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{floor + 16}" text-anchor="middle">{label}</text>')
    for at, label in y_axis.ticks():
        y = TOP + (1 - at) * inner_height
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    out.append(
        f'<rect x="{LEFT}" y="{TOP}" width="{inner_width}" height="{inner_height}" '
        'fill="none" stroke="black"/>'
    )
    middle = LEFT + inner_width / 2
    out.append(
        f'<text x="{middle:g}" y="{floor + 34}" text-anchor="middle">{escape(x_axis.label)}</text>'
    )
    out.append(
        f'<text x="14" y="{TOP + inner_height / 2:g}" text-anchor="middle" '
        f'transform="rotate(-90 14 {TOP + inner_height / 2:g})">{escape(y_axis.label)}</text>'
    )
    for k, (name, is_dashed, xs, ys) in enumerate(curves):
        colour = COLOURS[k % len(COLOURS)]
        dashes = ' stroke-dasharray="5 3"' if is_dashed else ""
        for run in _runs(xs, ys, place):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            if len(run) == 1:
                x, y = run[0]
                out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>')
            else:
                out.append(
                    f'<polyline points="{points}" fill="none" stroke="{colour}" '
                    f'stroke-width="1.5"{dashes}/>'
                )
        left = LEFT + (k % 4) * inner_width / 4
        top = floor + BOTTOM + LEGEND_ROW * (k // 4)
        out.append(
            f'<path d="M{left:g} {top - 4}h20" stroke="{colour}" stroke-width="1.5"{dashes}/>'
        )
        out.append(f'<text x="{left + 25:g}" y="{top}">{escape(name)}</text>')
    out.append("</svg>")
    return "\n".join(out)


def plot(figure: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw a figure with matplotlib.

    Parameters
    ----------
    figure : dict
        As for :func:`svg`.
    ax : matplotlib axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    GaussmeterError
        If matplotlib is not installed.
    """
    if ax is None:
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise GaussmeterError(
                "plot needs matplotlib, which is not installed",
                "pip install matplotlib, or use .to_svg(), which needs nothing",
            ) from error
        _, ax = pyplot.subplots()
    for k, (name, is_dashed, x, y) in enumerate(figure["curves"]):
        style = "--" if is_dashed else "-"
        mark = "." if len(x) <= 30 else None
        ax.plot(x, y, style, marker=mark, color=COLOURS[k % len(COLOURS)], label=name)
    for axis, (label, is_log) in (("x", figure["x"]), ("y", figure["y"])):
        getattr(ax, f"set_{axis}label")(label)
        if is_log:
            getattr(ax, f"set_{axis}scale")("log")
    ax.set_title(figure["title"])
    if len(figure["curves"]) > 1:
        ax.legend()
    return ax
