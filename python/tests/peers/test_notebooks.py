"""The notebooks in ``examples`` run, and show what is stored in them, in kind."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
for package in ("ipykernel", "torch", "diffusers", "matplotlib", "pandas"):
    pytest.importorskip(package, reason=f"{package} is not installed")

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def _kinds(cell: object) -> list[str]:
    """What a cell shows, besides progress and warnings."""
    outputs = [o for o in cell.outputs if o.get("name") != "stderr"]  # type: ignore[attr-defined]
    return sorted({kind for o in outputs for kind in o.get("data", {"text": None})})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    stored = [_kinds(cell) for cell in book.cells if cell.cell_type == "code"]
    nbclient.NotebookClient(book, timeout=600, kernel_name="python3").execute()
    now = [_kinds(cell) for cell in book.cells if cell.cell_type == "code"]
    assert now == stored


def test_there_are_some() -> None:
    assert len(NOTEBOOKS) == 4
