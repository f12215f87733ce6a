"""Arrays of the libraries that samplers are written in."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._errors import error


class Backend:
    """NumPy, and what the other libraries change."""

    name = "numpy"
    #: The states of the latest evaluation, flat.
    last: Any = None

    def array(self, values: np.ndarray, dtype: str) -> Any:
        """An array of the library with these values."""
        return values.astype(dtype)

    def numpy(self, array: Any) -> np.ndarray:
        """Its values in double precision."""
        return np.asarray(array, dtype=np.float64)

    def precision(self, array: Any) -> str:
        """Name of the type of an array."""
        return str(array.dtype)

    def is_array(self, value: Any) -> bool:
        """Whether a value is an array of the library."""
        return isinstance(value, np.ndarray)

    def affine(
        self, x: Any, gain: np.ndarray, offset: np.ndarray, reference: int | None
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """``gain x + offset`` in the type of ``x``, the largest values of rows, and a column."""
        flat = np.asarray(x).reshape(x.shape[0], -1).astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            answer = (gain * flat + offset).reshape(x.shape).astype(x.dtype)
        column = None if reference is None else flat[:, reference].copy()
        self.last = flat
        return answer, np.abs(flat).max(axis=1), column

    @contextlib.contextmanager
    def unwatched(self) -> Iterator[None]:
        """Our own work, which no interception sees."""
        yield

    @contextlib.contextmanager
    def few_threads(self, numbers: int) -> Iterator[None]:
        """One thread for arrays so small that more of them only wait for each other."""
        yield


class Torch(Backend):
    """PyTorch, which is imported only if the sampler's code already has."""

    name = "torch"

    def __init__(self, device: str = "cpu") -> None:
        self.torch = importlib.import_module("torch")
        self.device = device

    def array(self, values: np.ndarray, dtype: str) -> Any:
        """An array of the library with these values."""
        kind = getattr(self.torch, dtype)
        return self.torch.as_tensor(values).to(device=self.device, dtype=kind)

    def numpy(self, array: Any) -> np.ndarray:
        """Its values in double precision."""
        return array.detach().double().cpu().numpy()

    def precision(self, array: Any) -> str:
        """Name of the type of an array."""
        return str(array.dtype).replace("torch.", "")

    def is_array(self, value: Any) -> bool:
        """Whether a value is an array of the library."""
        return isinstance(value, self.torch.Tensor)

    def affine(
        self, x: Any, gain: np.ndarray, offset: np.ndarray, reference: int | None
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """``gain x + offset`` in the type of ``x``, the largest values of rows, and a column."""
        torch = self.torch
        flat = x.reshape(x.shape[0], -1).double()
        weights = torch.as_tensor(gain, device=x.device)
        answer = weights * flat + torch.as_tensor(offset, device=x.device)
        self.last = flat.detach()
        largest = flat.detach().abs().amax(dim=1).cpu().numpy()
        column = None
        if reference is not None:
            column = flat[:, reference].detach().cpu().numpy().copy()
        return answer.reshape(x.shape).to(x.dtype), largest, column

    @contextlib.contextmanager
    def unwatched(self) -> Iterator[None]:
        """Our own work, which no interception sees."""
        from torch.utils._python_dispatch import _disable_current_modes

        with _disable_current_modes():
            yield

    @contextlib.contextmanager
    def few_threads(self, numbers: int) -> Iterator[None]:
        """One thread for arrays so small that more of them only wait for each other."""
        threads = self.torch.get_num_threads()
        if numbers > 1_000_000 or threads == 1:
            yield
            return
        self.torch.set_num_threads(1)
        try:
            yield
        finally:
            self.torch.set_num_threads(threads)


class Jax(Backend):
    """JAX, whose transformations are switched off so that keys are values."""

    name = "jax"

    def __init__(self) -> None:
        self.jnp = importlib.import_module("jax.numpy")
        self.array_type = importlib.import_module("jax").Array

    def array(self, values: np.ndarray, dtype: str) -> Any:
        """An array of the library with these values."""
        return self.jnp.asarray(values, dtype=dtype)

    def is_array(self, value: Any) -> bool:
        """Whether a value is an array of the library."""
        return isinstance(value, self.array_type)

    def affine(
        self, x: Any, gain: np.ndarray, offset: np.ndarray, reference: int | None
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """``gain x + offset`` in the type of ``x``, the largest values of rows, and a column."""
        answer, largest, column = super().affine(np.asarray(x), gain, offset, reference)
        return self.jnp.asarray(answer), largest, column


def backend(library: str | None, fn: Callable[..., Any]) -> Backend:
    """The library that is named, or that the module of a sampler's code uses."""
    if library is None:
        library = library_of(fn)
    if library == "numpy":
        return Backend()
    if library in ("torch", "jax"):
        try:
            return Torch() if library == "torch" else Jax()
        except ImportError:
            raise error(
                f"library={library!r} is asked for and not installed", f"pip install {library}"
            ) from None
    raise error(f"unknown library {library!r}", "take numpy, torch or jax")


def library_of(fn: Callable[..., Any]) -> str:
    """The library of the module that a function is from, or of what it holds."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    fn = getattr(fn, "__func__", fn)
    fn = getattr(fn, "__wrapped__", fn)
    scope = getattr(fn, "__globals__", None)
    if scope is None:
        module = sys.modules.get(getattr(type(fn), "__module__", ""), None)
        scope = vars(module) if module else {}
    values = list(scope.values())
    for cell in getattr(fn, "__closure__", None) or ():
        with contextlib.suppress(ValueError):
            values.append(cell.cell_contents)
    for library in ("torch", "jax"):
        package = sys.modules.get(library)
        if package is None:
            continue
        for value in values:
            name = getattr(value, "__name__", None) if isinstance(value, type(sys)) else None
            if name is not None and (name == library or name.startswith(library + ".")):
                return library
            if library == "torch" and isinstance(value, (package.Tensor, package.nn.Module)):
                return library
    return "numpy"
