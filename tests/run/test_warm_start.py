"""A search that begins warm: what was used is recorded, and equal seeds give equal results."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.library.warm_weights import warm_names
from dipsearch.problem import TaskOptions, write_image
from dipsearch.run import Outcome, Request, Silent, read_study, run_search

NAME = "dipsearch_pilot_32"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NAME not in warm_names(), reason="no weights are shipped for it"),
]


def searched(root: Path, *, resume: bool = False, trials: int = 1, **changes: object) -> Outcome:
    rows, columns = np.mgrid[0:24, 0:32] / 32
    picture = root / "clean.png"
    root.mkdir(exist_ok=True)
    write_image(picture, torch.from_numpy(np.stack([rows, columns, rows * columns])).float()[None])
    values: dict[str, object] = {
        "sources": (str(picture),),
        "options": TaskOptions(task="inpaint", missing=50),
        "name": "study",
        "trials": trials,
        "steps": 20,
        "workers": 1,
        "device": "cpu",
        "start": "warm",
    }
    request = Request(**(values | changes))  # type: ignore[arg-type]
    return run_search(request, root=root / "studies", resume=resume, callback=Silent())


def test_what_a_candidate_began_with_is_recorded_and_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a budget the networks of the literature, which have no weights, would come first.
    monkeypatch.setattr("dipsearch.run.known_networks.presets_for", lambda task: ())
    first = searched(tmp_path / "a")
    record = read_study(first.folder)
    assert [trial.start for trial in record.trials if trial.state == "complete"] == [NAME]
    assert first.result["start"]["asked"] == "warm" and first.result["start"]["warm"] == [0]
    assert set(first.result["start"]["weights"]) == {NAME}
    assert any(f"{NAME} begins with learnt weights" in words for words in first.result["warnings"])
    same = searched(tmp_path / "b")
    assert torch.equal(first.images[0], same.images[0])
    cold = searched(tmp_path / "c", start="cold")
    assert cold.result["start"] == {"asked": "cold", "warm": [], "weights": {}}
    assert cold.result["best"]["score"] != first.result["best"]["score"]
