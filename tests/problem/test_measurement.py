"""A measurement as a person has it: arrays of any kind become a problem; what cannot be used is refused in words."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.problem import (
    Blur,
    Downsample,
    Fourier,
    Gaussian,
    Impulses,
    LinearOperator,
    Mask,
    NoiseModel,
    NoNoise,
    Poisson,
    Problem,
    Product,
    Speckle,
    gaussian_kernel,
    make_split,
    register,
)

HEIGHT, WIDTH = 24, 32
MIRRORED = (lambda x: x.flip(-1), lambda y: y.flip(-1))


@pytest.fixture
def clean():
    """(24, 32) float64 from 0.05 to 0.95: a ramp with a little texture."""
    ramp = np.add.outer(np.linspace(0, 0.4, HEIGHT), np.linspace(0, 0.4, WIDTH))
    return 0.05 + ramp + 0.1 * np.random.default_rng(0).random((HEIGHT, WIDTH))


def refused(*args, **keywords) -> str:
    """The sentence of a refusal, which has the three parts that every one has."""
    with pytest.raises(InputError) as caught:
        Problem(*args, **keywords)
    error = caught.value
    assert error.given and error.rule and error.fix and "\n" not in str(error)
    return str(error)


# -- form ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "float16", "float32", "float64", ">f4", ">u2", "int16", "int32"]
)
@pytest.mark.parametrize(
    "shape", [(HEIGHT, WIDTH), (HEIGHT, WIDTH, 1), (HEIGHT, WIDTH, 3), (HEIGHT, WIDTH, 5)]
)
def test_a_numpy_picture_comes_back_as_it_was(clean, dtype, shape):
    largest = 1 if "f" in dtype else 250
    each = (
        1 - 0.1 * np.arange(shape[2]) if len(shape) == 3 else 1.0
    )  # equal channels would be worked on as one
    y = clean.reshape(HEIGHT, WIDTH, *[1] * (len(shape) - 2)) * each * largest
    y = y.round(0 if largest > 1 else 9).astype(dtype)
    problem = Problem(y, noise=Gaussian(0.1 * largest))
    assert problem.y.shape == problem.image_shape == (1, shape[2] if len(shape) == 3 else 1, HEIGHT, WIDTH)
    back = problem.form.back(problem.y)
    assert isinstance(back, np.ndarray) and back.shape == shape
    assert back.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.abs(back.astype(float) - y).max() < 1e-5 * largest


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH), (3, HEIGHT, WIDTH), (1, 3, HEIGHT, WIDTH)])
def test_a_tensor_comes_back_as_it_was(clean, dtype, shape):
    y = (torch.from_numpy(clean) * (1 if dtype.is_floating_point else 250)).expand(shape).to(dtype)
    problem = Problem(y, noise=Gaussian(0.5))
    back = problem.form.back(problem.y)
    assert isinstance(back, torch.Tensor) and back.shape == shape and back.dtype == dtype
    assert float((back.double() - y.double()).abs().max()) < 1e-4


def test_what_is_no_array_is_made_one(clean):
    assert Problem(clean.tolist(), noise=Gaussian(0.1)).y.shape == (1, 1, HEIGHT, WIDTH)
    turned = Problem(clean[::-1, ::-1], noise=Gaussian(0.1))  # strides that a tensor cannot have
    assert torch.allclose(turned.y[0, 0], torch.from_numpy(clean[::-1, ::-1].copy()).float())


def test_the_array_and_its_gradient_are_left_alone(clean):
    y = torch.from_numpy(clean).requires_grad_()
    problem = Problem(y, noise=Gaussian(0.1))
    assert not problem.y.requires_grad and y.requires_grad
    before = clean.copy()
    Problem(np.where(clean > 0.5, np.nan, clean), Mask(clean <= 0.5))
    assert np.array_equal(clean, before)


def test_a_complex_picture_has_a_complex_image(clean):
    y = (clean + 1j * clean[::-1]).astype(np.complex64)
    problem = Problem(y, noise=Gaussian(0.1))
    assert problem.image_shape == (1, 2, HEIGHT, WIDTH)
    back = problem.form.back(problem.y)
    assert back.dtype == np.complex64 and back.shape == y.shape and np.allclose(back, y, atol=1e-6)


def test_complex_samples_of_a_real_image_have_a_real_image(clean):
    spectrum = np.fft.fft2(clean, norm="ortho")
    problem = Problem(spectrum, Fourier(np.ones((HEIGHT, WIDTH))), Gaussian(0.01))
    back = problem.form.back(torch.zeros(problem.image_shape))
    assert back.dtype == np.float64 and back.shape == (HEIGHT, WIDTH)


# -- range ---------------------------------------------------------------------------------------------------


def test_eight_bits_are_from_0_to_255(clean):
    problem = Problem((clean * 255).astype(np.uint8), noise=Gaussian(25))
    assert (problem.form.low, problem.form.high) == (0, 255)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.3, 1.3), (0.2, 0.8)])
def test_floats_about_from_0_to_1_keep_their_range(clean, low, high):
    y = low + (high - low) * (clean - clean.min()) / np.ptp(clean)
    problem = Problem(y, noise=Gaussian(0.1))
    assert (problem.form.low, problem.form.high) == (0, 1)


@pytest.mark.parametrize(
    ("scale", "shift"), [(4000, 0), (2000, -1000), (255, 0), (1e-3, 0), (1e-6, 0), (0.1, 0)]
)
def test_other_numbers_have_a_range_of_their_own(clean, scale, shift):
    problem = Problem(clean * scale + shift, noise=Gaussian(0.05 * scale))
    assert 0 < float(problem.y.min()) < 0.05 and 0.95 < float(problem.y.max()) < 1
    span = problem.form.high - problem.form.low
    assert problem.noise.sigma == pytest.approx(0.05 * scale / span)
    assert np.allclose(problem.form.back(problem.y), clean * scale + shift, atol=1e-5 * scale)


def test_an_end_where_values_were_cut_off_stays_where_it_is(clean):
    problem = Problem(np.clip(clean, 0.2, 1) * 1000, noise=Gaussian(20))
    assert problem.form.low == pytest.approx(200) and problem.form.high > 1000 * clean.max()


@pytest.mark.parametrize("value", [0.0, 0.5, 7.0, 1e6])
def test_a_constant_picture_has_a_range(value):
    problem = Problem(np.full((HEIGHT, WIDTH), value), noise=Gaussian(0.1))
    assert problem.form.high - problem.form.low == 1 and torch.isfinite(problem.y).all()


def test_a_range_can_be_given(clean):
    problem = Problem(clean, noise=Gaussian(0.1), data_range=(-1, 3))
    assert (problem.form.low, problem.form.high) == (-1, 3)
    assert problem.noise.sigma == pytest.approx(0.025)
    assert np.allclose(problem.y[0, 0], (clean + 1) / 4, atol=1e-6)


@pytest.mark.parametrize("given", [(1, 0), (0, np.nan), (0, np.inf), 1.0, (0, 1, 2), "0-1", (None, 1)])
def test_a_range_is_two_finite_numbers(clean, given):
    assert refused(clean, noise=Gaussian(0.1), data_range=given).startswith("data_range is ")


# -- noise ---------------------------------------------------------------------------------------------------


def test_sigma_of_eight_bits_is_in_grey_levels_or_a_share_of_them(clean):
    y = (clean * 255).astype(np.uint8)
    for sigma in (25, 25 / 255):
        assert Problem(y, noise=Gaussian(sigma)).noise.sigma == pytest.approx(25 / 255)


def test_sigma_of_sixteen_bits_is_in_counts_or_a_share_of_65535(clean):
    y = (clean * 65535).astype(np.uint16)
    span = Problem(y, noise=Gaussian(1000)).form
    for sigma in (6425, 25 / 255):
        assert Problem(y, noise=Gaussian(sigma)).noise.sigma == pytest.approx(
            6425 / (span.high - span.low), 1e-3
        )


def test_a_share_that_is_more_than_the_range_of_twelve_bits_in_sixteen_is_refused(clean):
    y = (clean * 4095).astype(np.uint16)
    assert "give sigma in the units of y" in refused(y, noise=Gaussian(25 / 255))
    assert Problem(y, noise=Gaussian(400)).noise.sigma == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(("sigma", "scale"), [(25, 1), (6425, 4095)])
def test_noise_that_is_stronger_than_the_image_is_refused(clean, sigma, scale):
    said = refused(clean * scale, noise=Gaussian(sigma))
    assert said.startswith(f"sigma is {sigma}; it is in the units of y")
    masked = refused(clean * scale, Mask(clean > 0.3), noise=Gaussian(sigma))
    assert masked.startswith(f"sigma is {sigma}; it is in the units of y")


@pytest.mark.parametrize("scale", [1, 255, 4095])
def test_noise_that_is_not_what_was_given_is_wondered_at(clean, scale):
    y = (clean + 0.05 * np.random.default_rng(0).normal(size=clean.shape)) * scale
    y = y.clip(0, 255).astype(np.uint8) if scale == 255 else y
    with pytest.warns(UserWarning, match="what was given is used") as heard:
        problem = Problem(y, noise=Gaussian(0.3 * scale))
    assert [one.filename for one in heard] == [__file__]
    assert problem.doubt.startswith(f"sigma {0.3 * scale:.6g} was given, but two estimates are ")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Problem(y, noise=Gaussian(0.05 * scale)).doubt == Problem(y).doubt == ""
        assert Problem(y, Mask(clean > 0.3), noise=Gaussian(0.3 * scale)).doubt == ""


def test_a_gain_that_is_not_that_of_the_counts_is_wondered_at(clean):
    y = np.random.default_rng(0).poisson(np.kron(30 * clean, np.ones((4, 4)))).astype(np.uint16)
    with pytest.warns(
        UserWarning, match=r"the gain 3 was given, but .* say 1(\.\d+)?; what was given is used"
    ):
        Problem(y, noise=Poisson(3))
    assert Problem(y, noise=Poisson(1)).doubt == ""


def test_counts_begin_at_none_and_a_count_is_one(clean):
    y = np.random.default_rng(0).poisson(30 * clean).astype(np.uint16)
    problem = Problem(y, noise=Poisson(1))
    assert problem.form.low == 0 and problem.noise.gain == pytest.approx(1 / y.max())
    assert make_split(problem, seed=0).kind == "thinning"
    assert Problem(np.zeros((HEIGHT, WIDTH), np.uint16), noise=Poisson(1)).noise.gain == 1


def test_impulses_keep_the_sigma_of_the_others(clean):
    problem = Problem((clean * 255).astype(np.uint8), noise=Impulses(5))
    assert problem.noise.kind == "impulse" and problem.noise.sigma == pytest.approx(5 / 255)


@pytest.mark.parametrize("noise", [0.1, "gaussian", Gaussian])
def test_the_noise_is_one_of_ours(clean, noise):
    assert "dipsearch.Gaussian(25 / 255)" in refused(clean, noise=noise)


@pytest.mark.parametrize("sigma", [-1, float("nan"), float("inf"), "25", None])
def test_sigma_is_a_number_from_0_on(sigma):
    with pytest.raises(InputError, match="sigma is"):
        Gaussian(sigma)


def test_no_sigma_is_no_noise(clean):
    assert Gaussian(0) == NoNoise()
    assert Problem(clean, noise=Gaussian(0)).noise.kind == "none"


def test_noise_that_is_not_given_is_found_out_or_asked_for(clean):
    noisy = clean + 0.05 * np.random.default_rng(1).normal(size=clean.shape)
    assert Problem(noisy).noise.sigma == pytest.approx(0.05, rel=0.4)
    assert Problem(noisy, Mask(clean > 0.4)).noise.kind == "none"
    assert Problem(noisy[:12, :16], Downsample(2, (HEIGHT, WIDTH))).noise.kind == "none"
    assert Problem(noisy, Blur(gaussian_kernel(1.0))).noise.source == "estimated"
    assert refused(noisy, MIRRORED).startswith("noise was not given")


def test_behind_a_blur_whole_numbers_are_never_taken_as_exact(clean):
    blur = Blur(gaussian_kernel(1.0))
    half_a_level = pytest.approx(0.5 / 255)
    flat = np.full((HEIGHT, WIDTH), 90, np.uint8)  # of which noise is estimated as 0
    assert Problem(flat, blur).noise.sigma == half_a_level
    assert Problem(flat, blur, NoNoise()).noise.sigma == half_a_level
    sixteen = Problem(flat.astype(np.uint16), blur, NoNoise(), data_range=(0, 65535))
    assert sixteen.noise.sigma == pytest.approx(0.5 / 65535)
    assert Problem(flat, blur, Gaussian(3)).noise.sigma == pytest.approx(3 / 255)
    assert Problem(flat, noise=NoNoise()).noise.kind == "none"
    # Floats may be exact, if somebody says so.
    assert Problem(clean, blur, NoNoise()).noise.kind == "none"
    assert Problem(np.full((HEIGHT, WIDTH), 0.3), blur).noise.sigma == half_a_level


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (None, "y is None"),
        ("x.png", "y has the type <U5"),
        ([[1, 2], [3]], "y is no array"),
        (3.0, "y has the shape ()"),
        (np.zeros((0, 8)), "y has the shape (0, 8)"),
        (np.zeros(64), "y has the shape (64,)"),
        (np.zeros((9, 9), bool), "y has the type bool"),
        (torch.zeros(9, 9, dtype=torch.bool), "y has the type bool"),
        (np.zeros((9, 9), "M8[s]"), "y has the type datetime64[s]"),
        (torch.zeros(2, 3, 9, 9), "y has the shape (2, 3, 9, 9)"),
        (torch.zeros(1, 1, 1, 9, 9), "y has the shape (1, 1, 1, 9, 9)"),
        (torch.zeros(9, 9).to_sparse(), "y is no plain tensor"),
        (np.zeros((7, 9)), "the image is 9 × 7"),
        (np.zeros((3, 24, 32)), "the image is 24 × 3"),  # a NumPy array has its channels last
    ],
)
def test_what_is_no_measurement_is_refused(y, said):
    assert refused(y, noise=Gaussian(0.1)).startswith(said)


def test_a_masked_array_is_told_of_masks(clean):
    y = np.ma.masked_array(clean, clean > 0.5)
    assert "dipsearch.Mask(~numpy.ma.getmaskarray(y))" in refused(y, noise=Gaussian(0.1))
    assert Problem(y.data, Mask(~np.ma.getmaskarray(y))).task == "inpaint"


@pytest.mark.parametrize(
    ("broken", "advice"),
    [
        (lambda y: y, "dipsearch.Mask(numpy.isfinite(y))"),
        (lambda y: np.stack([y, y, y], -1), "dipsearch.Mask(numpy.isfinite(y).all(-1))"),
        (torch.from_numpy, "dipsearch.Mask(y.isfinite())"),
        (lambda y: torch.from_numpy(np.stack([y, y])), "dipsearch.Mask(y.isfinite().all(0))"),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_advice_for_values_that_are_not_finite_can_be_followed(clean, broken, advice, value):
    y = broken(np.where(clean > 0.8, value, clean))
    assert advice in refused(y, Mask(np.ones_like(clean, dtype=bool)), noise=Gaussian(0.1))
    mask = eval(advice.removeprefix("dipsearch.Mask"), {"numpy": np, "y": y})
    problem = Problem(y, Mask(mask), Gaussian(0.1))
    assert torch.isfinite(problem.y).all() and float(problem.observed.mean()) == pytest.approx(
        (clean <= 0.8).mean()
    )


def test_values_that_are_not_finite_cannot_be_masked_out_of_an_own_operator(clean):
    assert "leave them out of y" in refused(np.where(clean > 0.8, np.nan, clean), MIRRORED, Gaussian(0.1))


# -- operators -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mask", [np.ones((HEIGHT - 1, WIDTH)), np.ones((WIDTH, HEIGHT)), np.ones((HEIGHT, 1)), np.ones((1, 1))]
)
def test_a_mask_has_the_size_of_y(clean, mask):
    assert "the mask" in refused(clean, Mask(mask)) or "cannot be applied" in refused(clean, Mask(mask))


def test_a_mask_measures_something(clean):
    assert refused(clean, Mask(np.zeros((HEIGHT, WIDTH)))).startswith("nothing was measured")


def test_a_mask_of_channels_fits_them(clean):
    y, mask = torch.from_numpy(clean).expand(3, -1, -1), torch.ones(1, 3, HEIGHT, WIDTH)
    mask[0, 1, :4] = 0
    problem = Problem(y, Mask(mask))
    assert torch.equal(problem.observed, mask) and float(problem.y[0, 1, :4].abs().max()) == 0
    refused(y, Mask(torch.ones(1, 4, HEIGHT, WIDTH)))
    refused(torch.from_numpy(clean), Mask(mask))


def test_hidden_values_do_not_count_for_the_range(clean):
    problem = Problem(np.where(clean > 0.5, -9999, 400 * clean), Mask(clean <= 0.5))
    assert problem.form.low > 0 and problem.form.high < 250


def test_y_is_what_the_operator_returns(clean):
    operator = Downsample(2, (HEIGHT, WIDTH))
    assert Problem(clean[:12, :16], operator).image_shape == (1, 1, HEIGHT, WIDTH)
    assert "(1, 1, 12, 16)" in refused(clean[:11, :16], operator)
    refused(np.stack([clean[:12, :16]] * 3, -1), operator)
    refused(clean, Fourier(np.ones((HEIGHT, WIDTH))), Gaussian(0.1))


@pytest.mark.parametrize("given", [object(), "blur", np.eye(3), lambda x: x, [*MIRRORED], (*MIRRORED, 1)])
def test_an_operator_is_a_pair_or_has_both_methods(clean, given):
    assert refused(clean, given, Gaussian(0.1)).startswith("the operator is ")


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH - 1), 24, "a", (-1, 3), (24.5, 32)])
def test_an_image_shape_belongs_to_y(clean, shape):
    assert "image" in refused(clean, None, Gaussian(0.1), image_shape=shape)


def test_an_own_operator_takes_the_pictures_that_ours_take(clean):
    colour = np.stack([clean, clean, clean], -1).astype(np.float32)
    for problem in (
        Problem(colour, MIRRORED, Gaussian(0.1)),
        Problem(colour, MIRRORED, Gaussian(0.1), image_shape=(3, HEIGHT, WIDTH)),
    ):
        assert problem.image_shape == (1, 3, HEIGHT, WIDTH)
        back = problem.form.back(problem.y)
        assert (
            back.dtype == np.float32 and back.shape == colour.shape and np.allclose(back, colour, atol=1e-6)
        )


def test_a_measurement_by_an_own_operator_may_be_a_vector(clean):
    A = np.random.default_rng(0).normal(size=(500, HEIGHT * WIDTH)) / 28
    pair = (lambda x: A @ np.asarray(x).ravel(), lambda y: (A.T @ np.asarray(y)).reshape(HEIGHT, WIDTH))
    for keywords in ({}, {"image_shape": (HEIGHT, WIDTH)}):
        problem = Problem(A @ clean.ravel(), pair, Gaussian(0.01), **keywords)
        assert problem.y.shape == (1, 1, 1, 500) and problem.image_shape == (1, 1, HEIGHT, WIDTH)
        assert problem.form.back(torch.zeros(problem.image_shape)).shape == (HEIGHT, WIDTH)
    refused(A[:-1] @ clean.ravel(), pair, Gaussian(0.01))


def test_an_own_operator_does_not_move_the_range(clean):
    problem = Problem(2 * clean * 4000, (lambda x: 2 * x, lambda y: 2 * y), Gaussian(80))
    assert problem.form.low < 4000 * clean.min() + 200 and problem.form.high > 4000 * clean.max() - 200
    x = torch.from_numpy(clean)[None, None]
    inside = (x * 4000 - problem.form.low) / (problem.form.high - problem.form.low)
    assert torch.allclose(problem.operator.A(inside.float()), problem.y, atol=1e-4)


def test_a_complex_image_may_have_its_shape_told(clean):
    y = torch.fft.fft2(torch.from_numpy(clean).to(torch.complex64), norm="ortho")
    operator = LinearOperator(
        lambda x: torch.fft.fft2(x, norm="ortho"),
        lambda y: torch.fft.ifft2(y, norm="ortho"),
        complex_image=True,
    )
    problem = Problem(y, operator, Gaussian(0.01), image_shape=(HEIGHT, WIDTH))
    assert problem.image_shape == (1, 2, HEIGHT, WIDTH) and problem.form.complex_values
    assert problem.form.back(torch.zeros(problem.image_shape)).dtype == torch.complex64


def test_registered_classes_of_others_are_tried_as_pairs_are(clean):
    @register("a wrong adjoint of test_measurement")
    class Wrong:
        def A(self, x):
            return 2 * x

        def A_adjoint(self, y):
            return y

        def to(self, device):
            return self

        def to_arrays(self):
            return {}

        @classmethod
        def from_arrays(cls, arrays):
            return cls()

    assert refused(clean, Wrong(), Gaussian(0.1)).startswith("A_adjoint is not the adjoint")
    assert Problem(clean, Wrong(), Gaussian(0.1), check=False).task == "invert"


def test_strong_noise_does_not_make_a_range_of_its_own(clean):
    noise = 0.35 * np.random.default_rng(0).standard_normal(clean.shape)
    assert (clean + noise).min() < -0.5
    form = Problem(clean + noise, None, Gaussian(0.35)).form
    assert (form.low, form.high) == (0, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Gaussian("x"), lambda: Gaussian(-1), lambda: Gaussian(float("nan")), lambda: Gaussian(True),
        lambda: Poisson("x"), lambda: Poisson(-1), lambda: Poisson(0), lambda: Impulses(-5), lambda: Mask(None),
        lambda: Mask("x"), lambda: Downsample(1.5, (24, 32)), lambda: Downsample("2", (24, 32)),
    ],
)  # fmt: skip
def test_what_makes_a_problem_refuses_nonsense_by_itself(make):
    with pytest.raises(InputError, match=r"^(sigma|gain|the gain|the mask|the factor)"):
        make()


def test_speckle_is_a_share_in_any_units_and_needs_a_range_that_begins_at_zero(clean):
    problem = Problem(200 * clean, noise=Speckle(0.2), data_range=(0, 255))
    assert problem.noise.share == 0.2 and "noise speckle of 20% (given)" in str(problem)
    with pytest.raises(InputError, match=r"begins at 10; .* give data_range=\(0, 255\)"):
        Problem(10 + 200 * clean, noise=Speckle(0.2), data_range=(10, 255))
    for wrong, said in (
        (0, "the speckle is 0"),
        (-1, "a number from 0 on, without a unit"),
        ("a", "share is 'a'"),
    ):
        with pytest.raises(InputError, match=said):
            Speckle(wrong)


# -- factors of one's own in a product -------------------------------------------------------------------------

SHAPE = (1, 1, HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ((lambda x: 2 * x, lambda y: y), "A_adjoint is not the adjoint of A"),
        ((lambda x: x**2, lambda y: y), "A is not linear"),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_a_wrong_factor_of_a_product_is_found(clean, pair, said, last):
    own, seen = LinearOperator(*pair, image_shape=SHAPE), Mask(np.ones((HEIGHT, WIDTH)))
    product = Product(seen, own) if last else Product(own, seen)
    assert said in refused(clean, product, Gaussian(0.1), image_shape=SHAPE)
    assert Problem(clean, product, Gaussian(0.1), image_shape=SHAPE, check=False).image_shape == SHAPE


class Louder:
    """A factor in NumPy that makes 50 of 1; it has no ``to``."""

    def A(self, x):
        return 50 * np.asarray(x)

    A_adjoint = A


def test_a_product_with_a_large_factor_of_ones_own_is_as_that_factor_alone(clean):
    y = 50 * clean
    seen = np.random.default_rng(0).random(clean.shape) < 0.7
    product = Product(Mask(seen), Louder())
    made = Problem(y * seen, product, Gaussian(5), image_shape=clean.shape)
    assert torch.equal(made.observed[0, 0].bool(), torch.from_numpy(seen))
    divisor = made.operator.divisor
    assert product.divisor == 1 and 25 < divisor < 50  # of zeros it makes zeros
    assert made.noise.sigma == pytest.approx(5 / divisor) and "sigma 5 (given)" in str(made)
    assert (made.form.low, made.form.high) == (0, 1)
    assert np.allclose(made.y[0, 0], y * seen / divisor, atol=1e-6)


def test_a_product_does_not_remember_the_image_of_an_earlier_problem(clean):
    product = Product(Blur(gaussian_kernel(1)), Louder())
    for y in (50 * clean, 50 * clean[:16]):
        assert Problem(y, product, Gaussian(5), image_shape=y.shape).y.shape[-2:] == y.shape


def test_zeros_of_an_own_outermost_factor_do_not_count_as_measured(clean):
    def first_rows(x):
        return torch.cat([x[..., :16, :], torch.zeros_like(x[..., 16:, :])], -2)

    blur = Blur(gaussian_kernel(1))
    y = first_rows(blur.A(torch.from_numpy(clean)[None, None].float()))
    own = LinearOperator(first_rows, first_rows, image_shape=SHAPE)
    made = Problem(y, Product(own, blur), Gaussian(0.1))
    assert bool((made.observed[..., :16, :] == 1).all()) and bool((made.observed[..., 16:, :] == 0).all())


# -- counts --------------------------------------------------------------------------------------------------


def test_there_are_never_fewer_photons_than_none(clean):
    y = np.random.default_rng(0).poisson(20 * clean).astype(float)
    y[0, :3] = -2
    said = refused(y, noise=Poisson(1))
    assert "3 values of y are below -0.5, down to -2" in said and "offset" in said
    assert "below -25, down" in refused(50 * y, Louder(), Poisson(50))
    y[0, :3] = -0.4  # none, up to rounding
    assert Problem(y, noise=Poisson(1)).noise.kind == "poisson"
    dark = NoiseModel("poisson", gain=1.0, offset=-5.0, read_sigma=2.0)
    assert Problem(y - 5, noise=dark).noise.read_sigma > 0


def test_a_number_may_be_a_tensor_and_a_mask_is_no_operator(clean):
    for sigma in (torch.tensor(0.1), np.array(0.1), np.float32(0.1)):
        assert Gaussian(sigma).sigma == pytest.approx(0.1)
    for mask in (clean > 0.3, torch.from_numpy(clean > 0.3)):
        assert "of the type bool" in (said := refused(clean, mask)) and said.endswith(
            "write dipsearch.Mask(mask)"
        )
    assert refused(None).startswith("y is None; it is what was measured")
