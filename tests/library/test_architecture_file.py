"""Architecture files: written whole, read strictly, equal after the journey."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import dipsearch
from dipsearch.errors import FormatError
from dipsearch.library import (
    Architecture,
    ArchitectureFit,
    provenance_now,
    read_architecture,
    write_architecture,
)
from dipsearch.network import Genome, Scale


def architecture(genome: Genome | None = None) -> Architecture:
    fit = ArchitectureFit(
        "inpaint", 1130, 0.00125, "held-out", 28.5, "the validation error had risen for 300 iterations"
    )
    origin = provenance_now(
        [("00123e456789", (1, 3, 128, 96))], seed=4, seconds=97.5, device="cpu", study="7e3"
    )
    return Architecture(genome or Genome(), fit, origin)


@pytest.mark.parametrize(
    "genome",
    [
        Genome(),
        Genome((Scale(8, 4, channels_skip=0, kernel_skip=None), Scale(6, 6, 5, 1)), norm="none"),
        Genome(input_kind="meshgrid", input_channels=None, input_scale=None, learning_rate=1e-5),
        Genome(input_kind="pilot", pilot_scale=0.5),
    ],
    ids=["default", "small", "mesh grid", "pilot"],
)
def test_what_is_written_reads_back_equal(tmp_path: Path, genome: Genome) -> None:
    path = tmp_path / "best" / "architecture.yaml"
    written = architecture(genome)
    write_architecture(path, written)
    assert read_architecture(path) == written
    assert read_architecture(path).genome.digest == genome.digest
    assert path.read_text().startswith("format: dipsearch/architecture/1\n")
    names = ["task", "step", "loss_at_stop", "split", "score", "ended"]
    assert list(yaml.safe_load(path.read_text())["fit"]) == names


def test_provenance_says_with_what_and_when() -> None:
    origin = architecture().provenance
    assert set(origin.versions) == {"dipsearch", "torch", "optuna", "python"}
    assert origin.versions["dipsearch"] == dipsearch.__version__
    assert origin.date.endswith("+00:00")


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            swap("format: dipsearch/architecture/1", "format: dipsearch/architecture/2"),
            ["`format`", "architecture/1"],
        ),
        (swap("  step: 1130\n", ""), ["`fit.step` is missing", "required"]),
        (swap("loss_at_stop", "loss_at_stpo"), ["`fit.loss_at_st"]),
        (swap("  seed: 4", "  seed: 4\n  sed: 5"), ["unknown key `provenance.sed`", "did you mean `seed`?"]),
        (swap("step: 1130", "step: many"), ["`fit.step` is 'many'", "integer"]),
        (swap("step: 1130", "step: -1"), ["`fit.step` is -1", "greater than or equal to 0"]),
        (swap("score: 28.5", "score: .nan"), ["`fit.score`", "finite"]),
        (swap("task: inpaint", "task: impaint"), ["`fit.task` is 'impaint'", "'inpaint'"]),
        (swap("00123e456789", "../../etc"), ["`provenance.images.0.digest`"]),
        (swap("upsampling: bilinear", "upsampling: trilinear"), ["`upsampling` is 'trilinear'", "bilinear"]),
        (swap("genome:", "genome: !!python/name:os.system\n#"), ["tag", "run code"]),
    ],
    ids=[
        "format",
        "missing",
        "misspelt",
        "unknown",
        "word",
        "negative",
        "nan",
        "task",
        "digest",
        "gene",
        "tag",
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_in_words(
    tmp_path: Path, change: Callable[[str], str], words: list[str]
) -> None:
    path = tmp_path / "architecture.yaml"
    write_architecture(path, architecture())
    text = path.read_text()
    changed = change(text)
    assert changed != text
    path.write_text(changed)
    with pytest.raises(FormatError) as caught:
        read_architecture(path)
    assert str(path) in caught.value.given and caught.value.rule and caught.value.fix
    assert all(word in str(caught.value) for word in words)


def test_nothing_is_written_when_a_value_is_not_allowed(tmp_path: Path) -> None:
    written = architecture()
    with pytest.raises(FormatError, match=r"fit.loss_at_stop"):
        write_architecture(
            tmp_path / "a.yaml", replace(written, fit=replace(written.fit, loss_at_stop=float("nan")))
        )
    assert list(tmp_path.iterdir()) == []
