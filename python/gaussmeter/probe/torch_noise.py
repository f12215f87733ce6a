"""Random numbers of PyTorch, seen where every one of them passes: its dispatcher."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from ._errors import error
from .denoiser import place_of_caller
from .rows import Ledger
from .suspects import Suspects

_NORMAL = {"randn", "randn_like", "normal", "normal_", "normal_functional"}
_OTHER = {
    "rand", "rand_like", "uniform_", "uniform", "bernoulli", "bernoulli_", "exponential_",
    "exponential", "randint", "randint_like", "random_", "random", "multinomial", "randperm",
    "log_normal_", "log_normal", "cauchy_", "cauchy", "geometric_", "geometric", "poisson",
    "native_dropout", "_standard_gamma", "_sample_dirichlet", "binomial",
}  # fmt: skip
_COARSE = {
    torch.float32: "float32",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
}
#: Operations that are not affine, by the name that people know them by.
_SUSPECTS = {
    "clamp": "clipping", "clamp_": "clipping", "clamp_min": "clipping", "clamp_max": "clipping",
    "clamp_min_": "clipping", "clamp_max_": "clipping", "clip": "clipping", "clip_": "clipping",
    "hardtanh": "clipping", "minimum": "clipping", "maximum": "clipping", "relu": "clipping",
    "sort": "thresholding by quantiles", "kthvalue": "thresholding by quantiles",
    "topk": "thresholding by quantiles", "quantile": "thresholding by quantiles",
    "linalg_vector_norm": "a norm of the state", "norm": "a norm of the state",
    "std": "a standard deviation of the state", "var": "a standard deviation of the state",
    "abs": "an absolute value", "sign": "a sign", "sgn": "a sign", "tanh": "tanh",
    "round": "rounding", "where": "a choice by values", "amax": "a maximum", "max": "a maximum",
    "square": "a square", "sigmoid": "a sigmoid", "softmax": "a softmax", "exp": "an exponential",
    "_softmax": "a softmax",
}  # fmt: skip


class TorchNoise(TorchDispatchMode):
    """While it is entered, normal numbers are those of a ledger; other random numbers are refused.

    Parameters
    ----------
    ledger
        Where draws are noted, and which says what they are.
    suspects
        Where operations that are not affine are noted, if they are looked for.
    """

    def __init__(self, ledger: Ledger, suspects: Suspects | None = None) -> None:
        super().__init__()
        self._ledger = ledger
        self._suspects = suspects
        self._size = len(ledger.rows) * ledger.rows.coordinates
        #: Types coarser than float64 that states had inside the code.
        self.types: set[str] = set()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.partition("::")[2]
        if name in _NORMAL:
            return self._normal(func, name, args, kwargs)
        if name in _OTHER and not _is_seed(name, args):
            raise error(
                f"{name} at {place_of_caller()} draws random numbers that are not normal: "
                "the law of the output is not Gaussian",
                "hand in such numbers as arguments, and probe for each value of them",
            )
        result = func(*args, **kwargs)
        if isinstance(result, torch.Tensor) and result.dtype in _COARSE:
            if result.numel() >= self._size:
                self.types.add(_COARSE[result.dtype])
        if self._suspects is not None:
            self._look(name, args, kwargs, result)
        return result

    def _normal(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        state = _state(kwargs.get("generator"), args, kwargs)
        # The generator advances as it would, so that a state that comes back is noticed.
        drawn = func(*args, **kwargs)
        values = self._ledger.draw(tuple(drawn.shape), f"torch.{name}", place_of_caller(), state)
        noise = torch.as_tensor(values).to(device=drawn.device, dtype=drawn.dtype)
        if name == "normal":
            mean, std = args[0], args[1] if len(args) > 1 else kwargs.get("std", 1.0)
            return mean + std * noise
        if name == "normal_":
            mean = args[1] if len(args) > 1 else kwargs.get("mean", 0.0)
            std = args[2] if len(args) > 2 else kwargs.get("std", 1.0)
            return args[0].copy_(mean + std * noise)
        return noise

    def _look(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        assert self._suspects is not None
        large = [
            a for a in args if isinstance(a, torch.Tensor) and self._suspects.is_state(a.shape)
        ]
        if not large:
            return
        if name in _SUSPECTS:
            self._suspects.note(_SUSPECTS[name], f"torch.{name}", place_of_caller())
        elif (
            name in ("mul", "div", "mul_", "div_") and len(large) == 2 and large[0] is not large[1]
        ):
            self._suspects.note("a product of two states", f"torch.{name}", place_of_caller())
        elif name == "pow":
            self._suspects.note("a power of the state", "torch.pow", place_of_caller())
        if isinstance(result, torch.Tensor) and result.dtype in (torch.float16, torch.bfloat16):
            kind = _COARSE[result.dtype]
            self._suspects.note(f"{kind} rounding", f"torch.{name}", place_of_caller())


def _is_seed(name: str, args: tuple[Any, ...]) -> bool:
    """A single integer of a large range is a seed, for whatever draws from it."""
    if name != "randint":
        return False
    numbers = [a for a in args if isinstance(a, int)]
    shape = next((a for a in args if isinstance(a, (list, tuple))), None)
    return (
        bool(numbers) and max(numbers) >= 2**31 and shape is not None and list(shape) in ([], [1])
    )


def _state(generator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if generator is None:
        device = kwargs.get("device")
        if device is None and args and isinstance(args[0], torch.Tensor):
            device = args[0].device
        if device is not None and torch.device(device).type != "cpu":
            return None
        generator = torch.default_generator
    with _disable_current_modes():
        state = generator.get_state()
        return hash(state.cpu().numpy().tobytes())


class BrownianPath:
    """In place of torchsde's Brownian paths: increments that are rows of the batch."""

    def __init__(self, ledger: Ledger, like: Any) -> None:
        self._ledger = ledger
        self._path = ledger.path()
        self._like = like

    def __call__(self, ta: Any, tb: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The increment from ``ta`` to ``tb``, as torchsde's."""
        with _disable_current_modes():
            if tb is None:
                raise error(
                    "a Brownian path is asked for its value at one time",
                    "ask it for increments, path(t0, t1)",
                )
            start, end = float(ta), float(tb)
            if start == end:
                raise error(
                    f"{place_of_caller()} asks a Brownian path for an increment over no time, at "
                    f"{start:g}; torchsde does not return from that",
                    "leave out a level that is listed twice",
                )
            values = self._ledger.increment(self._path, start, end, "a Brownian path")
            like = self._like
            if tuple(like.shape) != (len(self._ledger.rows), *self._ledger.sample_shape):
                raise error(
                    f"a Brownian path of the shape {tuple(like.shape)} is made for states of the "
                    f"shape {(len(self._ledger.rows), *self._ledger.sample_shape)}",
                    "hand one seed, not one for each sample",
                )
            noise = torch.as_tensor(values.reshape(like.shape))
            return noise.to(device=like.device, dtype=like.dtype)


@lru_cache(maxsize=1)
def _users(torchsde: Any, modules: int) -> list[tuple[dict[str, Any], str, Any]]:
    """Where the names of torchsde's paths are used, as long as no module is added."""
    found = []
    for module in list(sys.modules.values()):
        scope = getattr(module, "__dict__", None)
        if not isinstance(scope, dict) or getattr(module, "__name__", "").startswith("torchsde._"):
            continue
        for name in ("BrownianTree", "BrownianInterval"):
            if name in scope and scope[name] is getattr(torchsde, name, None):
                found.append((scope, name, scope[name]))
    return found


@contextlib.contextmanager
def brownian_paths(ledger: Ledger) -> Iterator[None]:
    """Torchsde's trees and intervals are paths of the ledger, wherever their names are used."""
    torchsde = sys.modules.get("torchsde")
    if torchsde is None:
        yield
        return

    def tree(t0: Any, w0: Any, t1: Any = None, *args: Any, **kwargs: Any) -> BrownianPath:
        return BrownianPath(ledger, w0)

    def interval(
        t0: Any = 0.0, t1: Any = 1.0, size: Any = None, dtype: Any = None, device: Any = None,
        **kwargs: Any,
    ) -> BrownianPath:  # fmt: skip
        with _disable_current_modes():
            return BrownianPath(ledger, torch.empty(tuple(size), dtype=dtype, device=device))

    ours = {"BrownianTree": tree, "BrownianInterval": interval}
    restore = []
    for scope, name, value in _users(torchsde, len(sys.modules)):
        restore.append((scope, name, value))
        scope[name] = ours[name]
    try:
        yield
    finally:
        for scope, name, value in restore:
            scope[name] = value
