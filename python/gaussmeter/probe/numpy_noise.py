"""Random numbers of NumPy: the functions of np.random, and generators that the code holds."""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._errors import error
from .denoiser import place_of_caller
from .rows import Ledger

_OTHER_OF_GENERATOR = (
    "random", "uniform", "integers", "choice", "bytes", "shuffle", "permutation", "permuted",
    "beta", "binomial", "chisquare", "dirichlet", "exponential", "standard_exponential", "f",
    "gamma", "standard_gamma", "geometric", "gumbel", "hypergeometric", "laplace", "logistic",
    "lognormal", "multinomial", "multivariate_normal", "negative_binomial", "pareto", "poisson",
    "power", "rayleigh", "standard_cauchy", "standard_t", "triangular", "vonmises", "wald",
    "weibull", "zipf",
)  # fmt: skip
_OTHER_OF_STATE = (
    "rand", "random", "random_sample", "ranf", "sample", "randint", "random_integers", "uniform",
    "choice", "shuffle", "permutation", "beta", "binomial", "exponential", "gamma", "laplace",
    "lognormal", "multivariate_normal", "poisson", "standard_cauchy", "standard_exponential",
    "standard_gamma", "standard_t", "triangular",
)  # fmt: skip


def _refuse(name: str) -> Callable[..., Any]:
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise error(
            f"{name} at {place_of_caller()} draws random numbers that are not normal: "
            "the law of the output is not Gaussian",
            "hand in such numbers as arguments, and probe for each value of them",
        )

    return refused


def _shape(size: Any, *arrays: Any) -> tuple[int, ...]:
    if size is None:
        return np.broadcast_shapes(*(np.shape(a) for a in arrays))
    return (int(size),) if np.ndim(size) == 0 else tuple(int(s) for s in size)


def _hashable(state: Any) -> Any:
    return repr([(k, v.tobytes() if isinstance(v, np.ndarray) else v) for k, v in _flat(state)])


