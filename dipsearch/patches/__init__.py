"""The patches: what groups of similar patches say of a picture, in seconds and without a network.

They answer first, they are the bar that networks have to clear, and with what networks made as their pilot they
improve it (``polished``). ``answer`` looks at the operator and the noise; below it are block matching (``groups``),
two ways to a first estimate (``collaborative``, ``bayes``), the Wiener filter of groups (``bayes``) and, where
something was not measured, the alternation of that filter with the measurement (``alternation``).
"""

from .answer import Progress, answer, assumed_sigma, met, polished
from .part import fitted_part
from .patch_noise import PatchNoise
from .settings import DEFAULT, HURRIED, QUICK, SHORTENED, PatchSettings, settings_for
from .stabilise import GeneralisedAnscombe, Logarithm, Stabiliser
from .start import first_guess

__all__ = [
    "DEFAULT",
    "HURRIED",
    "QUICK",
    "SHORTENED",
    "GeneralisedAnscombe",
    "Logarithm",
    "PatchNoise",
    "PatchSettings",
    "Progress",
    "Stabiliser",
    "answer",
    "assumed_sigma",
    "first_guess",
    "fitted_part",
    "met",
    "polished",
    "settings_for",
]
