"""The problem: what was measured, how, and what of it may judge a restoration.

The leftmost room of the flow. Pictures become tensors (``image``), damage becomes an operator and a noise
model, and the measurement is divided into a part to fit and a part to score (``split``). Metrics against a
reference are here too, but only reports and benchmarks may call them.
"""

from .case import Case as Case
from .case import load_case as load_case
from .channel_set import distinct_channels as distinct_channels
from .form import Form as Form
from .formats.decoding import stacked_sources as stacked_sources
from .formats.image import WRITTEN_SUFFIXES as WRITTEN_SUFFIXES
from .formats.image import Image as Image
from .formats.image import image_digest as image_digest
from .formats.image import natural_suffix as natural_suffix
from .formats.image import read_image as read_image
from .formats.image import refuse_unwritable as refuse_unwritable
from .formats.image import write_image as write_image
from .formats.sources import is_sample as is_sample
from .gate.diagnosis import Diagnosis as Diagnosis
from .gate.impulses import clean_sigma as clean_sigma
from .gate.noise_classifier import diagnose as diagnose
from .gate.sigma import estimate_sigma as estimate_sigma
from .metrics import psnr as psnr
from .metrics import psnr_luma as psnr_luma
from .metrics import psnr_peak as psnr_peak
from .metrics import ssim as ssim
from .missing import picture_files as picture_files
from .noise import Gaussian as Gaussian
from .noise import Impulses as Impulses
from .noise import NoiseModel as NoiseModel
from .noise import NoNoise as NoNoise
from .noise import Poisson as Poisson
from .noise import Speckle as Speckle
from .operators import Blur as Blur
from .operators import Downsample as Downsample
from .operators import Fourier as Fourier
from .operators import Identity as Identity
from .operators import JpegSet as JpegSet
from .operators import LinearOperator as LinearOperator
from .operators import Mask as Mask
from .operators import Operator as Operator
from .operators import Product as Product
from .operators import Radon as Radon
from .operators import cartesian_mask as cartesian_mask
from .operators import gaussian_kernel as gaussian_kernel
from .operators import least_squares as least_squares
from .operators import motion_kernel as motion_kernel
from .operators import pseudo_inverse as pseudo_inverse
from .operators import read_kernel as read_kernel
from .operators import register as register
from .picture_range import range_of as range_of
from .plane_words import Stack as Stack
from .plane_words import in_lines as in_lines
from .plane_words import planes_together as planes_together
from .plane_words import together as together
from .problem import Problem as Problem
from .problem import crop_problem as crop_problem
from .randomness import generator_for as generator_for
from .restored_picture import film_names as film_names
from .restored_picture import left_out as left_out
from .restored_picture import restored_suffix as restored_suffix
from .restored_picture import stacks_of as stacks_of
from .restored_picture import unique_names as unique_names
from .restored_picture import write_film as write_film
from .restored_picture import write_restored as write_restored
from .simulation import Damaged as Damaged
from .simulation import NoiseWord as NoiseWord
from .simulation import add_noise as add_noise
from .simulation import simulate_measurement as simulate_measurement
from .splits.split import Split as Split
from .splits.split import whole as whole
from .splits.splitting import divides_noise as divides_noise
from .splits.splitting import make_split as make_split
from .task_options import Task as Task
from .task_options import TaskOptions as TaskOptions
