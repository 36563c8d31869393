"""The notebooks of docs/ run from top to bottom, with small pictures and little time, and restore what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "docs" / "notebooks"
SMALL: dict[str, Any] = {"SIDE": 48, "BUDGET": "10s"}


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def is_parameters(cell: dict[str, Any]) -> bool:
    return "parameters" in cell["metadata"].get("tags", ())


def run(path: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """What the names of a notebook stand for at its end, with these values in its cell of parameters."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(path), start=1):
        exec(compile("".join(cell["source"]), f"{path.name}, code cell {number}", "exec"), names)
        if is_parameters(cell):
            assert parameters.keys() <= names.keys()
            names |= parameters
    return names


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inpaint", "microscope", "tomography"])
def test_a_notebook_restores_better_than_the_simple_answer(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a notebook may write beside itself
    names = run(NOTEBOOKS / f"{name}.ipynb", SMALL)
    assert names["found"].image.shape[:2] == (48, 48)
    assert names["quality"]["psnr"] > names["before"] + 1  # both in dB


def test_all_notebooks_are_run() -> None:
    run_by = test_a_notebook_restores_better_than_the_simple_answer.pytestmark[0].args[1]
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == run_by


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_small_and_begins_with_its_parameters(path: Path) -> None:
    assert path.stat().st_size < 300_000
    first, *others = code_cells(path)
    assert is_parameters(first) and not any(map(is_parameters, others))
    for cell in (first, *others):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"  # bars of progress, of one machine
