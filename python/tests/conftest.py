"""What tests of the package share."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def command_line() -> Path | None:
    """The newest binary of the command line, or the one that GAUSSMETER_CLI names."""
    if named := os.environ.get("GAUSSMETER_CLI"):
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    found = [path for path in target.glob("*/gaussmeter") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


@pytest.fixture(scope="session")
def cli() -> Callable[..., str]:
    """Run the command line and return what it prints; skip where it is not built."""
    binary = command_line()
    if binary is None:
        pytest.skip("skipped: no gaussmeter binary (cargo build -p gaussmeter-cli)")

    def run(*arguments: str) -> str:
        ended = subprocess.run(
            [str(binary), *arguments], capture_output=True, text=True, check=False, timeout=300
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


@pytest.fixture(scope="session")
def cli_json(cli: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    """Run the command line and return its JSON document."""
    return lambda *arguments: json.loads(cli(*arguments, "--format", "json"))
