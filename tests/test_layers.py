"""The rooms of the house import only leftwards, and everything is importable from where it says."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import dipsearch

PACKAGE = Path(dipsearch.__file__).parent
# A search begins with the networks that are known and ends with an architecture file: it uses the library,
# which knows nothing of searches.
FLOW = (
    "problem", "patches", "network", "fitting", "trials", "library", "planning",
    "proposal", "execution", "delivery", "run", "report", "api", "bench", "commands",
)  # fmt: skip
EVERYBODYS = {"errors", "files", "shipped", "yaml_files"}
# Within the benches: what all share, then what others compare with, then one sub-package for every table.
BENCHES = (
    "shared", "cases", "rivals", "recordings", "tabular.recorded", "tabular.strategies", "tabular.comparisons",
    "operators", "patches", "promises", "interruptions", "answers", "published", "searches",
    "costs", "files", "gate", "warm",
)  # fmt: skip


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).parts
        if len(parts) > 1:
            yield parts[0], path


def imported_rooms(path: Path) -> Iterator[tuple[str, int]]:
    """Every room that a file imports, also inside functions and for type checking, with the line."""
    package = ("dipsearch", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join((*base, *([node.module] if node.module else [])))
            names = (
                [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
                if origin == "dipsearch"
                else [origin]
            )
        for name in names:
            parts = name.split(".")
            if parts[0] == "dipsearch" and len(parts) > 1:
                yield parts[1], node.lineno


@pytest.mark.parametrize(
    ("room", "path"), [pytest.param(r, p, id=str(p.relative_to(PACKAGE))) for r, p in modules()]
)
def test_a_room_imports_only_from_rooms_to_its_left(room: str, path: Path) -> None:
    assert room in FLOW, f"{room} is not a room of the flow"
    for other, line in imported_rooms(path):
        if other in EVERYBODYS or other not in FLOW:
            continue
        assert FLOW.index(other) <= FLOW.index(room), f"{path.name}:{line}: {room} imports {other}"


def test_a_bench_imports_only_from_benches_to_its_left() -> None:
    start = "dipsearch.bench."

    def bench(module: str) -> str | None:
        return next((name for name in BENCHES if f"{module}.".startswith(f"{start}{name}.")), None)

    wrong, counted = [], 0
    for module, imported in module_imports().items():
        if not (own := bench(module)):
            assert module in {"dipsearch.bench", f"{start}tabular"} or not module.startswith(start), module
            continue
        others = [other for other in imported if other.startswith(start)]
        counted += len(others)
        wrong += [
            f"{module} imports {other}"
            for other in others
            if (to := bench(other)) is None or BENCHES.index(to) > BENCHES.index(own)
        ]
    assert not wrong
    assert counted > 100


@pytest.mark.parametrize("name", sorted(EVERYBODYS))
def test_what_belongs_to_everyone_imports_no_room(name: str) -> None:
    assert not {room for room, _ in imported_rooms(PACKAGE / f"{name}.py")} & set(FLOW)


def test_the_rule_would_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (tmp_path / "problem").mkdir()
    file = tmp_path / "problem" / "image.py"
    file.write_text(
        "def f():\n    from ..report import x\n    import dipsearch.run.search_run\n    from .. import library\n"
    )
    assert sorted(imported_rooms(file)) == [("library", 4), ("report", 2), ("run", 3)]


def test_public_names_can_be_had_from_the_top() -> None:
    for name in dipsearch.__all__:
        assert getattr(dipsearch, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dipsearch.nothing


def test_type_checkers_see_the_same_public_names() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == dipsearch._ROOM_OF


def module_imports() -> dict[str, set[str]]:
    """For every module those of ours that it imports, also inside functions; not for type checking alone."""
    paths = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ("dipsearch", *path.relative_to(PACKAGE).with_suffix("").parts)
        paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found: dict[str, set[str]] = {}
    for module, path in paths.items():
        package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        unused = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        names = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and id(node) not in unused:
                base = package[: len(package) - node.level + 1] if node.level else []
                origin = ".".join([*base, *([node.module] if node.module else [])])
                names |= {f"{origin}.{alias.name}" for alias in node.names} | {origin}
        deepest = {name for name in names if name in paths and name != module}
        # Whoever names a module of a package does not need the package's other modules.
        found[module] = {
            name for name in deepest if not any(other.startswith(f"{name}.") for other in deepest)
        }
    return found


def test_no_module_imports_itself_through_others() -> None:
    imports = module_imports()
    sorter = TopologicalSorter({module: imported - {module} for module, imported in imports.items()})
    sorter.prepare()  # raises CycleError, with the circle
    assert len(imports) > 200
