"""A study of thousands of candidates on disk, for measuring the page and the dashboard; run it by hand.

``python tests/report/large_study.py FOLDER`` makes one and measures both; it takes a minute or two.
What it has measured is in ``benchmarks/README.md``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import TrialState

from dipsearch.network import load_space
from dipsearch.problem import TaskOptions, write_image
from dipsearch.proposal.samplers import suggest
from dipsearch.run import Request
from dipsearch.run.slice_log import SliceRow, append_slice
from dipsearch.trials.request import write_request

SIDE, WORKERS, SECONDS = 128, 4, 5.0


class Memory(BaseJournalBackend):
    """A journal in memory, which is written at once."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self.lines[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.lines += [json.loads(json.dumps(log)) for log in logs]


def make(folder: Path, *, candidates: int = 2000, slices: int = 5, finished: bool = False) -> None:
    """Write the study: all candidates complete, or all but the first few resting."""
    source = folder.parent / "picture.png"
    write_image(source, torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)))
    request = Request(
        (str(source),), TaskOptions("inpaint", missing=50), folder.name, budget_seconds=20_000.0
    )
    write_request(folder / "study.yaml", request)
    space, backend = load_space("skip"), Memory()
    study = optuna.create_study(
        study_name=folder.name,
        storage=JournalStorage(backend),
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
    )
    generator, begin, files = np.random.default_rng(0), time.time() - 20_000, _files(folder)
    clock = [begin] * WORKERS
    for number in range(candidates):
        trial = study.ask()
        genome = space.genome(suggest(trial, space))
        trial.set_user_attr("genome", genome.to_nested())
        if number > 8:
            trial.set_user_attr("operator", "crossover")
            trial.set_user_attr("parents", sorted(int(n) for n in generator.integers(0, number, 2)))
        score, worker = float(25 + generator.normal()), number % WORKERS
        for one in range(slices):
            ended = clock[worker] + SECONDS
            why = "first look" if one == 0 else "it improves fastest"
            append_slice(
                folder,
                SliceRow(
                    number, worker, clock[worker], ended, 60 * one, 60 * (one + 1), score + 0.1 * one, why
                ),
            )
            clock[worker] = ended
            fit = {
                "score": score + 0.1 * one,
                "step": 60 * one,
                "steps": 60 * (one + 1),
                "seconds": 5.0 * one,
            }
            study._storage.set_trial_user_attr(trial._trial_id, "fit", fit | {"usable": True})
            study._storage.set_trial_intermediate_value(trial._trial_id, 60 * (one + 1), score)
        if finished or number < 8:
            for name, value in fit.items():
                trial.set_user_attr(name, value)
            study.tell(trial, score, state=TrialState.COMPLETE)
        place = folder / "trials" / f"{number:04d}"
        place.mkdir(parents=True)
        for file in files:
            os.link(file, place / file.name)
    with (folder / "journal.log").open("w") as journal:
        journal.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in backend.lines)
    if finished:
        result = {
            "task": "inpaint",
            "trials": {"complete": candidates},
            "image": "picture.png",
            "seconds": 2e4,
        }
        (folder / "result.json").write_text(
            json.dumps(result | {"reference": True, "delivered": "best", "best": {}})
        )


def _files(folder: Path) -> list[Path]:
    """What every candidate leaves, the same for all."""
    place, steps = folder / "kept", np.arange(10, 310, 10)
    place.mkdir(parents=True)
    score = 10 ** (-(20 + 5 * steps / 300) / 10)
    np.savez(
        place / "fit.npz",
        step=steps,
        loss=score / 2,
        validation_mse=score,
        seconds=steps / 10.0,
        chosen=np.array(300),
        chosen_loss=np.array(1e-3),
    )
    np.savez(place / "output.npz", x=np.full((1, 3, SIDE, SIDE), 0.5, np.float32))
    kept = np.arange(30, 330, 30)
    np.savez(place / "trajectory.npz", step=kept, x=np.zeros((len(kept), 3, SIDE, SIDE), np.float16))
    return sorted(place.iterdir())


def measure(folder: Path) -> None:
    """Say how long the page and the renewals of the dashboard take."""
    from dipsearch.report import write_page
    from dipsearch.run import read_study

    running, done = folder / "running", folder / "done"
    begin, cpu = time.perf_counter(), time.process_time()
    page = write_page(read_study(done))
    print(f"page: {time.process_time() - cpu:.1f} s CPU, {time.perf_counter() - begin:.1f} s")
    print(f"      {page.stat().st_size / 1e6:.1f} MB")

    from dipsearch.report.live import make_app

    client = make_app(folder).server.test_client()
    renewal = _renewal(client)
    for number, words in enumerate(("first", "nothing new", "a new slice", "another", "one has ended")):
        if number > 1:
            _go_on(running, number, ended=words == "one has ended")
        begin, cpu = time.perf_counter(), time.process_time()
        response = client.post("/_dash-update-component", json=renewal)
        assert response.status_code == 200, response.text
        print(
            f"renewal, {words}: {time.process_time() - cpu:.2f} s CPU, {time.perf_counter() - begin:.2f} s, "
            f"{len(response.data) / 1e6:.2f} MB"
        )
        renewal["state"][1]["value"] = response.json["response"]["live-begun"]["data"]


def _go_on(folder: Path, number: int, *, ended: bool) -> None:
    """What a search writes after a slice of the last candidate, and where it has come to its end."""
    last, begun = 1999, time.time()
    score = 26.0 + 0.1 * number
    row = SliceRow(
        last, 0, begun, begun + SECONDS, 60 * number, 60 * (number + 1), score, "it improves fastest"
    )
    append_slice(folder, row)
    fit = {"score": score, "step": 60 * number, "steps": 60 * (number + 1), "seconds": SECONDS * number}
    entries: list[dict[str, Any]] = [
        {"op_code": 8, "trial_id": last, "user_attr": {"fit": fit | {"usable": True}}}
    ]
    if ended:
        now = datetime.now().isoformat(timespec="microseconds")
        entries.append(
            {"op_code": 6, "trial_id": last, "state": 1, "values": [score], "datetime_complete": now}
        )
    with (folder / "journal.log").open("a") as journal:
        journal.writelines(json.dumps({"worker_id": "w", **entry}) + "\n" for entry in entries)
    for file in (folder / "kept").iterdir():  # its files are new, too
        place = folder / "trials" / f"{last:04d}" / file.name
        place.unlink()
        place.write_bytes(file.read_bytes())


def _renewal(client: Any) -> dict[str, Any]:
    """What a browser sends at every tick."""
    (one,) = [
        each
        for each in client.get("/_dash-dependencies").json
        if "live-head.children" in each["output"] and each["output"].startswith("..")
    ]
    names = [part.rsplit(".", 1) for part in one["output"].strip(".").split("...")]
    return {
        "output": one["output"],
        "outputs": [{"id": name, "property": what} for name, what in names],
        "inputs": [
            {"id": "tick", "property": "n_intervals", "value": 1},
            {"id": "live-head", "property": "id", "value": "live-head"},
        ],
        "state": [
            {"id": "url", "property": "pathname", "value": "/study/running"},
            {"id": "live-begun", "property": "data", "value": None},
        ],
        "changedPropIds": ["tick.n_intervals"],
    }


if __name__ == "__main__":
    root = Path(sys.argv[1])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in ("running", "done"):
        if not (root / name).exists():
            make(root / name, finished=name == "done")
    measure(root)
