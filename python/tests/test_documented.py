"""What docs/python.md and README.md show runs as it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _blocks() -> list[tuple[str, str]]:
    found = []
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        for k, block in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL)):
            if "import gaussmeter" in block:
                found.append((f"{page.name}-{k}", block))
    return found


@pytest.mark.parametrize(("name", "block"), _blocks(), ids=[name for name, _ in _blocks()])
def test_block(
    name: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for package in re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE):
        pytest.importorskip(package, reason=f"skipped: no {package}")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, name, "exec"), {"__name__": name})


def test_there_are_some() -> None:
    assert len(_blocks()) >= 7
