"""`python cli.py …` is the same program as the installed `dipsearch …`."""

import sys

NEEDED = (
    *("PIL", "cloudpickle", "jinja2", "markupsafe", "numpy", "optuna", "plotly", "pydantic", "rich"),
    *("safetensors", "scipy", "skimage", "tifffile", "torch", "tqdm", "typer", "yaml"),
)
"""What `pip install` brings along, by the names that are imported."""


def main() -> None:
    """Run the command line, or say in one line that this Python lacks what it needs."""
    try:
        from dipsearch.commands.main import main as run

        run()
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        sys.exit(_not_installed(error.name))


def _not_installed(name: str) -> int:
    print(
        f"dipsearch is not installed for this Python, which has no {name}: run `make demo` once, "
        "then `.venv/bin/python cli.py …`",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    main()
