"""What a wheel carries: the package, the search spaces, the published networks, the page's style; and a source
distribution: all that its tests, its pages and ``make`` read."""

import ast
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from dipsearch.shipped import shipped

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of this checkout was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("dipsearch", "search_spaces"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "absent from the `packages` configuration" not in done.stderr + done.stdout
    with zipfile.ZipFile(source / done.stdout.splitlines()[-1]) as wheel:
        wheel.extractall(folder / "installed")
    return folder / "installed"


def in_package(folder: Path, pattern: str) -> set[str]:
    return {
        str(path.relative_to(folder)) for path in folder.rglob(pattern) if "__pycache__" not in path.parts
    }


def test_a_wheel_carries_everything_that_the_checkout_has(installed: Path) -> None:
    for pattern in ("*.py", "*.yaml", "*.css", "*.js", "*.html", "py.typed", "*.json", "*.safetensors"):
        ours = in_package(ROOT / "dipsearch", pattern)
        if pattern == "*.yaml":
            ours |= {f"search_spaces/{name}" for name in in_package(ROOT / "search_spaces", pattern)}
        assert in_package(installed / "dipsearch", pattern) == ours
    assert sorted(path.name for path in installed.iterdir() if path.suffix != ".dist-info") == ["dipsearch"]


def test_the_wheel_knows_its_command_and_its_licence(installed: Path) -> None:
    (about,) = installed.glob("*.dist-info")
    assert "dipsearch = dipsearch.commands.main:main" in (about / "entry_points.txt").read_text()
    metadata = (about / "METADATA").read_text(encoding="utf-8")
    assert "License-Expression: Apache-2.0" in metadata
    assert (about / "licenses" / "LICENSE").is_file()


def test_search_spaces_are_found_from_a_wheel(installed: Path) -> None:
    probe = "from dipsearch.shipped import shipped; print(shipped('search_spaces'))"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=installed, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == installed / "dipsearch" / "search_spaces"


def test_search_spaces_are_found_from_a_checkout() -> None:
    assert shipped("search_spaces") == ROOT / "search_spaces"
    with pytest.raises(FileNotFoundError, match="install it again"):
        shipped("nothing")


def test_a_source_distribution_carries_what_its_tests_and_pages_read(tmp_path: Path) -> None:
    folders = ("dipsearch", "search_spaces", "tests", "docs")
    source = tmp_path / "source"
    made = shutil.ignore_patterns("__pycache__", "_build", "generated")
    for name in folders:
        shutil.copytree(ROOT / name, source / name, ignore=made)
    files = {path.name for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")}
    files |= {f"studies/{path.name}" for path in (ROOT / "studies").iterdir() if path.is_file()}
    benchmarks = {f"benchmarks/{path.name}" for path in (ROOT / "benchmarks").iterdir() if path.is_file()}
    for name in files | benchmarks:
        (source / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build = "from setuptools import build_meta; print(build_meta.build_sdist('.'))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    archive = source / done.stdout.splitlines()[-1]
    with tarfile.open(archive) as tar:
        there = {str(Path(*Path(name).parts[1:])) for name in tar.getnames()}
    assert files <= there
    assert benchmarks - there == {"benchmarks/table.npz"}  # it is larger than all the rest
    for folder in folders:
        assert {f"{folder}/{name}" for name in in_package(source / folder, "*.*")} <= there
    assert archive.stat().st_size < 6_000_000


def test_the_list_of_packages_is_complete() -> None:
    # Folders that hold data alone count, too.
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "dipsearch").rglob("*.*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(SETTINGS["tool"]["setuptools"]["packages"]) == found | {"dipsearch.search_spaces"}


def test_what_is_tested_satisfies_what_is_required() -> None:
    pins = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    project = SETTINGS["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {requirement.split(">=")[0].split("[")[0].lower() for requirement in required}
    assert names <= pins
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()


def test_the_version_can_be_read_without_importing() -> None:
    tree = ast.parse((ROOT / "dipsearch" / "__init__.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert any(getattr(node.targets[0], "id", "") == "__version__" for node in assigned)
