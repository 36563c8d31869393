"""dipsearch restores a damaged image with an untrained network whose architecture it searches.

The rooms, in the order in which a picture passes through them: ``problem`` (what was measured), ``network``
(what may restore it), ``fitting`` (one candidate), ``library`` (what is known and kept), ``search`` (which
candidate), ``report`` (what people look at), ``commands`` (the command line).

The names below are the public ones. They are looked up when first used, so that ``import dipsearch`` and
``dipsearch --help`` do not pay for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import DipsearchError as DipsearchError
    from .errors import FormatError as FormatError
    from .errors import InputError as InputError
    from .errors import ResourceError as ResourceError
    from .errors import StudyError as StudyError
    from .fitting import Fit as Fit
    from .fitting import fit as fit
    from .library import Architecture as Architecture
    from .library import preset as preset
    from .network import Generator as Generator
    from .network import Genome as Genome
    from .network import SearchSpace as SearchSpace
    from .network import build as build
    from .network import load_space as load_space
    from .problem import Case as Case
    from .problem import Problem as Problem
    from .problem import TaskOptions as TaskOptions
    from .problem import load_case as load_case
    from .problem import make_split as make_split
    from .problem import psnr as psnr
    from .problem import read_image as read_image
    from .problem import ssim as ssim
    from .problem import write_image as write_image
    from .report import write_page as write_page
    from .run import Request as Request
    from .run import StudyRecord as StudyRecord
    from .run import read_study as read_study
    from .run import run_restore as run_restore
    from .run import run_search as run_search

__version__ = "0.1.0"

_ROOM_OF = {
    "DipsearchError": "errors",
    "FormatError": "errors",
    "InputError": "errors",
    "ResourceError": "errors",
    "StudyError": "errors",
    "Fit": "fitting",
    "fit": "fitting",
    "Architecture": "library",
    "preset": "library",
    "Generator": "network",
    "Genome": "network",
    "SearchSpace": "network",
    "build": "network",
    "load_space": "network",
    "Case": "problem",
    "Problem": "problem",
    "TaskOptions": "problem",
    "load_case": "problem",
    "make_split": "problem",
    "psnr": "problem",
    "read_image": "problem",
    "ssim": "problem",
    "write_image": "problem",
    "write_page": "report",
    "Request": "run",
    "StudyRecord": "run",
    "read_study": "run",
    "run_restore": "run",
    "run_search": "run",
}

__all__ = ["__version__", *_ROOM_OF]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'dipsearch' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
