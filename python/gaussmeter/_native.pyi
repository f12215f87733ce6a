"""Conversions between Python and the library; the package's other modules are its documentation."""

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__version__: str

_Floats = NDArray[np.float64]
_Bytes = NDArray[np.uint8]
_Words = dict[str, Any]
_Progress = Callable[[str, str, int, int | None], None] | None

@final
class Spectrum:
    @classmethod
    def _of_lists(
        cls,
        eigenvalues: _Floats,
        multiplicities: _Floats | None,
        mean: _Floats | None,
        name: str,
        provenance: str,
    ) -> Spectrum: ...
    @classmethod
    def _load(cls, text: str) -> Spectrum: ...
    @classmethod
    def _restore(
        cls,
        lists: tuple[str, str, list[float], list[float], list[float]],
        notices: list[Any],
        alternatives: list[Any],
        file: bytes | None,
        has_basis: bool,
    ) -> Spectrum: ...
    def save(self, path: str) -> None: ...
    @property
    def eigenvalues(self) -> _Floats: ...
    @property
    def multiplicities(self) -> _Floats: ...
    @property
    def mean(self) -> _Floats | None: ...
    @property
    def dimension(self) -> float: ...
    @property
    def null_dimension(self) -> float: ...
    @property
    def trace(self) -> float: ...
    @property
    def name(self) -> str: ...
    @property
    def provenance(self) -> str: ...
    @property
    def notices(self) -> list[str]: ...
    @property
    def has_basis(self) -> bool: ...
    def __len__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class Law:
    @classmethod
    def _from_modes(
        cls, spectrum: Spectrum, gain: _Floats, mean: _Floats, variance: _Floats
    ) -> Law: ...
    @classmethod
    def _restore(cls, spectrum: Spectrum, state: Any) -> Law: ...
    def _state(self) -> Any: ...
    def _metric(self, key: str) -> float: ...
    @property
    def _spectrum(self) -> Spectrum: ...
    @property
    def eigenvalues(self) -> _Floats: ...
    @property
    def multiplicities(self) -> _Floats: ...
    @property
    def gain(self) -> _Floats: ...
    @property
    def mean(self) -> _Floats: ...
    @property
    def variance(self) -> _Floats: ...
    @property
    def mean_error(self) -> _Floats: ...
    @property
    def variance_error(self) -> _Floats: ...
    @property
    def contribution(self) -> _Floats: ...
    @property
    def metrics(self) -> dict[str, float]: ...
    @property
    def infinite(self) -> str | None: ...
    def __len__(self) -> int: ...

@final
class Report:
    def write(self, format: str, columns: int | None = None) -> str: ...
    def html(self) -> str: ...
    def records(self) -> dict[str, Any]: ...
    def figures(self) -> str: ...
    def inline(self) -> list[str]: ...
    def draw(self, format: str) -> bytes: ...
    def law(self) -> Law | None: ...
    @property
    def interrupted(self) -> bool: ...
    @property
    def notices(self) -> list[str]: ...

@final
class Moments:
    def __new__(cls, name: str, options: _Words) -> Moments: ...
    def update(self, bytes: _Bytes, dtype: str, shape: tuple[int, ...]) -> None: ...
    def merged(self, other: Moments) -> Moments: ...
    def spectrum(self, options: _Words, progress: _Progress = None) -> _Solved: ...
    def mean(self) -> _Floats: ...
    def save(self, path: str) -> None: ...
    def loaded(self, path: str) -> Moments: ...
    def state(self) -> bytes | None: ...
    def of_state(self, bytes: bytes) -> Moments: ...
    @property
    def count(self) -> int: ...
    @property
    def shape(self) -> list[int] | None: ...
    @property
    def is_exact(self) -> bool | None: ...
    @property
    def name(self) -> str: ...

@final
class Streams:
    def __new__(cls, seed: int, first: int, count: int) -> Streams: ...
    def normal(self, each: int) -> _Floats: ...

@final
class Unfinished:
    def wait(self) -> Any: ...

_Data = Spectrum | None
_Solved = tuple[Spectrum, list[str], str | None]

