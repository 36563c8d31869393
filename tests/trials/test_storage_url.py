"""A database's address: used whole, written without its password, asked for again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.commands.main import run
from dipsearch.errors import StudyError
from dipsearch.problem import TaskOptions
from dipsearch.run import Request, Silent, read_study, run_search
from dipsearch.trials.request import read_request, write_request
from dipsearch.trials.storage_url import VARIABLE, is_masked, masked, whole_address

WHOLE = "postgresql+psycopg://me:secret@host:5432/studies"
HIDDEN = "postgresql+psycopg://me:***@host:5432/studies"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The folder of studies, with one that was begun in a database."""
    write_request(tmp_path / "study" / "study.yaml", request())
    return tmp_path


def request(storage: str | None = WHOLE) -> Request:
    return Request(("sample:cat",), TaskOptions("denoise"), "study", trials=1, storage=storage)


@pytest.mark.parametrize(
    ("address", "hidden"),
    [
        (WHOLE, HIDDEN),
        ("postgresql://host/studies?password=secret", "postgresql://host/studies?password=%2A%2A%2A"),
        ("postgresql://me:secret@host:port/studies", "postgresql://***"),
    ],
)
def test_a_password_is_masked_wherever_it_stands(address: str, hidden: str) -> None:
    assert masked(address) == hidden == masked(hidden)
    assert is_masked(hidden)


@pytest.mark.parametrize("address", ["sqlite:///studies.db", "postgresql://host/studies"])
def test_an_address_without_a_password_stays_as_it_is(address: str) -> None:
    assert masked(address) == address
    assert not is_masked(address)


@pytest.mark.parametrize("address", ["sqlite:///studies.db", "postgresql://host/studies", HIDDEN])
def test_an_address_that_only_a_file_names_is_not_used(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match="an address in a file is not connected to unless it is given again"):
        whole_address(address)
    assert whole_address(address, given="sqlite:///mine.db") == "sqlite:///mine.db"
    monkeypatch.setenv(VARIABLE, "postgresql://host/studies")
    assert (whole_address("postgresql://host/studies")) == "postgresql://host/studies"


def test_a_recipe_connects_to_nothing_unless_it_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for asked, option in (
        (replace(request(), storage="sqlite:///there.db"), "--storage"),
        (replace(request(None), cluster="tcp://elsewhere:8786"), "--cluster"),
    ):
        write_request(tmp_path / "recipe.yaml", asked)
        assert run(["search", "--recipe", "recipe.yaml"]) == 2
        said = capsys.readouterr().err
        assert "unless it is given again" in said and option in said
        assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]


def test_no_file_of_a_study_holds_the_password(begun: Path) -> None:
    assert read_request(begun / "study" / "study.yaml").storage == HIDDEN
    assert "secret" not in (begun / "study" / "study.yaml").read_text()


def test_what_is_given_comes_first_and_the_environment_fills_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert whole_address(None) is None
    assert whole_address(HIDDEN, given=WHOLE) == WHOLE
    monkeypatch.setenv(VARIABLE, WHOLE.replace("+psycopg", ""))
    assert whole_address(HIDDEN) == WHOLE.replace("+psycopg", "")


def test_another_database_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, WHOLE.replace("host", "elsewhere"))
    with pytest.raises(StudyError, match=f"{VARIABLE} names another database"):
        whole_address(HIDDEN)


def test_resuming_without_the_password_says_how_to_give_it(begun: Path) -> None:
    with pytest.raises(StudyError) as refused:
        run_search(request(None), root=begun, resume=True, callback=Silent())
    assert refused.value.given == f"the study is kept in {HIDDEN}"
    assert "--storage" in refused.value.fix
    assert VARIABLE in refused.value.fix


def test_a_study_in_a_database_is_shown_without_its_candidates(begun: Path) -> None:
    record = read_study(begun / "study")
    assert record.trials == ()
    assert any("its password is written into no file" in sentence for sentence in record.missing)
