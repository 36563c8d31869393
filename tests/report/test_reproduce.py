"""What the page says on top, and the command that runs a study again."""

import shlex
import sys
from dataclasses import fields, replace

import pytest
import typer

from dipsearch.commands.main import app, run
from dipsearch.commands.parsing import study_name
from dipsearch.problem import TaskOptions
from dipsearch.report.headline import headline
from dipsearch.report.reproduce import restore_command, reuse_command, search_command, version_rows
from dipsearch.run import Request


@pytest.mark.parametrize(
    "options",
    [
        TaskOptions(task="inpaint", mask="a mask.png", invert_mask=True),
        TaskOptions(task="denoise", sigma=25, reference="clean'.png"),
        TaskOptions(task="sr", factor=3, simulate=True),
        TaskOptions(task="deblur", kernel="my kernel.png", sigma=3),
    ],
)
def test_the_command_is_understood_by_the_command_line(options: TaskOptions) -> None:
    request = Request(
        sources=("my picture.png", "$(x).png"), options=options, name="n", budget_seconds=90, seed=3
    )
    _, verb, *words = shlex.split(search_command(request))
    context = typer.main.get_command(app).commands[verb].make_context(verb, words)  # type: ignore[attr-defined]
    given = context.params
    assert tuple(given["sources"]) == request.sources
    assert (given["task"], given["seed"], given["budget"]) == (options.task, 3, "90s")
    assert (given["mask"], given["invert_mask"], given["simulate"]) == (
        options.mask,
        options.invert_mask,
        options.simulate,
    )
    assert given["factor"] == (3 if options.task == "sr" else None)


def test_the_command_says_everything_that_was_asked() -> None:
    asked = [
        TaskOptions("inpaint", mask="m", invert_mask=True, reference="r"),
        TaskOptions("inpaint", missing=50),
        TaskOptions("denoise", sigma=25, simulate=True),
        TaskOptions("denoise", photons=100, value_range=(0, 4095), data_range=4095, axes="TYX"),
        TaskOptions("sr", factor=2),
        TaskOptions("deblur", kernel="gaussian:2"),
    ]
    requests = [
        Request(("a.png",), options, "n", budget_seconds=9, trials=8, steps=7, workers=6, cluster=cluster)
        for options in asked
        for cluster in (None, "local:2")
    ]
    names = {field.name for one in (requests[0], asked[0]) for field in fields(one)}
    names -= {
        "sources",
        "options",
        "storage",
    }  # the first two have no flag, and an address may hold a password
    names = {name.removeprefix("value_").removesuffix("_seconds") for name in names}
    flags = {f"--{name.replace('_', '-')}" for name in names}
    assert flags <= {word for request in requests for word in shlex.split(search_command(request))}


def test_the_way_to_use_it_again_is_quoted(make_study, tmp_path) -> None:
    record = replace(make_study(), folder=tmp_path / "a b")
    assert restore_command(record) == ""  # nothing has been written that could be used
    (tmp_path / "a b" / "best").mkdir(parents=True)
    (tmp_path / "a b" / "best" / "stack.yaml").touch()
    assert shlex.split(restore_command(record))[2] == str(tmp_path / "a b")
    enlarged = TaskOptions("sr", factor=2, kernel="lanczos3")
    assert reuse_command("a b", enlarged) == (
        "dipsearch restore 'a b' IMAGE --task sr --factor 2 --kernel lanczos3"
    )
    assert dict(version_rows(record))["searched with"] == "dipsearch 0.1.0"


def test_numbers_are_those_that_were_asked_for() -> None:
    options = TaskOptions("denoise", sigma=12.3456789, value_range=(0, 4294967295))
    words = shlex.split(search_command(Request(("a.png",), options, "n", budget_seconds=300 * 3600)))
    assert words[words.index("--budget") + 1] == "1080000s"
    assert words[words.index("--sigma") + 1] == "12.3456789"
    assert words[words.index("--range") + 1 :][:2] == ["0", "4294967295"]


def test_what_was_asked_from_python_has_no_command() -> None:
    assert search_command(Request(("array:image",), TaskOptions("denoise"), "n", budget_seconds=9)) == ""


def test_the_headline_gives_gain_and_time(make_study) -> None:
    said = headline(make_study())
    assert said.sentence.startswith(
        "Missing pixels of cat.png filled in by the mean of the best networks (4 candidates tried)."
    )
    assert [(fact.value, fact.label) for fact in said.facts] == [
        ("27.90 dB", "PSNR"),
        ("1.40 dB", "above similar patches"),
        ("+0.90 dB", "over the chosen network"),
        ("1 min 58 s", "for everything"),
    ]


def test_the_headline_does_not_hide_that_a_classical_method_is_better(make_study, result) -> None:
    worse = {**result, "delivered_psnr": 26.0}
    said = headline(make_study(result=worse))
    assert ("0.50 dB", "below similar patches") in [(fact.value, fact.label) for fact in said.facts]


def test_an_unfinished_study_says_how_far_it_is(make_study) -> None:
    said = headline(make_study(result=None))
    assert [(fact.value, fact.label) for fact in said.facts] == [
        ("27.50 dB", "best so far"),
        ("2", "complete"),
        ("1", "failed"),
    ]


@pytest.mark.parametrize(
    ("called", "words"),
    [
        ("/somewhere/cli.py", "python cli.py"),
        ("/usr/bin/dipsearch", "dipsearch"),
        ("/usr/lib/dipsearch/__main__.py", "python -m dipsearch"),
        ("notebook.py", "dipsearch"),
    ],
)
def test_commands_are_told_as_the_program_was_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], called: str, words: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    assert reuse_command("cat", TaskOptions("denoise")) == f"{words} restore cat IMAGE --task denoise"
    asked = Request(("a.png",), TaskOptions("denoise"), "cat", budget_seconds=9)
    assert search_command(asked).startswith(f"{words} search --task denoise a.png")
    run(["search", "--no-such-option"])
    assert f"see {words} search --help" in capsys.readouterr().err


def test_the_study_that_is_run_again_has_another_name() -> None:
    for name in ("cat", "c" * 100):
        request = Request(("a.png",), TaskOptions("denoise"), name, budget_seconds=9)
        again = shlex.split(search_command(request))
        assert study_name(again[again.index("--name") + 1]) == f"{name[:90]}-again"
