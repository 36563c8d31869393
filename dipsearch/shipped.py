"""Where the files are that come with dipsearch and that people read: ``search_spaces/``.

In a checkout they stand beside the package, where they are easy to find and to edit; a wheel carries them
inside the package. Rooms ask here and need not know which of the two it is.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """Return the folder ``folder`` (for example ``"search_spaces"``) as it came with dipsearch.

    Raises:
        FileNotFoundError: the installation is incomplete; neither place has it.
    """
    for place in (_PACKAGE / folder, _PACKAGE.parent / folder):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"dipsearch was installed without its folder {folder}; install it again")
