"""What a person gets when something cannot go on: one line, exit code 2, no traceback."""

from collections.abc import Callable

import pytest

from dipsearch.commands import main as program
from dipsearch.commands.main import one_line, run
from dipsearch.errors import InputError, StudyError


def raising(error: BaseException) -> Callable[..., None]:
    def verb() -> None:
        raise error

    return verb


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], list[str]]:
    """Install a verb that raises; return the arguments that run it."""

    def install(error: BaseException) -> list[str]:
        app = program.typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command()(raising(error))
        monkeypatch.setattr(program, "app", app)
        return []

    return install


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            InputError("sigma is -3", "it has to be positive", "give --sigma 25"),
            "sigma is -3; it has to be positive; give --sigma 25",
        ),
        (StudyError("two\nlines\x1b[31m"), r"two lines\x1b[31m"),
        (OSError(28, "No space left on device", "a.png"), "a.png: the system says: No space left on device"),
        (
            OSError(28, "No space left on device"),
            "the output cannot be written: the system says: No space left",
        ),
        (OSError(24, "Too many open files"), "it cannot go on: the system says: Too many open files"),
        (MemoryError(), "there is not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "there is not enough memory"),
    ],
)
def test_what_a_person_can_cause_is_one_line_and_code_2(
    verb: Callable[[BaseException], list[str]],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    words: str,
) -> None:
    assert run(verb(error)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"dipsearch: error: {words}")
    assert err.count("\n") == 1


def test_a_bug_shows_itself(verb: Callable[[BaseException], list[str]]) -> None:
    with pytest.raises(RuntimeError, match="surprise"):
        run(verb(RuntimeError("surprise")))


def test_ctrl_c_is_130_without_a_word(
    verb: Callable[[BaseException], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(verb(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "--no-such-option"], "No such option: --no-such-option"),
        (["find"], "No such command 'find'"),
        (["search", "sample:cat", "--task", "inpaint", "--workers", "two"], "'--workers'"),
        (["restore"], "Missing argument"),
        (["degrade", "sample:cat", "--task", "denoise"], "Missing option '--out'"),
        (["search", "sample:cat"], "no task was given; it is denoise (remove noise), inpaint (fill in"),
        (["search", "--task", "sr"], "no picture was given"),
        (["search", "sample:cat", "--task", "inpant"], "did you mean --task inpaint?"),
        (["search", "sample:cat", "--task", "sr", "--budget", "-5m"], "--budget '-5m' is not a duration"),
        (["search", "sample:cat", "--task", "sr", "--budget", "0"], "--budget '0' is not a duration"),
        (
            ["search", "sample:cat", "--task", "sr", "--trials", "0"],
            "'--trials': Input should be greater than or equal to 1, and 0 was given",
        ),
        (
            ["search", "sample:cat", "--task", "sr", "--workers", "0"],
            "'--workers': Input should be greater than or equal to 1, and 0 was given",
        ),
        (["search", "sample:cat", "--task", "sr", "--sampler", "tpee"], "did you mean --sampler tpe?"),
        (["search", "sample:cat", "--task", "sr", "--device", "tpu"], "--device 'tpu' is not known"),
        (["search", "sample:cat", "--task", "sr", "--engine", "cuda"], "did you mean --engine cuda_graph?"),
        (["search", "sample:cat", "--task", "sr", "--precision", "fp16"], "--precision 'fp16' is not known"),
        (["search", "sample:cat", "--task", "sr", "--name", "../x"], "the study name '../x' cannot be used"),
        (["search", "sample:cat", "--task", "sr", "--storage", "x.db"], "--storage is not the address"),
        (["search", "sample:cat", "--task", "denoise", "--factor", "2"], "--factor was given for denoise"),
        (["search", "sample:cat", "--task", "denoise", "--sigma", "-3"], "sigma is -3"),
        (["search", "sample:cat", "--task", "inpaint", "--missing", "100"], "missing is 100"),
        (["search", "-", "--task", "sr"], "- was given as a picture; standard input is not read; write what"),
        (["search", "nowhere.png", "--task", "sr"], "nowhere.png does not exist"),
        (
            ["search", "sample:cat", "--task", "sr", "--reference", "no.png"],
            "--reference no.png does not exist",
        ),
        (["search", "--resume"], "--resume was given without --name"),
        (["search", "--resume", "--name", "nothing"], "nothing is not a study"),
        (
            ["search", "--resume", "--name", "nothing", "--seed", "3"],
            "nothing is not a study",
        ),
        (["report", "nothing"], "nothing is not a study"),
        (["show", "--top", "0", "x"], "'--top': Input should be greater than or equal to 1, and 0 was given"),
        (["degrade", "sample:cat", "--task", "inpaint", "-o", "x.jpg"], "x.jpg cannot hold transparency"),
        (
            ["degrade", "sample:cat", "--task", "sr", "-o", "x.png", "--mask-out", "m.png"],
            "only inpaint has a mask",
        ),
    ],
)
def test_a_wrong_word_is_one_line_and_code_2(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pathlib import Path

    monkeypatch.chdir(str(tmp_path))
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert err.startswith("dipsearch: error: ")
    assert err.count("\n") == 1
    assert out == ""
    assert list(Path().iterdir()) == []


def test_without_a_verb_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "restore" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    import dipsearch

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"dipsearch {dipsearch.__version__}\n"


def test_one_line_keeps_letters_of_all_languages() -> None:
    assert one_line("größe  σ\n日本") == "größe σ 日本"


def test_the_help_says_what_the_tasks_do(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("search", "restore", "degrade"):
        assert run([verb, "--help"]) == 0
        said = " ".join(capsys.readouterr().out.replace("│", " ").split())
        for task in ("denoise: remove noise", "inpaint: fill in missing", "sr: enlarge", "deblur: undo a"):
            assert task in said


def test_the_home_folder_is_written_out_where_no_shell_has(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", "/of/mine")
    monkeypatch.setenv("USERPROFILE", "/of/mine")
    assert run(["show", "~/nothing.yaml"]) == 2
    assert run(["degrade", "sample:nothing", "--task", "denoise", "--out=~/nothing/a.png"]) == 2
    words = capsys.readouterr().err
    assert "/of/mine/nothing.yaml" in words and "~" not in words