def registries() -> dict[str, Any]: ...
def label(plural: str, text: str) -> str: ...
def order(text: str) -> int | None: ...
def evaluate(
    data: _Data, words: _Words, modes: bool = False, progress: _Progress = None
) -> Report: ...
def output_law(data: _Data, words: _Words) -> Law: ...
def table(
    data: _Data,
    words: _Words,
    as_published: bool = False,
    show_nfe: bool = False,
    progress: _Progress = None,
) -> Report: ...
def curve(
    data: _Data,
    words: _Words,
    against: str = "time",
    target: str | None = None,
    rows: int | None = None,
    progress: _Progress = None,
) -> Report: ...
def modes(
    data: _Data, words: _Words, rows: int | None = None, progress: _Progress = None
) -> Report: ...
def steps(data: _Data, words: _Words, progress: _Progress = None) -> Report: ...
def rank(data: _Data, words: _Words, progress: _Progress = None) -> Report: ...
def pareto(
    data: _Data, words: _Words, columns: int | None = None, progress: _Progress = None
) -> Report: ...
def schedules(
    data: _Data,
    words: _Words,
    objective: str | None = None,
    min_ratio: float | None = None,
    progress: _Progress = None,
) -> Report: ...
def tune(
    data: _Data,
    words: _Words,
    objective: str | None = None,
    free_start: bool = False,
    free_end: bool = False,
    free_eta: bool = False,
    min_ratio: float | None = None,
    starts: int | None = None,
    seed: int | None = None,
    progress: _Progress = None,
) -> Report: ...
def recommend(
    data: _Data,
    words: _Words,
    nfe: int | None = None,
    error: float | None = None,
    front: list[int] | None = None,
    eps: float | None = None,
    objective: str | None = None,
    min_ratio: float | None = None,
    verify: str | None = None,
    top: int | None = None,
    progress: _Progress = None,
) -> Report: ...
def plane(
    covariance: list[float],
    mean: list[float],
    words: _Words,
    errors: bool = False,
    paths: int = 6,
    seed: int = 0,
    progress: _Progress = None,
) -> Report: ...
def report(
    data: _Data,
    words: _Words,
    name: str | None = None,
    budget: int | None = None,
    verify: str | None = None,
    made_by: str = "",
    progress: _Progress = None,
) -> Report: ...
def verify(
    data: Spectrum | str,
    words: _Words,
    starts: int | None = None,
    reference: int | None = None,
    samples: int | None = None,
    seed: int | None = None,
    denoiser: Callable[[_Floats, tuple[float, float, float]], _Floats] | None = None,
    predicts: str | None = None,
    progress: _Progress = None,
) -> Report: ...
def score_error(
    data: Spectrum,
    words: _Words,
    denoiser: Callable[[_Floats, tuple[float, float, float]], _Floats],
    predicts: str | None = None,
    sigmas: list[float] | None = None,
    per_level: int | None = None,
    groups: int | None = None,
    samples: int | None = None,
    leaks: bool = False,
    seed: int | None = None,
    progress: _Progress = None,
) -> Report: ...
def show(words: _Words, progress: _Progress = None) -> Report: ...
def cite(words: _Words, data: str | None = None) -> str: ...
def export_schedule(data: _Data, words: _Words, to: str) -> tuple[str, str, str, list[str]]: ...
def info(
    data: Spectrum,
    tolerance: list[float] = ...,
    against: Spectrum | None = None,
    progress: _Progress = None,
) -> Report: ...
def plan(data: _Data, words: _Words, predicts: str | None = None) -> dict[str, Any]: ...
def sample(
    spectrum: Spectrum,
    words: _Words,
    count: int,
    seed: int,
    times: list[float] | None = None,
    spread: int | None = None,
    compare: bool = False,
    size: tuple[int, int] | None = None,
    progress: _Progress = None,
) -> tuple[_Floats, list[tuple[str, float, float, float]], tuple[float, float] | None]: ...
def spectrum_of_files(paths: list[str], options: _Words, progress: _Progress = None) -> _Solved: ...
def spectrum_of_array(
    bytes: _Bytes,
    dtype: str,
    shape: tuple[int, ...],
    options: _Words,
    progress: _Progress = None,
) -> _Solved: ...
def law_of_data(
    kind: str,
    given: list[str] | tuple[_Bytes, str, tuple[int, ...]],
    options: _Words,
    number: int | None = None,
    seed: int | None = None,
    labels: str | None = None,
    progress: _Progress = None,
) -> tuple[Report, bytes]: ...
def distance(
    reference: tuple[str, Any],
    sets: list[tuple[str, Any]],
    options: tuple[_Words, _Words],
    counts: tuple[int | None, int | None],
    progress: _Progress = None,
) -> Report: ...
def texture_of_picture(path: str, options: _Words, periodic: bool = False) -> Spectrum: ...
def spectrum_of_covariance(
    covariance: _Floats, mean: _Floats | None, single: bool, options: _Words
) -> _Solved: ...
