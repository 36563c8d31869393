"""The pictures of a command in turn: each read, restored, written and forgotten, whatever comes of the others."""

from __future__ import annotations

import gc
import os
import signal
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from dipsearch.errors import InputError, ResourceError, StudyError
from dipsearch.execution.local_processes import LocalProcesses
from dipsearch.fitting import Ended
from dipsearch.own_files import RECORD
from dipsearch.problem import Case, TaskOptions, read_image, write_image
from dipsearch.run import Silent, run_restore
from dipsearch.run.one_by_one import Made, OneByOne, Restorations, Turn
from dipsearch.run.restorable import Opened, look_over
from tests.run.transparent_bmp import transparent_bmp

SIGMA = TaskOptions("denoise", sigma=25)


class Ear(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def pictures(folder: Path, **sides: int) -> list[str]:
    for seed, (name, side) in enumerate(sides.items()):
        noise = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(seed))
        write_image(folder / f"{name}.png", noise)
    return [str(folder / f"{name}.png") for name in sides]


def as_measured(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
    """Work that restores nothing."""
    return [
        (
            [case.problem.y for case in one.cases],
            [
                {"name": name, "interrupted": False, "members": 1, "delivered": "best"}
                for name in one.restorable.names
            ],
        )
        for one in opened
    ]


def in_turn(
    sources: Sequence[str],
    out: Path,
    work: Callable[[Sequence[Opened], Turn], list[Made | None]] = as_measured,
    *,
    ear: Ear | None = None,
    options: TaskOptions = SIGMA,
    **more: Any,
) -> Restorations:
    given = look_over(sources, options, out=out)
    asked: dict[str, Any] = {"started": 0.0, "budget_seconds": None, "request": "a network"} | more
    return OneByOne(given, options, 0, ear or Ear(), **asked).run(work)


def test_each_is_written_and_forgotten_before_the_next_is_read(tmp_path: Path) -> None:
    sources, out, ear = pictures(tmp_path, a=16, b=16, c=16), tmp_path / "out", Ear()
    seen: list[tuple[list[str], list[bool]]] = []
    held: list[weakref.ref[Case]] = []

    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        gc.collect()
        seen.append((sorted(file.name for file in out.glob("*.png")), [one() is None for one in held]))
        held.extend(weakref.ref(case) for one in opened for case in one.cases)
        return as_measured(opened, turn)

    found = in_turn(sources, out, work, ear=ear)
    assert [row["name"] for row in found.rows] == ["a", "b", "c"] and not found.refused and not found.left
    assert seen == [([], []), (["a.png"], [True]), (["a.png", "b.png"], [True, True])]
    assert [note for note in ear.notes if " of 3" in note] == [
        *("1 of 3: a", "2 of 3: b", "3 of 3: c"),
        "3 of 3 restored",
    ]


def test_one_that_cannot_be_restored_costs_the_others_nothing(tmp_path: Path) -> None:
    sources, ear = pictures(tmp_path, a=48, b=16, c=4, d=16), Ear()
    Path(sources[0]).write_bytes(Path(sources[0]).read_bytes()[:-300])  # its header is whole
    Path(sources[1]).write_bytes(b"")
    found = in_turn(sources, tmp_path / "out", ear=ear)
    assert [row["name"] for row in found.rows] == ["d"]
    assert list(found.refused) == [sources[1], "a", "c"]
    assert ear.warnings[0] == f"1 of 4 cannot be read: {sources[1]} is empty (0 bytes)"
    assert (
        ear.warnings[1].startswith("a is not restored: ") and "cannot be read as a picture" in ear.warnings[1]
    )
    assert ear.warnings[2].startswith("c is not restored: c is 4 × 4")
    assert ear.warnings[3:] == ["1 of 4 restored, 3 not to be restored"]


def test_of_many_that_cannot_be_read_a_handful_is_named(tmp_path: Path) -> None:
    sources, ear = pictures(tmp_path, **dict.fromkeys("abcdefgh", 16)), Ear()
    for source in sources[1:]:
        Path(source).write_bytes(b"")
    in_turn(sources, tmp_path / "out", ear=ear)
    assert ear.warnings[0].startswith("7 of 8 cannot be read: ")
    others = ", ".join(sources[6:])
    assert ear.warnings[0].count("is empty") == 5 and ear.warnings[0].endswith(f", and 2 more: {others}")
    Path(sources[0]).write_bytes(b"")
    with pytest.raises(
        InputError, match=r"none of 8 pictures can be read; .*, and 3 more: .*h\.png; mend them"
    ):
        in_turn(sources, tmp_path / "out")
    with pytest.raises(InputError, match=r"a\.png is empty \(0 bytes\); a picture file is needed"):
        in_turn(sources[:1], tmp_path / "out")


def test_where_none_could_be_restored_that_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of the pictures could be restored; a is 4 × 4"):
        in_turn(pictures(tmp_path, a=4, b=4), tmp_path / "out")
    with pytest.raises(InputError, match=r"^a is 4 × 4"):
        in_turn(pictures(tmp_path, a=4), tmp_path / "out")


def test_a_mask_that_is_lacking_costs_its_picture_alone(tmp_path: Path) -> None:
    sources = pictures(tmp_path, a=48, b=48)
    mask = torch.ones(1, 1, 48, 48)
    mask[..., 4:6, 4:6] = 0
    write_image(tmp_path / "masks" / "b.png", mask)
    options = TaskOptions("inpaint", mask=str(tmp_path / "masks"))
    found = in_turn(sources, tmp_path / "out", options=options)
    assert [row["name"] for row in found.rows] == ["b"]
    assert "holds 0 files named a" in found.refused[sources[0]]


def test_the_time_that_is_left_is_shared_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, turns = [100.0], list[Turn]()
    monkeypatch.setattr("dipsearch.run.one_by_one.time.monotonic", lambda: now[0])

    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        turns.append(turn)
        now[0] += 20.0  # whatever it was given
        return as_measured(opened, turn)

    sources = pictures(tmp_path, a=16, b=32, c=16)
    in_turn(sources, tmp_path / "out", work, started=98.0, budget_seconds=70.0)
    # Two seconds are gone, workers take as long to begin, and a sixth of the rest is the first one's.
    assert turns[0] == Turn(98.0, pytest.approx(4 + 66 / 6), 70.0, several=True, before=2.0)
    assert turns[1] == Turn(120.0, pytest.approx(48 * 4 / 5), 48.0, several=True, before=2.0)
    assert turns[2] == Turn(140.0, pytest.approx(28.0), 28.0, several=True, before=2.0)
    now[0] = 100.0
    in_turn(sources[:1], tmp_path / "out", work, started=98.0, budget_seconds=70.0)
    assert turns[3] == Turn(98.0, 70.0, 70.0, before=2.0)


def test_a_picture_without_pixels_takes_no_time_and_costs_the_others_nothing(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "empty.tif", np.zeros((0, 16), np.uint8))
    sources = [str(tmp_path / "empty.tif"), *pictures(tmp_path, a=16)]
    options = TaskOptions("denoise", sigma=25, axes="YX")
    found = in_turn(sources, tmp_path / "out", options=options, budget_seconds=60.0)
    assert [row["name"] for row in found.rows] == ["a"] and len(found.refused) == 1
    with pytest.raises(InputError):
        in_turn(sources[:1], tmp_path / "out", options=options, budget_seconds=60.0)


def test_who_asks_to_finish_keeps_what_is_there_and_goes_on_later(tmp_path: Path) -> None:
    sources, out, ear = pictures(tmp_path, a=16, b=16, c=16), tmp_path / "out", Ear()

    def ended(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        (one,) = opened
        if one.restorable.name == "b":
            os.kill(os.getpid(), signal.SIGTERM)
        return [
            made and (made[0], [{**row, "interrupted": row["name"] == "b"} for row in made[1]])
            for made in as_measured(opened, turn)
        ]

    found = in_turn(sources, out, ended, ear=ear)
    assert [row["name"] for row in found.rows] == ["a", "b"]
    assert (found.ended_by, found.left) == ("SIGTERM", 1)
    assert ear.warnings == ["SIGTERM: 2 of 3 restored, 1 left, with which --resume goes on"]
    later = in_turn(sources, out, resume=True)
    assert [row["name"] for row in later.rows] == ["b", "c"] and later.kept == 1  # b was cut short
    assert [row["name"] for row in in_turn(sources, out).rows] == ["a", "b", "c"]  # it begins again


def test_only_finished_results_of_the_same_request_are_left_out(tmp_path: Path) -> None:
    sources, out = pictures(tmp_path, a=16, b=16), tmp_path / "out"
    in_turn(sources, out)
    assert in_turn(sources, out, resume=True).kept == 2
    assert in_turn(sources, out, resume=True, request="another network").kept == 0
    assert in_turn(sources, out, resume=True, options=TaskOptions("denoise", sigma=20)).kept == 0
    assert in_turn(sources, out, resume=True).kept == 0  # they are those of sigma 20 now
    later = (out / "b.png").stat().st_mtime + 10
    os.utime(sources[1], (later, later))
    assert [row["name"] for row in in_turn(sources, out, resume=True).rows] == ["b"]
    ear = Ear()
    assert in_turn(sources[:1], out, ear=ear, resume=True).rows == []
    assert ear.notes == ["0 of 1 restored, 1 restored before"]
    (out / "a.png").unlink()
    assert "a" in [row["name"] for row in in_turn(sources, out, resume=True).rows]


@pytest.mark.parametrize(
    "what", ["film", "mask", "mask beside it", "reference", "kernel", "older", "meanwhile"]
)
def test_what_was_made_of_other_files_is_made_again(tmp_path: Path, what: str) -> None:
    (source,), out = pictures(tmp_path, a=32), tmp_path / "out"
    other, options = tmp_path / "other.png", SIGMA
    observed = torch.ones(1, 1, 32, 32)
    observed[..., 4:9, 4:9] = 0
    if what == "film":
        planes = np.random.default_rng(0).integers(0, 255, (2, 32, 32)).astype(np.uint8)
        other = tmp_path / "film.tif"
        tifffile.imwrite(other, planes, photometric="minisblack", metadata={"axes": "TYX"})
        source = f"{other}[1]"
    elif what.startswith("mask"):
        other = other if what == "mask" else tmp_path / "a_mask.png"
        write_image(other, observed)
        options = TaskOptions("inpaint", mask=str(other) if what == "mask" else None)
    elif what == "reference":
        write_image(other, observed)
        options = TaskOptions("denoise", sigma=25, reference=str(other))
    elif what == "kernel":
        other = tmp_path / "kernel.txt"
        other.write_text("0 1 0\n1 4 1\n0 1 0\n")
        options = TaskOptions("deblur", kernel=str(other))
    else:
        other = Path(source)

    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        if what == "meanwhile":
            os.utime(other, (2, 2))
        return as_measured(opened, turn)

    in_turn([source], out, work, options=options)
    if what != "meanwhile":
        assert in_turn([source], out, options=options, resume=True).kept == 1
        os.utime(other, (2, 2))
    assert in_turn([source], out, options=options, resume=True).kept == 0


def test_a_result_of_another_suffix_than_its_picture_is_left_out_too(tmp_path: Path) -> None:
    source, out = transparent_bmp(tmp_path / "photo.bmp"), tmp_path / "out"
    in_turn([source], out)
    assert [file.name for file in out.glob("photo.*")] == ["photo.png"]
    assert in_turn([source], out, resume=True).kept == 1


def test_where_some_together_fail_each_is_tried_alone(tmp_path: Path) -> None:
    tried = []

    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        tried.append([one.restorable.name for one in opened])
        if "b" in tried[-1]:
            raise StudyError("b has neither a first answer nor a fit")
        return as_measured(opened, turn)

    ear = Ear()
    found = in_turn(pictures(tmp_path, a=16, b=16, c=16), tmp_path / "out", work, ear=ear, at_once=2)
    assert tried == [["a", "b"], ["a"], ["b"], ["c"]]
    assert [row["name"] for row in found.rows] == ["a", "c"] and list(found.refused) == ["b"]
    assert {"1 to 2 of 3: a, b", "3 of 3: c"} <= set(ear.notes)


def test_who_fails_with_others_has_a_new_share_of_the_time_and_their_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, turns, held = [0.0], list[Turn](), list[weakref.ref[torch.Tensor]]()
    monkeypatch.setattr("dipsearch.run.one_by_one.time.monotonic", lambda: now[0])

    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        turns.append(turn)
        if len(opened) > 1:
            large = torch.zeros(1000)
            held.append(weakref.ref(large))
            now[0] += 50.0
            raise MemoryError
        assert held[0]() is None
        now[0] += 5.0
        return as_measured(opened, turn)

    sources = pictures(tmp_path, a=16, b=16, c=16, d=16)
    found = in_turn(sources, tmp_path / "out", work, at_once=2, budget_seconds=90.0)
    assert [row["name"] for row in found.rows] == ["a", "b", "c", "d"]
    assert turns[1] == Turn(50.0, 40.0 / 4, 40.0, several=True)
    assert turns[2] == Turn(55.0, pytest.approx(35.0 / 3), 35.0, several=True)


def test_who_asks_to_finish_while_some_fail_together_has_none_of_them_tried_again(tmp_path: Path) -> None:
    tried = []

    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        tried.append(len(opened))
        os.kill(os.getpid(), signal.SIGTERM)
        raise StudyError("one of them has neither a first answer nor a fit")

    found = in_turn(pictures(tmp_path, a=16, b=16), tmp_path / "out", work, at_once=2)
    assert tried == [2] and (found.left, found.refused) == (2, {})


@pytest.mark.parametrize(
    "row, made_again",
    [
        ({"members": 0, "delivered": "first"}, True),
        ({"members": 0, "delivered": "unchanged"}, False),
        ({"members": 2, "delivered": "first"}, False),
        ({"members": 1, "delivered": "posterior mean", "ended": Ended.TIME.value}, True),
        ({"members": 1, "delivered": "posterior mean", "ended": Ended.STEPS.value}, False),
    ],
)
def test_what_more_time_would_make_better_is_made_again(
    tmp_path: Path, row: dict[str, Any], made_again: bool
) -> None:
    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        return [made and (made[0], [made[1][0] | row]) for made in as_measured(opened, turn)]

    sources, out = pictures(tmp_path, a=16), tmp_path / "out"
    in_turn(sources, out, work)
    assert in_turn(sources, out, resume=True).kept == (0 if made_again else 1)


def test_a_picture_that_cannot_be_written_for_lack_of_memory_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(opened: Opened, images: Sequence[torch.Tensor], *, request: str | None) -> None:
        if opened.restorable.name == "a":
            raise MemoryError

    monkeypatch.setattr(Opened, "write", write)
    found = in_turn(pictures(tmp_path, a=16, b=16), tmp_path / "out")
    assert [row["name"] for row in found.rows] == ["b"]
    assert found.refused == {"a": "there is not enough memory for it"}


def test_what_is_no_pictures_fault_ends_it_and_what_was_written_stays(tmp_path: Path) -> None:
    out, ear = tmp_path / "out", Ear()

    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        if opened[0].restorable.name == "b":
            raise ResourceError("cannot write b", "the system says: No space left on device")
        return as_measured(opened, turn)

    with pytest.raises(ResourceError, match="No space"):
        in_turn(pictures(tmp_path, a=16, b=16, c=16), out, work, ear=ear)
    assert (out / "a.png").exists() and (out / RECORD).exists()
    assert ear.warnings == ["1 of 3 restored, 2 left, with which --resume goes on"]


def test_workers_begin_once_for_all_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    class Counted(LocalProcesses):
        def __enter__(self) -> LocalProcesses:
            begun.append(self.folder)
            return super().__enter__()

    monkeypatch.setattr("dipsearch.run.restorer.LocalProcesses", Counted)
    monkeypatch.setattr("dipsearch.run.restorer.MAX_STEPS", {"denoise": 20})
    # Of one name, so that a worker that remembered the first would restore the first one again.
    one, other = pictures(tmp_path / "w1", photo=24)[0], pictures(tmp_path / "w2", other=24, photo=24)[1]
    found = run_restore(
        "dipsearch_nearest_16",
        [one, other],
        SIGMA,
        out=tmp_path / "out",
        device="cpu",
        workers=1,
        seed=0,
        budget_seconds=None,
        callback=Silent(),
    )
    assert len(begun) == 1 and not begun[0].exists()
    for row, source in zip(found.rows, (one, other), strict=True):
        restored, own, others = (
            read_image(path).pixels for path in (row["restored"], source, other if source == one else one)
        )
        assert float((restored - own).square().mean()) < float((restored - others).square().mean())
