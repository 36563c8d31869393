"""The pages of docs/ hang together and speak of what is there; ``make docs`` builds them and checks the rest."""

import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import optuna
import pytest
import torch
import typer
import yaml
from PIL import Image

import dipsearch
from dipsearch.bench.tabular.recorded.table_file import write_table
from dipsearch.commands.main import app
from dipsearch.library import ArchitectureFit, Preset
from dipsearch.library.architecture_file import IN_FILES, Provenance
from dipsearch.network import as_network
from dipsearch.problem.operators import registry
from dipsearch.run import Request
from tests.bench.tabular.recorded.made_table import made_table

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MADE = (DOCS / "_build", DOCS / "api" / "generated")
PAGES = sorted(path for path in DOCS.rglob("*.md") if not any(path.is_relative_to(folder) for folder in MADE))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))

FENCED = re.compile(r"^```(\S+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
ROLE = re.compile(r"\{(?:class|func|meth|attr|exc)\}`~?([^`]+)`")
SPACE_GUIDE = ROOT / "search_spaces" / "README.md"


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in a language, or of a directive."""
    return [text for word, text in FENCED.findall(page.read_text(encoding="utf-8")) if word == language]


def entries(block: str) -> list[str]:
    """What a directive lists, without its options."""
    return [line.strip() for line in block.splitlines() if line.strip() and not line.startswith(":")]


def in_toctrees(page: Path) -> Iterator[Path]:
    """All pages that can be reached from this one by tables of contents, itself included."""
    yield page
    for block in blocks(page, "{toctree}"):
        for entry in entries(block):
            below = page.parent / f"{entry}.md"
            yield from in_toctrees(below) if below.exists() else [below.with_suffix(".ipynb")]


def listed_names(page: Path) -> list[str]:
    """The names below ``dipsearch`` that the lists of an API page have."""
    lists = (block.partition(".. autosummary::")[2] for block in blocks(page, "{eval-rst}"))
    lines = (line.strip() for text in lists for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(":")]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def test_every_page_is_in_a_table_of_contents_once() -> None:
    assert sorted(in_toctrees(DOCS / "index.md")) == sorted([*PAGES, *(DOCS / "notebooks").glob("*.ipynb")])


@each_page
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        file, _, heading = target.partition("#")
        there = page.parent / file if file else page
        assert there.is_file(), target
        assert not heading or heading in slugs(there), target


def slugs(page: Path) -> set[str]:
    """What the headings of a page are called in links."""
    text = prose(page)
    if page.name == "formats.md":  # includes the guide to search spaces
        text += SPACE_GUIDE.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_code_compiles(page: Path) -> None:
    for number, code in enumerate(blocks(page, "python")):
        assert compile(code, f"{page.name}, block {number + 1}", "exec").co_code


class Reached(Exception):
    """An example has come to what takes minutes."""


def reached(function: Callable[..., Any]) -> Callable[..., NoReturn]:
    """What takes minutes, after a look at its arguments; functions among them are tried once."""

    def called(*args: object, **named: Any) -> NoReturn:
        inspect.signature(function).bind(*args, **named)
        if "network" in named:
            as_network(named["network"](optuna.create_study().ask()))
        if "metric" in named:
            assert isinstance(named["metric"](*torch.rand(3, 1, 1, 8, 8)), float)
        raise Reached

    return called


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", DOCS / "index.md", *sorted((DOCS / "how_to").glob("*.md"))],
    ids=lambda page: page.stem,
)  # fmt: skip
def test_examples_run_up_to_a_search(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture = np.random.default_rng(0).integers(1, 256, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(picture).save("photo.png")
    Image.fromarray(picture).save("photo.jpg")
    Image.fromarray(np.where(picture[..., 0] > 99, 255, 0).astype(np.uint8)).save("mask.png")
    for name in ("search", "restore"):
        monkeypatch.setattr(dipsearch, name, reached(getattr(dipsearch, name)))
    for table in ("_BY_NAME", "_NAMES"):  # an example may register an operator
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))
    if page.stem == "search_strategies":
        (tmp_path / "benchmarks").mkdir()
        write_table(tmp_path / "benchmarks" / "table.npz", made_table(16), about={})
    run = 0
    for number, code in enumerate(blocks(page, "python"), start=1):
        if "import deepinv" in code and find_spec("deepinv") is None:
            continue
        with suppress(Reached):
            short = code.replace("steps=1000", "steps=20")
            exec(compile(short, f"{page.name}, block {number}", "exec"), {"__name__": "example"})
        run += 1
    assert run >= (page.stem in ("README", "index", "own_operator", "own_network", "search_strategies"))


@each_page
def test_yaml_can_be_read(page: Path) -> None:
    for text in blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(text), dict)


def commands() -> list[tuple[str, str]]:
    """Every command line that a page shows, with the page's name."""
    lines = [
        (page.name, line.partition("#")[0].strip())
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.splitlines()
    ]
    return [(name, line) for name, line in lines if line.startswith("dipsearch ")]


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_can_be_typed(page: str, line: str) -> None:
    _, verb, *arguments = shlex.split(line)
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    assert command.make_context(verb, arguments).info_name == verb  # parses, and runs nothing


def test_every_public_name_is_on_a_page() -> None:
    listed = [name for page in (DOCS / "api").glob("*.md") for name in listed_names(page)]
    assert len(listed) == len(set(listed)), "a name is listed twice"
    missing = sorted(set(dipsearch.__all__) - {"__version__"} - set(listed))
    assert not missing, f"add {', '.join(missing)} to a list in docs/api/"


def test_pages_list_only_names_that_are_there() -> None:
    for page in (DOCS / "api").glob("*.md"):
        for name in listed_names(page):
            *room, own = name.split(".")
            place = __import__(".".join(("dipsearch", *room)), fromlist=[own]) if room else dipsearch
            assert hasattr(place, own), f"{page.name}: {name}"


@each_page
def test_links_to_names_are_whole(page: Path) -> None:
    # Sphinx lets names of other libraries pass, so one without its beginning would be no link, and nobody would hear.
    for name in ROLE.findall(prose(page)):
        assert name.startswith("dipsearch."), name


@pytest.mark.parametrize("kind", [ArchitectureFit, Provenance, Preset, Request])
def test_the_formats_name_every_key(kind: type) -> None:
    text = (DOCS / "formats.md").read_text(encoding="utf-8")
    named = {word.removeprefix("fit.").removeprefix("provenance.").removeprefix(".")
             for word in re.findall(r"`([\w.]+)`", text)}  # fmt: skip
    assert {IN_FILES.get(field.name, field.name) for field in fields(kind)} <= named


def test_the_architecture_names_every_room() -> None:
    rooms = re.findall(
        r"^\| `(\w+)` \|", (DOCS / "architecture.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    package = Path(dipsearch.__file__).parent
    assert sorted(rooms) == sorted(path.parent.name for path in package.glob("*/__init__.py"))


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == dipsearch.__version__
    assert citation["cff-version"] == "1.2.0"
