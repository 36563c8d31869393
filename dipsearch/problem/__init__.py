"""The problem: what was measured, how, and what of it may judge a restoration.

The leftmost room of the flow. Pictures become tensors (``image``), damage becomes an operator and a noise
model, and the measurement is divided into a part to fit and a part to score (``split``). Metrics against a
reference are here too, but only reports and benchmarks may call them.
"""

from .case import Case, load_case
from .channel_set import ChannelSet, distinct_channels
from .form import Form
from .formats.decoding import stacked_sources
from .formats.image import (
    MAX_PIXELS,
    WRITTEN_SUFFIXES,
    Image,
    image_digest,
    is_sample,
    natural_suffix,
    read_image,
    refuse_unwritable,
    write_image,
)
from .formats.sources import sample_names
from .gate.diagnosis import Branch, Diagnosis
from .gate.impulses import clean_sigma, clean_values
from .gate.noise_classifier import diagnose
from .gate.sigma import SigmaEstimate, estimate_sigma
from .metrics import psnr, psnr_luma, psnr_peak, ssim
from .missing import find_observed, hide_pixels, picture_files, read_mask
from .noise import Gaussian, Impulses, NoiseModel, NoNoise, Poisson, Speckle
from .operators import (
    Blur,
    Downsample,
    Fourier,
    Identity,
    Invertible,
    JpegSet,
    LinearOperator,
    Mask,
    Operator,
    Product,
    Radon,
    cartesian_mask,
    gaussian_kernel,
    least_squares,
    motion_kernel,
    pseudo_inverse,
    read_kernel,
    register,
)
from .picture_range import PictureRange, range_of
from .problem import Problem, crop_problem
from .randomness import generator_for
from .restored_picture import film_names, restored_suffix, stacks_of, unique_names, write_film, write_restored
from .simulation import Damaged, NoiseWord, add_noise, simulate_measurement
from .splits.split import Split, whole
from .splits.splitting import divides_noise, make_split
from .task_options import Task, TaskOptions

__all__ = [
    "MAX_PIXELS",
    "WRITTEN_SUFFIXES",
    "Blur",
    "Branch",
    "Case",
    "ChannelSet",
    "Damaged",
    "Diagnosis",
    "Downsample",
    "Form",
    "Fourier",
    "Gaussian",
    "Identity",
    "Image",
    "Impulses",
    "Invertible",
    "JpegSet",
    "LinearOperator",
    "Mask",
    "NoNoise",
    "NoiseModel",
    "NoiseWord",
    "Operator",
    "PictureRange",
    "Poisson",
    "Problem",
    "Product",
    "Radon",
    "SigmaEstimate",
    "Speckle",
    "Split",
    "Task",
    "TaskOptions",
    "add_noise",
    "cartesian_mask",
    "clean_sigma",
    "clean_values",
    "crop_problem",
    "diagnose",
    "distinct_channels",
    "divides_noise",
    "estimate_sigma",
    "film_names",
    "find_observed",
    "gaussian_kernel",
    "generator_for",
    "hide_pixels",
    "image_digest",
    "is_sample",
    "least_squares",
    "load_case",
    "make_split",
    "motion_kernel",
    "natural_suffix",
    "picture_files",
    "pseudo_inverse",
    "psnr",
    "psnr_luma",
    "psnr_peak",
    "range_of",
    "read_image",
    "read_kernel",
    "read_mask",
    "refuse_unwritable",
    "register",
    "restored_suffix",
    "sample_names",
    "simulate_measurement",
    "ssim",
    "stacked_sources",
    "stacks_of",
    "unique_names",
    "whole",
    "write_film",
    "write_image",
    "write_restored",
]
