"""The table: what it can be asked, and what a damaged or foreign one gets."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dipsearch.bench.tabular import Table
from dipsearch.bench.tabular.recorded.fit_recording import EVERY, MARK, most_steps
from dipsearch.bench.tabular.recorded.table import cases_of
from dipsearch.bench.tabular.recorded.table_cases import with_own_pictures
from dipsearch.bench.tabular.recorded.table_file import write_table
from dipsearch.bench.tabular.recorded.table_genomes import (
    BEST_KNOWN,
    DIP_DEFAULT,
    SEEDS_OF_BEST,
    Kind,
    TableGenome,
    blocks_of,
    is_affordable,
    table_genomes,
)
from dipsearch.errors import FormatError, InputError
from dipsearch.library import preset
from dipsearch.network import load_space
from dipsearch.trials.objective import estimated_psnr
from tests.bench.tabular.recorded.made_table import STEPS, made_table


@pytest.fixture(scope="module")
def table() -> Table:
    return made_table(16)


def test_a_query_says_what_a_fit_had_come_to(table: Table) -> None:
    fit = table.case("camera", "denoise").fits[preset(BEST_KNOWN).digest, 3]
    asked = table.query(preset(BEST_KNOWN), 205, picture="camera", task="denoise", seed=3)
    assert asked.step == 200 and not asked.ended
    assert asked.psnr == pytest.approx(float(fit.psnr[19]))
    assert asked.estimate == pytest.approx(estimated_psnr(float(fit.validation_mse[19])))
    assert asked.seconds == pytest.approx(200 * 0.02) and asked.multiply_adds == pytest.approx(200)
    end = table.query(BEST_KNOWN, 10_000, picture="camera", task="denoise", seed=3)
    assert end.step == STEPS and end.ended and end.psnr > asked.psnr
    assert table.query(preset(BEST_KNOWN).digest, 205, picture="camera", task="denoise", seed=3) == asked


def test_a_case_need_not_be_named_where_there_is_one(table: Table) -> None:
    asked = table.query(BEST_KNOWN, 205, picture="camera", task="denoise")
    alone = replace(table, cases=(table.case("camera", "denoise"),))
    assert alone.query(BEST_KNOWN, 205) == asked
    pictures = replace(table, cases=tuple(cases_of(table, task="denoise")))
    assert pictures.query(BEST_KNOWN, 205, picture="camera") == asked
    with pytest.raises(
        InputError, match=r"task=None leave 3 of 6 cases.*as picture='coffee', task='denoise'"
    ):
        table.query(BEST_KNOWN, 205, picture="camera")


@pytest.mark.parametrize(
    ("genome", "step", "picture", "seed", "message"),
    [
        ("nobody", 100, "camera", 0, "the table has no genome nobody"),
        (
            BEST_KNOWN,
            100,
            "moon",
            0,
            "the table has no case of moon and denoise; it has the pictures coffee, camera",
        ),
        (BEST_KNOWN, 100, "camera", 99, "with seed 99; it has the seeds 0, 1, 2"),
        (BEST_KNOWN, 3, "camera", 0, "at step 3"),
        (BEST_KNOWN, 200.5, "camera", 0, "at step 200.5 .* whole steps from 10 on"),
        (BEST_KNOWN, float("nan"), "camera", 0, "at step nan"),
        (None, 200, "camera", 0, "the table has no genome None"),
    ],
)
def test_what_a_table_does_not_have_is_said(
    table: Table, genome: str, step: float, picture: str, seed: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        table.query(genome, step, picture=picture, task="denoise", seed=seed)


def test_cases_are_of_a_set_and_a_task(table: Table) -> None:
    assert {case.picture for case in cases_of(table, set="tuning")} == {"coffee"}
    assert [case.task for case in cases_of(table, set="test")] == ["denoise", "inpaint", "sr"]


def test_a_sketch_is_there_at_its_step_and_at_the_end(table: Table) -> None:
    fit = next(iter(table.cases[0].fits.values()))
    assert fit.place(MARK - EVERY) is None
    assert fit.place(MARK) == 0 == fit.place(2 * MARK - EVERY)
    assert fit.validation_mse_at(0) == float(fit.validation_mse[MARK // EVERY - 1])
    last = fit.place(fit.steps)
    assert last == len(fit.sketches) - 3 and fit.validation_mse_at(last) == float(fit.validation_mse[-1])


def test_a_table_is_read_as_it_was_written(table: Table, tmp_path: Path) -> None:
    write_table(tmp_path / "table.npz", table, about={"command": "a command"})
    again = Table.read(tmp_path / "table.npz")
    assert [one.digest for one in again.genomes] == [one.digest for one in table.genomes]
    assert again.genomes[3].genome.flat == table.genomes[3].genome.flat
    for old, new in zip(table.cases, again.cases, strict=True):
        assert (new.picture, new.task, new.set, new.share) == (old.picture, old.task, old.set, old.share)
        for key, fit in old.fits.items():
            assert (new.fits[key].validation_mse == fit.validation_mse).all() and (
                new.fits[key].step == fit.step
            ).all()
            assert np.allclose(new.fits[key].sketches, fit.sketches, rtol=2e-3)
    names = {"score", "psnr", "now_score", "now_psnr", "step", "sketches", "beyond", "firsts", "index"}
    assert set(np.load(tmp_path / "table.npz")) == names
    beside = json.loads((tmp_path / "table.json").read_text())
    assert beside["command"] == "a command" and beside["coverage"]["genomes"] == 16
    assert beside["coverage"]["fits"] == sum(len(case.fits) for case in table.cases)
    assert beside["bytes"] == (tmp_path / "table.npz").stat().st_size
    with np.load(tmp_path / "table.npz") as file:  # it says what it is without the file beside it, too
        inside = json.loads(str(file["index"]))["about"]
    assert {name: beside[name] for name in inside} == inside and inside["command"]


def test_a_table_without_whole_fits_is_read_too(table: Table, tmp_path: Path) -> None:
    case = table.cases[0]
    key, fit = next(iter(case.fits.items()))
    none = np.zeros(0, np.float32)
    empty = replace(
        fit,
        validation_mse=none,
        psnr=none,
        now_validation_mse=none,
        now_psnr=none,
        step=none.astype(np.int32),
        sketches=fit.sketches[-3:] * np.nan,
        beyond=fit.beyond[-3:] * np.nan,
        polished_validation_mse=float("nan"),
    )
    broken = replace(table, cases=(replace(case, fits={**case.fits, key: empty}), *table.cases[1:]))
    write_table(tmp_path / "table.npz", broken, about={})
    again = Table.read(tmp_path / "table.npz").cases[0].fits[key]
    assert again.steps == 0 and again.place(100) is None and np.isnan(again.polished_validation_mse)
    moment = broken.query(key[0], 100, picture=case.picture, task=case.task, seed=key[1])
    assert moment.step == 0 and moment.psnr == -np.inf


def damage_nothing(path: Path) -> None:
    path.unlink()


def damage_companion(path: Path) -> None:
    path.with_suffix(".json").unlink()


def damage_bytes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))


def damage_words(path: Path) -> None:
    path.with_suffix(".json").write_text("[]")


def damage_version(path: Path) -> None:
    about = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(about | {"format": "dipsearch/table/9"}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_nothing, "there is no .*table.npz"),
        (damage_companion, "there is no .*table.json"),
        (damage_bytes, "is damaged: its checksum is not that in table.json"),
        (damage_words, "table.json says nothing of a table"),
        (damage_version, "is a table of the format dipsearch/table/9; this version reads dipsearch/table/1"),
    ],
)
def test_a_damaged_table_is_refused_in_a_sentence(
    table: Table, tmp_path: Path, damage: object, message: str
) -> None:
    assert callable(damage)
    write_table(tmp_path / "table.npz", table, about={})
    damage(tmp_path / "table.npz")
    with pytest.raises(FormatError, match=message):
        Table.read(tmp_path / "table.npz")


def rewritten(path: Path, damage: Callable[[dict[str, np.ndarray], dict[str, Any]], object]) -> None:
    """Damage a table before its checksum is made, as a program with an error would."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    index = json.loads(str(arrays["index"]))
    damage(arrays, index)
    np.savez(path, **(arrays | {"index": np.array(json.dumps(index))}))
    about = json.loads(path.with_suffix(".json").read_text())
    about["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(about))


def without_a_genome(index: dict[str, Any]) -> None:
    """Its first genome is not there, its fits are."""
    del index["genomes"][0]


def with_a_fit_twice(index: dict[str, Any]) -> None:
    """The second fit to the first case says that it is the first one."""
    first, second, *_ = index["cases"][0]["fits"]
    second.update(digest=first["digest"], seed=first["seed"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        *(
            (lambda arrays, index, name=name: arrays.update({name: arrays[name][:-1]}), f"{name} has")
            for name in ("score", "psnr", "now_psnr", "step", "sketches", "beyond", "firsts")
        ),
        (lambda arrays, index: without_a_genome(index), "are not those of the genomes"),
        (lambda arrays, index: index["genomes"].append(index["genomes"][0]), "a genome occurs twice"),
        (lambda arrays, index: with_a_fit_twice(index), "a fit to coffee occurs twice"),
        (lambda arrays, index: index["cases"][1].update(task="denoise"), "a case occurs twice"),
    ],
)
def test_a_table_that_lacks_something_is_refused_with_its_own_checksum_too(
    table: Table, tmp_path: Path, damage: Any, message: str
) -> None:
    write_table(tmp_path / "table.npz", table, about={})
    rewritten(tmp_path / "table.npz", damage)
    with pytest.raises(FormatError, match=message):
        Table.read(tmp_path / "table.npz")


def test_more_genomes_begin_with_the_same_ones() -> None:
    space = load_space("skip")
    few, many = table_genomes(20, space=space), table_genomes(26, space=space)
    assert [one.genome.digest for one in many[:20]] == [one.genome.digest for one in few]
    assert many[0].name == BEST_KNOWN and len({one.genome.digest for one in many}) == 26
    assert {one.kind for one in many} == {"known", "random", "mutant"}
    for one in many:
        if one.kind != "known":
            assert is_affordable(one.genome) and space.genome(one.flat).digest == one.genome.digest


def test_the_best_known_network_has_many_seeds_and_others_a_second_one() -> None:
    genomes = table_genomes(40, space=load_space("skip"))
    blocks = blocks_of(genomes)
    assert len({*blocks}) == len(blocks)
    assert sum(block.genome == BEST_KNOWN for block in blocks) == SEEDS_OF_BEST
    others = [one.name for one in genomes if one.kind != "known"]
    second = sum(block.seed == 1 and block.genome in others for block in blocks)
    assert len(others) / 5 <= second <= len(others) / 5 + 1
    several = {block.genome for block in blocks if block.seed == 1}
    assert len(several) >= len(genomes) / 5
    assert blocks[0].genome == BEST_KNOWN and blocks[0].seed == 0


def test_a_recording_is_longer_without_a_pilot_and_shorter_where_it_is_dear_or_unknown() -> None:
    space = load_space("skip")

    def steps(kind: Kind, name: str, task: str = "denoise") -> int:
        genome = preset(name)
        return most_steps(TableGenome(name, kind, genome, space.nearest(genome)), task)

    assert steps("random", "dipsearch_nearest_16") == 1200
    assert steps("known", "dipsearch_bilinear_48") == 640
    assert steps("random", "dipsearch_bilinear_48") == 320
    assert steps("known", BEST_KNOWN) == 640
    assert steps("known", BEST_KNOWN, "sr") == 320
    assert steps("known", DIP_DEFAULT, "inpaint") == 1200


def test_a_folder_adds_test_pictures_and_one_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 0 pictures"):
        with_own_pictures(tmp_path)
    (tmp_path / "Mine.png").write_bytes(b"")
    added = with_own_pictures(tmp_path)[-1]
    assert (added.name, added.set) == ("mine", "test")
    (tmp_path / "coffee.png").write_bytes(b"")
    with pytest.raises(InputError, match="whose names are not their own"):
        with_own_pictures(tmp_path)
