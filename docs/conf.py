"""How Sphinx builds the pages of this folder: `make docs` writes them to docs/_build/html.

Nothing is fetched from the network, neither while building nor while reading: formulas are drawn when the pages are
built, and no other project is asked for its names.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from dipsearch import __version__

project = "dipsearch"
author = "The dipsearch authors"
project_copyright = author
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "constants",
    "docstrings",
    "formulas",
    "notebooks",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
templates_path = ["_templates"]

# Pages are Markdown; a heading can be linked to as page.md#its-words.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"dipsearch {release}"
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "drawn"

# `fit` and `Fit` would be one file where the case of letters does not count.
autosummary_filename_map = {"dipsearch.fit": "dipsearch.fit_function"}

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 90
python_use_unqualified_type_names = True

napoleon_numpy_docstring = False
napoleon_use_ivar = True  # fields of dataclasses are listed, not each made an entry of its own
napoleon_attr_annotations = False  # the signature says their types
default_role = "code"  # single backticks in docstrings

# Every link has to lead somewhere. What a signature names beside the public names, a tensor or an inner type, has no
# page here; public names are `dipsearch.Name` and `dipsearch.Name.member`, and those are never let through.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!dipsearch\.[A-Za-z_]+$|dipsearch\.[A-Z]\w*\.\w+$).*")]
