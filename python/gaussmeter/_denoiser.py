"""Networks of the user as the library calls them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_numpy
from ._errors import GaussmeterError

#: What a network returns, for x = alpha x_0 + sigma z: E[x_0 | x], E[z | x], the right side of the
#: probability-flow ODE, the score, alpha z − sigma x_0, or z − x_0.
Predicts = Literal["denoiser", "noise", "velocity", "score", "v", "flow"]
#: What a network takes: x with noise sigma, without other scale, and sigma; or x and its level.
Takes = Literal["sigma", "level"]


class Level(NamedTuple):
    """Signal and noise at one time of a process: x = alpha x_0 + sigma z."""

    t: float
    """The time."""
    alpha: float
    """Factor of the signal."""
    sigma: float
    """Standard deviation of the noise."""


def called(
    denoiser: Callable[[Any, Any], Any], x: Any, level: tuple[float, float, float], takes: Takes
) -> Any:
    """Call a network in the form that it takes.

    Raises
    ------
    GaussmeterError
        A network that takes sigma, where no signal is left.
    """
    t, alpha, sigma = level
    if takes == "level":
        return denoiser(x, Level(t, alpha, sigma))
    if alpha == 1.0:
        return denoiser(x, sigma)
    if alpha == 0.0:
        raise GaussmeterError(
            f"at t = {t:g} no signal is left (alpha = 0): there is no x / alpha to denoise",
            "give a network that takes the level: takes='level'",
        )
    return denoiser(x / alpha, sigma / alpha)


def check_takes(takes: str, predicts: str) -> None:
    """Refuse what a network cannot take.

    Raises
    ------
    GaussmeterError
        An unknown form, or a prediction that depends on the scale that the network does not know.
    """
    if takes not in ("sigma", "level"):
        raise GaussmeterError(f"takes: unknown '{takes}'", "give 'sigma' or 'level'")
    known = get_args(Predicts)
    if predicts not in known:
        hint = f"known: {', '.join(known)}"
        raise GaussmeterError(f"predicts: unknown '{predicts}' ({hint})", hint)
    if takes == "sigma" and predicts not in ("denoiser", "noise"):
        raise GaussmeterError(
            f"a network that takes sigma alone cannot predict the {predicts} of a process",
            "give takes='level', or a network that predicts the denoiser or the noise",
        )


def sample_shape(shape: Sequence[int] | None, dimension: float) -> tuple[int, ...]:
    """The shape of one sample.

    Parameters
    ----------
    shape : sequence of int, optional
        What was given; (dimension,) by default.
    dimension : float
        The number of its values.

    Raises
    ------
    GaussmeterError
        A shape of another number of values, or a dimension that is no whole number.
    """
    count = round(dimension)
    if count != dimension or count < 1:
        raise GaussmeterError(
            f"the spectrum has dimension {dimension:g}: vectors have a whole number of values",
            "give a spectrum whose multiplicities add up to one",
        )
    own = (count,) if shape is None else tuple(int(n) for n in shape)
    if int(np.prod(own)) != count:
        raise GaussmeterError(
            f"shape {own} has {int(np.prod(own))} values, but the spectrum has dimension {count}"
        )
    return own


def checked(output: Any, expected: tuple[int, ...], t: float) -> NDArray[np.float64]:
    """The output of a network as an array of 64-bit floats, of the expected shape.

    Raises
    ------
    GaussmeterError
        Another shape, values that are no numbers, or are not finite.
    """
    array = as_numpy(output, "denoiser")
    if array.shape != expected:
        raise GaussmeterError(
            f"the denoiser returned shape {array.shape} for an input of shape {expected}",
            "return an array of the shape of x",
        )
    found = np.ascontiguousarray(array, dtype=np.float64)
    if not np.isfinite(found).all():
        raise GaussmeterError(f"the denoiser returned NaN or infinity at t = {t:g}")
    return found


def flat_denoiser(
    denoiser: Callable[..., Any],
    dimension: float,
    shape: Sequence[int] | None,
    like: Any,
    takes: Takes,
) -> Callable[[NDArray[np.float64], tuple[float, float, float]], NDArray[np.float64]]:
    """Make a network on vectors one after another, as the native module calls it.

    Parameters
    ----------
    denoiser : callable
        The user's.
    dimension : float
        Values of one sample.
    shape : sequence of int, optional
        Shape of one sample.
    like : tensor, optional
        What kind of tensor the network takes.
    takes : {"sigma", "level"}
        What it takes beside x.
    """
    if not callable(denoiser):
        raise TypeError(f"denoiser: a function is needed, not {type(denoiser).__name__}")
    own = sample_shape(shape, dimension)

    def flat(x: NDArray[np.float64], level: tuple[float, float, float]) -> NDArray[np.float64]:
        batch = x.reshape(-1, *own)
        output = called(denoiser, as_like(batch, like), level, takes)
        return checked(output, batch.shape, level[0]).reshape(-1)

    return flat


def as_like(array: NDArray[np.float64], like: Any) -> Any:
    """A NumPy array as a tensor of the type and on the device of another."""
    if like is None:
        return array
    if isinstance(like, np.ndarray):
        return array.astype(like.dtype, copy=False)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(like, torch.Tensor):
        return torch.as_tensor(array).to(dtype=like.dtype, device=like.device)
    raise GaussmeterError(
        f"like: {type(like).__name__} is neither an array of NumPy nor a tensor of torch",
        "convert in the denoiser itself: it is given an array of NumPy",
    )
