"""NumPy arrays that note what is done to them and is not affine."""

from __future__ import annotations

from typing import Any

import numpy as np

from .denoiser import place_of_caller
from .suspects import Suspects

_RULES = {
    "clip": "clipping", "minimum": "clipping", "maximum": "clipping", "fmin": "clipping",
    "fmax": "clipping", "quantile": "thresholding by quantiles",
    "percentile": "thresholding by quantiles", "sort": "thresholding by quantiles",
    "median": "thresholding by quantiles", "norm": "a norm of the state",
    "std": "a standard deviation of the state", "var": "a standard deviation of the state",
    "absolute": "an absolute value", "sign": "a sign", "tanh": "tanh", "rint": "rounding",
    "round": "rounding", "around": "rounding", "where": "a choice by values", "max": "a maximum",
    "amax": "a maximum", "square": "a square", "power": "a power of the state",
    "exp": "an exponential",
}  # fmt: skip


class Watched(np.ndarray):
    """An array whose operations are noted."""

    suspects: Suspects | None = None

    def __array_finalize__(self, obj: Any) -> None:
        self.suspects = getattr(obj, "suspects", None)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        whose = (*inputs, *(out or ()))
        suspects = next((i.suspects for i in whose if isinstance(i, Watched)), None)
        assert suspects is not None
        states = [i for i in inputs if isinstance(i, Watched) and suspects.is_state(i.shape)]
        name = ufunc.__name__
        if states and name in _RULES:
            suspects.note(_RULES[name], f"np.{name}", place_of_caller())
        elif name in ("multiply", "divide") and len(states) == 2:
            suspects.note("a product of two states", f"np.{name}", place_of_caller())
        plain = [np.asarray(i) if isinstance(i, Watched) else i for i in inputs]
        if out is not None:
            kwargs["out"] = tuple(np.asarray(o) if isinstance(o, Watched) else o for o in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        if out is not None:
            return out[0]
        return watched(result, suspects) if isinstance(result, np.ndarray) else result

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = func.__name__
        suspects = self.suspects
        if suspects is not None and suspects.is_state(self.shape) and name in _RULES:
            suspects.note(_RULES[name], f"np.{name}", place_of_caller())
        return super().__array_function__(func, types, args, kwargs)

    def clip(self, *args: Any, **kwargs: Any) -> Any:
        """As NumPy's, noted."""
        if self.suspects is not None and self.suspects.is_state(self.shape):
            self.suspects.note("clipping", "clip", place_of_caller())
        return super().clip(*args, **kwargs)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """As NumPy's, noted where it rounds."""
        if self.suspects is not None and np.dtype(dtype) == np.float16:
            self.suspects.note("float16 rounding", "astype", place_of_caller())
        return super().astype(dtype, *args, **kwargs)


def watched(array: np.ndarray, suspects: Suspects | None) -> Watched:
    """The same numbers, watched."""
    view = np.asarray(array).view(Watched)
    view.suspects = suspects
    return view
