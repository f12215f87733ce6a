"""Operations of a sampler's code that can break linearity, noted where they happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Suspects:
    """What was seen, by rule and place.

    Parameters
    ----------
    rows, coordinates
        Size of a batch of states: smaller arrays are not states.
    """

    rows: int
    coordinates: int
    seen: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def is_state(self, shape: Sequence[int]) -> bool:
        """Whether an array is as large as a batch of states."""
        size = 1
        for length in shape:
            size *= int(length)
        return size >= self.rows * self.coordinates and size % self.rows == 0

    def note(self, rule: str, function: str, place: str) -> None:
        """One more operation."""
        key = (rule, function, place)
        self.seen[key] = self.seen.get(key, 0) + 1

    def sentence(self) -> str:
        """The rules that were seen, the likeliest first."""
        order = [
            "clipping", "thresholding by quantiles", "a norm of the state",
            "a standard deviation of the state", "float16 rounding", "bfloat16 rounding",
        ]  # fmt: skip
        keys = sorted(self.seen, key=lambda k: order.index(k[0]) if k[0] in order else len(order))
        parts: dict[tuple[str, str], str] = {}
        for rule, function, place in keys:
            # One call can be seen twice, as a function and as the method that it calls.
            parts.setdefault((rule, place), f"{rule} ({function} at {place})")
        return ", ".join(list(parts.values())[:4])
