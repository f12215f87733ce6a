"""What the page of ``gaussmeter serve`` copies has the numbers of the page."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gaussmeter as gm
import pytest
from conftest import command_line

QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("eval", {"sampler": "heun", "nfe": 20, "eps": 1e-3, "init": "exact"}),
    ("eval", {"sampler": "ddim", "process": "edm", "grid": [80.0, 2.5, 0.001, 0.0]}),
    ("eval", {"sampler": "em", "steps": 9, "network": "gain:delta=-0.05", "modes": True}),
    ("curve", {"sampler": ["em", "heun"], "steps": 6, "target": "data"}),
    ("curve", {"sampler": "heun", "steps": 6, "against": "eps", "eps": [1e-3, 1e-2]}),
    ("modes", {"sampler": ["em", "heun"], "nfe": 12}),
    ("steps", {"sampler": "heun", "steps": 5}),
    ("table", {"sampler": ["em", "heun"], "steps": [25, 50], "eps": [1e-3], "init": "exact"}),
    ("rank", {"sampler": ["ddim", "heun"], "nfe": 10, "process": "edm", "grid": "karras"}),
    ("pareto", {"sampler": ["ddim", "heun"], "nfe": [5, 10]}),
    ("schedules", {"sampler": "dpmpp-2m", "process": "edm", "nfe": 6, "grid": "karras"}),
    ("tune", {"sampler": "dpmpp-2m", "process": "edm", "nfe": 5, "starts": 1, "seed": 3}),
    ("show", {"sampler": "dpmpp-2m", "steps": 3}),
    ("info", {"spectrum": "white:d=3", "tolerance": [0.1]}),
]


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """A running page, and where it is."""
    binary = command_line()
    if binary is None:
        pytest.skip("skipped: no gaussmeter binary (cargo build -p gaussmeter-cli)")
    running = subprocess.Popen(
        [str(binary), "serve", "--no-open", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert running.stdout is not None
        for line in running.stdout:
            if found := re.search(r"http://[^\s/]+", line):
                yield found[0]
                return
        pytest.fail("the page does not say where it is")
    finally:
        running.terminate()
        running.wait(timeout=20)


@pytest.mark.parametrize(("verb", "question"), QUESTIONS, ids=[str(q) for q in QUESTIONS])
def test_what_is_copied_has_the_same_numbers(
    page: str, cli: Callable[..., str], tmp_path: Path, verb: str, question: dict[str, Any]
) -> None:
    request = urllib.request.Request(
        f"{page}/api/{verb}",
        json.dumps(question).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as response:
        # A search is told as it goes, line by line.
        answer = json.loads(response.read().splitlines()[-1])
    own = eval(answer["python"], {"gm": gm, "float": float})
    if isinstance(question.get("grid"), list):
        # On the command line the levels are those of a file.
        assert own.document["w2"] == answer["document"]["w2"]
    else:
        assert own.document == answer["document"]
    program, *arguments = shlex.split(answer["command"])
    assert program == "gaussmeter"
    if levels := answer.get("levels"):
        file = tmp_path / "levels.txt"
        file.write_text(levels)
        arguments = [word.replace("levels.txt", str(file)) for word in arguments]
    document = json.loads(cli(*arguments, "--format", "json"))
    if levels:
        assert document["w2"] == answer["document"]["w2"]
    else:
        assert document == answer["document"]
