"""PyTorch code that names float32, run in double precision."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode


class _Double(TorchFunctionMode):
    """Every float32 that is named becomes float64."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = {name: _wider(value) for name, value in (kwargs or {}).items()}
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        result = func(*(_wider(value) for value in args), **kwargs)
        if isinstance(result, torch.Tensor) and result.dtype == torch.float32:
            return result.double()
        return result


def _wider(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value


class _Numbers:
    """NumPy with float64 under the name of float32."""

    float32 = np.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


@contextlib.contextmanager
def double_precision(*modules: types.ModuleType) -> Iterator[None]:
    """While it is entered, code of these modules that asks for float32 gets float64.

    Parameters
    ----------
    modules
        Modules whose ``np`` is replaced for a while.
    """
    dtype = torch.get_default_dtype()
    named = [module for module in modules if getattr(module, "np", None) is np]
    try:
        torch.set_default_dtype(torch.float64)
        for module in named:
            module.np = _Numbers()  # type: ignore[attr-defined]
        with _Double():
            yield
    finally:
        for module in named:
            module.np = np  # type: ignore[attr-defined]
        torch.set_default_dtype(dtype)