def _flat(state: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(state, dict):
        return [(prefix, state)]
    return [pair for key in sorted(state) for pair in _flat(state[key], f"{prefix}.{key}")]


class _Normals:
    """Normal numbers of a ledger, from a generator that goes on as it would."""

    _ledger: Ledger
    _name: str

    def _numbers(self, shape: tuple[int, ...], function: str, draw: Callable[..., Any]) -> Any:
        identity = _hashable(self._bits().state)  # type: ignore[attr-defined]
        draw(size=shape)
        return self._ledger.draw(shape, f"{self._name}.{function}", place_of_caller(), identity)


class ProbedGenerator(_Normals, np.random.Generator):
    """A generator of NumPy whose normal numbers are noises of a probe."""

    def __init__(self, bit_generator: Any, ledger: Ledger) -> None:
        super().__init__(bit_generator)
        self._ledger = ledger
        self._name = "Generator"

    def _bits(self) -> Any:
        return self.bit_generator

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Standard normal numbers of the ledger."""
        shape = out.shape if out is not None and size is None else _shape(size)
        values = self._numbers(shape, "standard_normal", super().standard_normal).astype(dtype)
        if out is not None:
            out[...] = values
            return out
        return values

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """Normal numbers of the ledger."""
        shape = _shape(size, loc, scale)
        return loc + scale * self._numbers(shape, "normal", super().standard_normal)


class ProbedState(_Normals, np.random.RandomState):
    """The older kind of generator, likewise."""

    def __init__(self, bit_generator: Any, ledger: Ledger) -> None:
        super().__init__(bit_generator)
        self._ledger = ledger
        self._name = "RandomState"

    def _bits(self) -> Any:
        return self._bit_generator

    def standard_normal(self, size: Any = None) -> Any:
        """Standard normal numbers of the ledger."""
        return self._numbers(_shape(size), "standard_normal", super().standard_normal)

    def randn(self, *shape: int) -> Any:
        """Standard normal numbers of the ledger."""
        return self._numbers(tuple(shape), "randn", super().standard_normal)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """Normal numbers of the ledger."""
        shape = _shape(size, loc, scale)
        return loc + scale * self._numbers(shape, "normal", super().standard_normal)


for _other in _OTHER_OF_GENERATOR:
    setattr(ProbedGenerator, _other, staticmethod(_refuse(f"Generator.{_other}")))
for _other in _OTHER_OF_STATE:
    setattr(ProbedState, _other, staticmethod(_refuse(f"RandomState.{_other}")))


class _Swaps:
    """Values that are replaced for a while."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._originals: list[tuple[Callable[[Any], None], Any]] = []

    def put(self, put: Callable[[Any], None], original: Any, value: Any) -> None:
        """Replace a value by another."""
        self._originals.append((put, original))
        put(value)

    def restore(self) -> None:
        """Put everything back."""
        for put, original in reversed(self._originals):
            put(original)

    def probed(self, value: Any) -> Any:
        """The probed generator in place of one of NumPy's, and anything else as it is."""
        if isinstance(value, _Normals):
            return value
        if isinstance(value, _GENERATOR):
            return ProbedGenerator(value.bit_generator, self._ledger)
        if isinstance(value, _STATE):
            return ProbedState(value._bit_generator, self._ledger)
        return value

    def within(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Generators that code holds: in its globals, closure, defaults and bound arguments."""
        if isinstance(fn, functools.partial):
            inner = self.within(fn.func)
            args = [self.probed(value) for value in fn.args]
            keywords = {name: self.probed(value) for name, value in fn.keywords.items()}
            return functools.partial(inner, *args, **keywords)
        plain = getattr(fn, "__func__", fn)
        code = getattr(plain, "__code__", None)
        if code is None:
            return fn
        scope = plain.__globals__
        for name in _names(code):
            if name in scope:
                self._try(functools.partial(scope.__setitem__, name), scope[name])
        for cell in plain.__closure__ or ():
            with contextlib.suppress(ValueError):
                self._try(functools.partial(setattr, cell, "cell_contents"), cell.cell_contents)
        defaults = plain.__defaults__ or ()
        replaced = tuple(self.probed(value) for value in defaults)
        if any(a is not b for a, b in zip(replaced, defaults, strict=True)):
            self.put(functools.partial(setattr, plain, "__defaults__"), defaults, replaced)
        named: dict[str, Any] = plain.__kwdefaults__ or {}
        for name, value in list(named.items()):
            self._try(functools.partial(named.__setitem__, name), value)
        return fn

    def _try(self, put: Callable[[Any], None], value: Any) -> None:
        replacement = self.probed(value)
        if replacement is not value:
            self.put(put, value, replacement)


@contextlib.contextmanager
def numpy_noise(ledger: Ledger, fn: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """While it is entered, NumPy's normal numbers are those of a ledger.

    Yields the code to run, which is ``fn`` unless generators are among its bound arguments.
    """
    module: Any = np.random
    swaps = _Swaps(ledger)
    default_rng = module.default_rng
    whole = ProbedState(module.mtrand._rand._bit_generator, ledger)
    whole._name = "np.random"
    replacements: dict[str, Any] = {
        name: _refuse(f"np.random.{name}") for name in _OTHER_OF_STATE if hasattr(module, name)
    }
    replacements.update(
        randn=whole.randn,
        normal=whole.normal,
        standard_normal=whole.standard_normal,
        default_rng=lambda *args, **kwargs: ProbedGenerator(
            default_rng(*args, **kwargs).bit_generator, ledger
        ),
        Generator=_made_inside(_GENERATOR, lambda bits: ProbedGenerator(bits, ledger)),
        RandomState=_made_inside(
            _STATE, lambda seed=None: ProbedState(_STATE(seed)._bit_generator, ledger)
        ),
    )
    python_state = random.getstate()
    try:
        for name, value in replacements.items():
            put = functools.partial(setattr, module, name)
            swaps.put(put, getattr(module, name), value)
        yield swaps.within(fn)
        if random.getstate() != python_state:
            raise error(
                "the sampler's code draws from Python's random module: the law of the output is "
                "then a mixture",
                "hand in such numbers as arguments, and probe for each value of them",
            )
    finally:
        swaps.restore()


_GENERATOR, _STATE = np.random.Generator, np.random.RandomState


def _made_inside(base: type, make: Callable[..., Any]) -> type:
    """A type that makes probed generators, and of which all generators are."""

    class Kind(type):
        def __instancecheck__(cls, value: Any) -> bool:
            return isinstance(value, base)

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            return make(*args, **kwargs)

    return Kind(base.__name__, (), {})


def _names(code: Any) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            names |= _names(constant)
    return names
