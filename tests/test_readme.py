"""Every command that the documents show can be typed, and every file that they name is there."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from dipsearch.commands.main import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "studies/README.md", "search_spaces/README.md")
COMMAND = re.compile(r"(?:python cli\.py|dipsearch) ([a-z]+ [^`\n#]*)")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


VERBS = tuple(command.callback.__name__ for command in app.registered_commands if command.callback)


def documents() -> list[Path]:
    return [path for path in map(ROOT.joinpath, DOCUMENTS) if path.exists()]


def commands() -> list[tuple[str, str]]:
    """Every command line that a document or a recipe shows, with the name of the file."""
    return [
        (path.name, line.strip())
        for path in (*documents(), *sorted((ROOT / "studies").glob("*.yaml")))
        for line in COMMAND.findall(path.read_text(encoding="utf-8"))
        if line.split()[0] in VERBS
    ]


@pytest.mark.parametrize(("document", "line"), commands())
def test_a_command_in_a_document_can_be_typed(document: str, line: str) -> None:
    verb, *arguments = shlex.split(line.replace("…", "inpaint"))
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    if "--help" in arguments:
        arguments.remove("--help")  # it would be answered at once
        assert arguments == []
    else:
        context = command.make_context(verb, arguments)  # parses and checks types, and runs nothing
        assert context.info_name == verb


def test_the_documents_show_every_verb_that_a_beginner_needs() -> None:
    shown = {line.split()[0] for _, line in commands()}
    assert {"search", "restore", "report", "show", "degrade"} <= shown


def test_the_documents_are_there() -> None:
    assert [path.relative_to(ROOT).as_posix() for path in documents()] == list(DOCUMENTS)


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.parent.name + "-" + path.stem)
def test_the_files_that_a_document_names_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        assert (document.parent / target).exists(), target


def test_the_make_targets_that_the_documents_name_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for document in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"^make ([a-z]+)", (ROOT / document).read_text(), flags=re.MULTILINE))
        assert named <= targets
    assert {"demo", "test", "lint", "clean"} <= targets
