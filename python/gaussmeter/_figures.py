"""Figures drawn with matplotlib. The library draws them itself as SVG, PDF and PNG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import GaussmeterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours that are told apart with all kinds of colour vision (Okabe & Ito): those of the library.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("-", (0, (5, 2)), (0, (5, 1.5, 1, 1.5)), (0, (5, 1.5, 1, 1.5, 1, 1.5)), (0, (3, 1.5)))
MARKS = "os^Dp"
REFERENCES = (
    ("black", (0, (3, 2))),
    ("black", (0, (1, 2))),
    ("0.4", (0, (3, 2))),
    ("0.4", (0, (1, 2))),
)

#: A line of at most so many points shows each of them.
FEW = 30


def _numbers(values: Sequence[float | None]) -> list[float]:
    """Numbers of JSON, in which those that are not finite are None."""
    return [math.nan if value is None else value for value in values]


def _style(series: Mapping[str, Any], order: int) -> dict[str, Any]:
    """Colour and dashes of a series, the ``order``-th of its role."""
    if series["role"] == "reference":
        colour, dashes = REFERENCES[order % len(REFERENCES)]
        return {"color": colour, "linestyle": dashes, "linewidth": 1.2}
    if series["role"] == "faint":
        return {"color": "0.6", "linestyle": "-", "linewidth": 0.5}
    dashes = DASHES[order % len(DASHES)]
    return {"color": COLOURS[order % len(COLOURS)], "linestyle": dashes, "linewidth": 1.5}


def _orders(figure: Mapping[str, Any]) -> dict[str, int]:
    """For every name how many of its role are before it; a name looks the same in all panels."""
    orders: dict[str, int] = {}
    counts: dict[str, int] = {}
    for panel in figure["panels"]:
        for series in panel["series"]:
            if series["name"] not in orders:
                orders[series["name"]] = counts.get(series["role"], 0)
                counts[series["role"]] = orders[series["name"]] + 1
    return orders


def _draw(ax: Axes, series: Mapping[str, Any], order: int) -> None:
    """Draw a series that is not a field."""
    style = _style(series, order)
    mark = {"marker": MARKS[order % len(MARKS)], "markerfacecolor": "white", "markersize": 4}
    label = series["name"] or None
    fill = {"color": style["color"], "label": label}
    if series["marks"] == "line":
        x, y = _numbers(series["x"]), _numbers(series["y"])
        marked = mark if series["role"] == "main" and len(x) <= FEW else {}
        ax.plot(x, y, label=label, **style, **marked)
    elif series["marks"] == "points":
        x, y, low, high = (np.array(_numbers(series[key])) for key in ("x", "y", "low", "high"))
        errors = np.maximum([y - low, high - y], 0)
        ax.errorbar(
            x, y, errors, color=style["color"], linestyle="none", label=label, capsize=2, **mark
        )
    elif series["marks"] == "band":
        x, low, high = (_numbers(series[key]) for key in ("x", "low", "high"))
        ax.fill_between(x, low, high, alpha=0.2, linewidth=0, **fill)
    elif series["marks"] == "bars":
        left, right, low, high = (
            np.array(_numbers(series[key])) for key in ("left", "right", "low", "high")
        )
        sizes = {"width": right - left, "bottom": low, "align": "edge"}
        ax.bar(left, high - low, edgecolor="white", linewidth=0.3, **sizes, **fill)


def _draw_field(ax: Axes, fields: Sequence[Mapping[str, Any]]) -> None:
    """Draw the cells of a panel, which share their colours."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.patches import Rectangle

    values = [v for field in fields for v in field["value"] if v is not None]
    positive = [v for v in values if v > 0]
    is_log = bool(positive) and min(values) >= 0 and max(positive) > 10 * min(positive)
    shown = positive if is_log else values
    norm = (LogNorm if is_log else Normalize)(min(shown, default=0.0), max(shown, default=1.0))
    shades = colormaps["viridis"]
    for field in fields:
        cells = zip(
            field["x"], field["y"], field["value"], field["text"], field["best"], strict=True
        )
        for x, y, value, text, best in cells:
            known = value is not None and (value > 0 or not is_log)
            shade = shades(float(norm(value))) if known else (0.85, 0.85, 0.85, 1.0)
            ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=shade, edgecolor="white"))
            is_bright = 0.3 * shade[0] + 0.6 * shade[1] + 0.1 * shade[2] > 0.45
            weight = "bold" if best else "normal"
            ink = "black" if is_bright else "white"
            ax.text(
                x, y, text, ha="center", va="center", color=ink, weight=weight, fontsize="small"
            )
    if len(set(shown)) > 1 and ax.figure is not None:
        ax.figure.colorbar(ScalarMappable(norm, shades), ax=ax, label=fields[0]["name"])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _draw_panel(ax: Axes, panel: Mapping[str, Any], orders: Mapping[str, int]) -> None:
    fields = [series for series in panel["series"] if series["marks"] == "field"]
    for series in panel["series"]:
        _draw(ax, series, orders[series["name"]])
    if fields:
        _draw_field(ax, fields)
    for key in ("x", "y"):
        axis = panel[key]
        getattr(ax, f"set_{key}label")(axis["label"])
        is_reversed = axis["reversed"]
        if axis["scale"] == "log":
            getattr(ax, f"set_{key}scale")("log")
        elif axis["scale"] == "names":
            names = axis["names"]
            getattr(ax, f"set_{key}ticks")(range(len(names)), labels=names)
            getattr(ax, f"set_{key}lim")(-0.5, len(names) - 0.5)
            is_reversed ^= key == "y"
        if is_reversed:
            getattr(ax, f"invert_{key}axis")()
    if panel["plane"]:
        ax.set_aspect("equal", adjustable="box")


def plot(figure: Mapping[str, Any], ax: Axes | None = None) -> Any:
    """Draw a figure with matplotlib.

    Parameters
    ----------
    figure : dict
        The figure as JSON: title, panels with axes and series, notes.
    ax : matplotlib axes, optional
        Where to draw a figure of one panel; a new figure by default.

    Returns
    -------
    matplotlib axes, or an array of them
        An array, in rows, if there are several panels.

    Raises
    ------
    GaussmeterError
        If matplotlib is not installed, or several panels should be drawn in one.
    """
    panels = figure["panels"]
    orders = _orders(figure)
    if ax is None:
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise GaussmeterError(
                "plot needs matplotlib, which is not installed",
                "pip install matplotlib, or use .to_svg(), which needs nothing",
            ) from error
        columns = max(1, min(figure["per_row"], len(panels)))
        rows = max(1, math.ceil(len(panels) / columns))
        size = None if rows * columns == 1 else (4.2 * columns, 3.4 * rows)
        shared, axes = pyplot.subplots(
            rows, columns, figsize=size, squeeze=False, layout="constrained"
        )
        for unused in axes.flat[len(panels) :]:
            unused.set_axis_off()
    elif len(panels) > 1:
        raise GaussmeterError(
            f"this figure has {len(panels)} panels, which do not fit into one",
            "call .plot() without ax",
        )
    else:
        shared, axes = None, np.array([[ax]])
    for own, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(own, panel, orders)
        if len(panels) > 1:
            own.set_title(panel["title"])
    handles: dict[str, Any] = {}
    for own in axes.flat:
        for handle, label in zip(*own.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if len(panels) == 1:
        axes[0, 0].set_title(figure["title"], wrap=True)
        if len(handles) > 1:
            axes[0, 0].legend(handles.values(), handles.keys())
        return axes[0, 0]
    if shared is not None and handles:
        shared.suptitle(figure["title"], wrap=True)
        shared.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5)
    return axes
