"""Running recorded samplers on arrays of any library, with any network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _native
from ._denoiser import Predicts, Takes, as_like, called, check_takes, sample_shape
from ._errors import GaussmeterError
from ._spectrum import SpectrumLike, native_data

GridLike = Any


def simulate(
    sampler: str,
    denoiser: Callable[[Any, Any], Any],
    process: str | None = None,
    grid: GridLike = None,
    *,
    x: Any = None,
    count: int | None = None,
    shape: Sequence[int] | None = None,
    like: Any = None,
    seed: int = 0,
    predicts: Predicts = "denoiser",
    takes: Takes = "sigma",
    nfe: int | None = None,
    steps: int | None = None,
    points: int | None = None,
    eps: float | None = None,
    spectrum: SpectrumLike = None,
    chunk: int | None = None,
    on_step: Callable[[int, float, Any], None] | None = None,
) -> Any:
    r"""Run a sampler with a network of your own.

    The arithmetic is that of the arrays or tensors themselves, so that they stay on their device
    and keep their type. Noise is drawn per sample from the library's streams: a seed means the same
    noise for any device, type and chunk, and the noise of ``gaussmeter sample``.

    Parameters
    ----------
    sampler : str
        A sampler with its options.
    denoiser : callable
        ``denoiser(x, sigma)``: for x of shape (batch, \*shape) with noise of standard deviation
        ``sigma`` (a float) it returns an array of the same shape, E[x_0 | x] unless ``predicts``
        says otherwise. Processes with another scale are brought to this form.
    process, grid : str, optional
        As for :func:`gaussmeter.evaluate`.
    x : array or tensor, shape (count, \*shape), optional
        Initial states; by default drawn from N(0, std²), with the process's own std.
    count : int, optional
        How many samples are drawn, if ``x`` is not given.
    shape : tuple of int, optional
        Shape of one sample, if ``x`` is not given.
    like : array or tensor, optional
        What kind of array is drawn; by default NumPy's, of float64.
    seed : int
        Determines initial states and noises.
    predicts : {"denoiser", "noise", "velocity", "score", "v", "flow"}
        What the network returns, for x = alpha x_0 + sigma z: E[x_0 | x], E[z | x], the right side
        of the probability-flow ODE, the score, alpha z − sigma x_0, or z − x_0.
    takes : {"sigma", "level"}
        With ``"level"`` the network is called with the process's own x and its level, a tuple of
        t, alpha and sigma.
    nfe, steps, points, eps
        As for :func:`gaussmeter.evaluate`.
    spectrum : Spectrum, str, path or array_like, optional
        The data, for grids that follow them.
    chunk : int, optional
        Samples that run together; by default all.
    on_step : callable, optional
        ``on_step(step, t, x)`` is called with every state, step 0 the initial one, for each chunk.

    Returns
    -------
    array or tensor, shape (count, \*shape)
        Outputs, of the kind of ``x`` or ``like``.

    Raises
    ------
    GaussmeterError
        Unknown names, shapes that do not fit, a network that returns another shape.
    Exception
        What the network raises, unchanged.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> def exact(x, sigma):  # data N(0, 1)
    ...     return x / (1 + sigma**2)
    >>> y = gm.simulate("dpmpp-2m", exact, "edm", "karras", steps=50, count=1000, shape=(2,))
    >>> abs(float(y.std()) - 1) < 0.1
    True
    """
    if not callable(denoiser):
        raise TypeError(f"denoiser: a function is needed, not {type(denoiser).__name__}")
    check_takes(takes, predicts)
    words = {
        "sampler": sampler,
        "process": process,
        "grid": grid,
        "nfe": nfe,
        "steps": steps,
        "points": points,
        "eps": eps,
    }
    plan = _native.plan(native_data(spectrum), words, predicts)
    if x is None:
        if shape is None or count is None:
            raise GaussmeterError(
                "neither initial states nor their number and shape are given",
                "give x, or count and shape",
            )
        own = sample_shape(shape, float(np.prod([int(n) for n in shape])))
        total = int(count)
    else:
        if count is not None or shape is not None:
            raise GaussmeterError("give x, or count and shape, not both")
        if not hasattr(x, "shape"):
            x = np.asarray(x, dtype=np.float64)
        if len(x.shape) < 1:
            raise GaussmeterError("x is a single number: samples lie along the first axis")
        total, own = int(x.shape[0]), tuple(int(n) for n in x.shape[1:])
        like = x
    if total < 1:
        raise GaussmeterError(f"{total} samples", "ask for at least one")
    size = total if chunk is None else int(chunk)
    if size < 1:
        raise GaussmeterError(f"chunk = {size}", "give a positive number of samples")

    outputs = []
    for first in range(0, total, size):
        number = min(size, total - first)
        streams = _native.Streams(seed, first, number)

        def draw(streams: Any = streams, number: int = number) -> Any:
            flat = streams.normal(int(np.prod(own)) if own else 1)
            return as_like(flat.reshape(number, *own), like)

        if x is None:
            state = draw() * plan["std"]
        else:
            state = x[first : first + number]
        outputs.append(_run(plan, denoiser, takes, state, draw, on_step))
    return outputs[0] if len(outputs) == 1 else _joined(outputs)


def _run(
    plan: dict[str, Any],
    denoiser: Callable[[Any, Any], Any],
    takes: Takes,
    state: Any,
    draw: Callable[[], Any],
    on_step: Callable[[int, float, Any], None] | None,
) -> Any:
    """One chunk through the program."""
    vectors: dict[int, Any] = {0: state}
    arrived = 0
    if on_step is not None:
        on_step(0, plan["start"][0], state)
    for operation in plan["operations"]:
        kind, free = operation[0], operation[-1]
        if kind == "predict":
            _, target, source, a, b, level, _ = operation
            at = vectors[source]
            output = called(denoiser, at, level, takes)
            if tuple(getattr(output, "shape", ())) != tuple(at.shape):
                raise GaussmeterError(
                    f"the denoiser returned shape {tuple(getattr(output, 'shape', ()))} for an "
                    f"input of shape {tuple(at.shape)}",
                    "return an array of the shape of x",
                )
            vectors[target] = output if (a, b) == (0.0, 1.0) else a * at + b * output
        elif kind == "noise":
            vectors[operation[1]] = draw()
        elif kind == "combine":
            _, target, terms, _ = operation
            total: Any = None
            for coefficient, source in terms:
                term = vectors[source] if coefficient == 1.0 else coefficient * vectors[source]
                total = term if total is None else total + term
            vectors[target] = 0.0 * state if total is None else total
        else:
            arrived += 1
            if on_step is not None:
                on_step(arrived, operation[2][0], vectors[operation[1]])
        for vector in free:
            vectors.pop(vector, None)
    return vectors[plan["output"]]


def _joined(parts: list[Any]) -> Any:
    """Chunks as one array of their kind."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    space = getattr(parts[0], "__array_namespace__", None)
    if space is not None:
        return space().concat(parts)
    import sys

    module = sys.modules[type(parts[0]).__module__.split(".")[0]]
    join = getattr(module, "cat", None) or module.concatenate
    return join(parts)
