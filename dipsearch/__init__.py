"""dipsearch restores a damaged image with an untrained network whose architecture it searches.

From Python, with an array, one's own operator and no reference::

    import dipsearch as ds

    problem = ds.Problem(y, A, noise=ds.Gaussian(25 / 255))
    found = ds.search(problem, budget="4m")
    found.image

The rooms, in the order in which a picture passes through them: ``problem`` (what was measured), ``patches`` (what
groups of similar patches say), ``network`` (what may restore it), ``fitting`` (one candidate), ``trials`` (its files),
``library`` (what is known), ``planning`` (how a budget is spent), ``proposal`` (who comes next), ``execution`` (where
the work is done), ``delivery`` (what is handed over), ``run`` (the run that ties them together), ``report`` (what
people look at), ``api`` (what is called from Python), ``bench`` (evidence), ``commands`` (the command line).

The names below are the public ones. They are looked up when first used, so that ``import dipsearch`` and
``dipsearch --help`` do not pay for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Fitted as Fitted
    from .api import Result as Result
    from .api import fit as fit
    from .api import load as load
    from .api import restore as restore
    from .api import search as search
    from .errors import DipsearchError as DipsearchError
    from .errors import FormatError as FormatError
    from .errors import InputError as InputError
    from .errors import ResourceError as ResourceError
    from .errors import StudyError as StudyError
    from .fitting import Average as Average
    from .fitting import Check as Check
    from .fitting import Decision as Decision
    from .fitting import Ended as Ended
    from .fitting import ExponentialAverage as ExponentialAverage
    from .fitting import Fit as Fit
    from .fitting import StoppingRule as StoppingRule
    from .fitting import ValidationMinimum as ValidationMinimum
    from .fitting import Waiting as Waiting
    from .library import Architecture as Architecture
    from .library import preset as preset
    from .library import preset_names as preset_names
    from .network import Generator as Generator
    from .network import Genome as Genome
    from .network import OwnNetwork as OwnNetwork
    from .network import SearchSpace as SearchSpace
    from .network import build as build
    from .network import load_space as load_space
    from .patches import answer as answer
    from .patches import polished as polished
    from .problem import Blur as Blur
    from .problem import Case as Case
    from .problem import Downsample as Downsample
    from .problem import Fourier as Fourier
    from .problem import Gaussian as Gaussian
    from .problem import Identity as Identity
    from .problem import Impulses as Impulses
    from .problem import JpegSet as JpegSet
    from .problem import LinearOperator as LinearOperator
    from .problem import Mask as Mask
    from .problem import NoiseModel as NoiseModel
    from .problem import NoNoise as NoNoise
    from .problem import Operator as Operator
    from .problem import Poisson as Poisson
    from .problem import Problem as Problem
    from .problem import Product as Product
    from .problem import Radon as Radon
    from .problem import Speckle as Speckle
    from .problem import TaskOptions as TaskOptions
    from .problem import cartesian_mask as cartesian_mask
    from .problem import gaussian_kernel as gaussian_kernel
    from .problem import load_case as load_case
    from .problem import make_split as make_split
    from .problem import motion_kernel as motion_kernel
    from .problem import psnr as psnr
    from .problem import read_image as read_image
    from .problem import read_kernel as read_kernel
    from .problem import register as register
    from .problem import ssim as ssim
    from .problem import write_image as write_image
    from .report import write_page as write_page
    from .run import Request as Request
    from .run import StudyRecord as StudyRecord
    from .run import Trial as Trial
    from .run import read_study as read_study
    from .run import run_restore as run_restore
    from .run import run_search as run_search

__version__ = "0.1.0"

_NAMES = {
    "api": "Fitted Result fit load restore search",
    "errors": "DipsearchError FormatError InputError ResourceError StudyError",
    "fitting": "Average Check Decision Ended ExponentialAverage Fit StoppingRule ValidationMinimum Waiting",
    "library": "Architecture preset preset_names",
    "network": "Generator Genome OwnNetwork SearchSpace build load_space",
    "patches": "answer polished",
    "problem": (
        "Blur Case Downsample Fourier Gaussian Identity Impulses JpegSet LinearOperator Mask NoNoise "
        "NoiseModel Operator Poisson Problem Product Radon Speckle TaskOptions cartesian_mask "
        "gaussian_kernel load_case make_split motion_kernel psnr read_image read_kernel register ssim "
        "write_image"
    ),
    "report": "write_page",
    "run": "Request StudyRecord Trial read_study run_restore run_search",
}
_ROOM_OF = {name: room for room, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *_ROOM_OF]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'dipsearch' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
