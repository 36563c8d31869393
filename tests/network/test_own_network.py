"""One's own network: any module with its input, copied, fitted in 32 bits, and refused in words."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
import torch
from torch import nn

from dipsearch.errors import InputError
from dipsearch.fitting import OngoingFit, fit
from dipsearch.network import OwnNetwork, as_network
from dipsearch.problem import Gaussian, Problem, make_split


def small(channels=32, out=1):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, out, 1), nn.Sigmoid())


class Squared(nn.Module):
    """A module without an image in its input: a vector becomes (1, 1, 16, 16)."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.line = nn.Linear(10, 256)

    def forward(self, z):
        return torch.sigmoid(self.line(z)).view(1, 1, 16, 16)


@pytest.fixture(scope="module")
def problem():
    y = 0.2 + 0.6 * torch.rand(16, 16, generator=torch.Generator().manual_seed(1))
    return Problem(y, noise=Gaussian(0.1))


def fitted(network, problem, **keywords):
    return fit(as_network(network), problem, split=make_split(problem, seed=0), max_steps=30, **keywords)


def test_a_module_alone_gets_uniform_noise_of_the_size_of_the_image():
    z = OwnNetwork(small()).input(height=16, width=20, seed=3)
    assert z.shape == (1, 32, 16, 20) and 0 <= float(z.min()) < 0.001 and 0.099 < float(z.max()) < 0.1
    assert torch.equal(z, OwnNetwork(small()).input(height=16, width=20, seed=3))
    assert not torch.equal(z, OwnNetwork(small()).input(height=16, width=20, seed=4))


def test_drawing_it_leaves_the_global_generator_alone():
    network, state = OwnNetwork(small()), torch.random.get_rng_state()
    network.input(height=8, width=8, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64])
def test_z_is_in_32_bits_whatever_it_was_made_of(dtype):
    z = torch.ones(1, 4, 8, 8).to(dtype)
    assert OwnNetwork(small(4), z).input(height=8, width=8, seed=0).dtype == torch.float32


def test_a_module_is_copied_and_begins_from_its_weights(problem):
    module = small()
    before = [p.detach().clone() for p in module.parameters()]
    one, other = fitted(module, problem, seed=0), fitted(module, problem, seed=0)
    assert torch.equal(one.image, other.image)
    assert all(torch.equal(p, q) for p, q in zip(module.parameters(), before, strict=True))
    with torch.no_grad():
        module[2].bias += 1.5
    slow = fitted(OwnNetwork(module, learning_rate=1e-6), problem, seed=0)
    assert float(slow.image.mean()) > 0.7 > float(one.image.mean())


def test_its_settings_reach_the_fit(problem):
    slow = fitted(OwnNetwork(small(), learning_rate=1e-6), problem, seed=0)
    fast = fitted(OwnNetwork(small(), learning_rate=0.05), problem, seed=0)
    assert fast.loss < 0.9 * slow.loss
    still = OwnNetwork(small(), learning_rate=1e-9, jitter=0.0)
    trembling = OwnNetwork(small(), learning_rate=1e-9, jitter=0.5)
    assert (
        float((fitted(still, problem, seed=0).image - fitted(trembling, problem, seed=0).image).abs().max())
        > 0.01
    )
    absolute = fitted(OwnNetwork(small(), loss="l1"), problem, seed=0)
    assert absolute.loss != pytest.approx(fitted(OwnNetwork(small()), problem, seed=0).loss, rel=1e-3)


def test_z_may_have_any_shape(problem):
    done = fitted((Squared(), torch.rand(1, 10)), problem, seed=0)
    assert done.image.shape == (1, 1, 16, 16) and done.validation_mse == done.validation_mse


def test_of_a_larger_output_the_upper_left_counts(problem):
    done = fitted((small(4), torch.rand(1, 4, 24, 40)), problem, seed=0)
    assert done.image.shape == (1, 1, 16, 16)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        pytest.param((small(4), torch.rand(1, 4, 8, 8)), r"\(1, 1, 8, 8\)", id="too small"),
        pytest.param(small(out=3), r"\(1, 3, 16, 16\)", id="channels"),
        pytest.param(nn.Sequential(small(), nn.Flatten(0, 1)), r"\(1, 16, 16\)", id="axes"),
    ],
)
def test_an_output_that_is_no_image_of_this_size_is_refused(problem, network, shape):
    with pytest.raises(InputError, match=f"the network made an output {shape}"):
        fitted(network, problem, seed=0)


def test_an_output_that_is_not_finite_ends_the_fit(problem):
    class Broken(Squared):
        def forward(self, z):
            return super().forward(z) / 0

    done = fitted((Broken(), torch.rand(1, 10)), problem, seed=0)
    assert done.step == 0 and done.ended.value == "the loss was no longer a finite number"


def test_the_three_ways_of_giving_a_network_are_one():
    module, z = small(4), torch.rand(1, 4, 8, 8)
    own = OwnNetwork(module, z)
    assert as_network(own) is own
    for network in (as_network((module, z)), as_network(module, z=z)):
        assert network.module is module and network.z is z
    assert as_network(own).label == "one's own network" and OwnNetwork(module, name="mine").label == "mine"


def test_a_network_with_a_z_gets_no_second_one():
    with pytest.raises(InputError, match="z was given beside a network that has its own"):
        as_network(OwnNetwork(small()), z=torch.rand(1, 32, 8, 8))


@pytest.mark.parametrize("network", [None, "dipsearch_nearest_48", 3, small, nn.Conv2d, [small()]])
def test_what_is_no_module_is_refused(network):
    with pytest.raises(InputError, match=r"it is a genome, or a torch\.nn\.Module with weights"):
        as_network(network)


def test_a_module_needs_weights_that_can_be_fitted_in_32_bits():
    for module in (nn.ReLU(), small().requires_grad_(False)):
        with pytest.raises(InputError, match="without weights to fit"):
            as_network(module)
    for module in (small().double(), small().half()):
        with pytest.raises(InputError, match=r"give module.float\(\)"):
            as_network(module)


@pytest.mark.parametrize(
    ("z", "said"), [([1, 2], "z is list"), (torch.full((1, 32, 8, 8), torch.nan), "NaN or infinite")]
)
def test_z_is_a_tensor_of_finite_numbers(z, said):
    with pytest.raises(InputError, match=said):
        as_network(small(), z=z)


@pytest.mark.parametrize(
    "setting",
    [
        {"learning_rate": 0.0},
        {"learning_rate": -0.01},
        {"learning_rate": float("nan")},
        {"learning_rate": "fast"},
        {"jitter": -1.0},
        {"averaging": 1.0},
        {"averaging": 2.0},
        {"loss": "huber"},
    ],
)
def test_its_settings_keep_to_the_rules_of_genes(setting):
    (name,) = setting
    with pytest.raises(InputError, match=f"the gene `{name}` is "):
        OwnNetwork(small(), **setting)


class Modes(nn.Module):
    """Remembers in which mode it was; the copies of it, too."""

    seen: ClassVar[list[bool]] = []

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, 1, 16, 16), 0.5))

    def forward(self, z):
        self.seen.append(self.training)
        return self.weight * 1


@pytest.mark.parametrize("training", [True, False])
def test_a_module_stays_in_training_mode_or_out_of_it(problem, training):
    Modes.seen.clear()
    fitted(Modes().train(training), problem, seed=0)
    assert set(Modes.seen) == {training}


def test_what_a_module_draws_by_itself_repeats_and_leaves_the_global_generator_alone(problem):
    dropping = nn.Sequential(nn.Conv2d(32, 4, 1), nn.Dropout(0.3), nn.Conv2d(4, 1, 1))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = fitted(dropping, problem, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(fitted(dropping, problem, seed=0).image, first.image)
    assert not torch.equal(fitted(dropping, problem, seed=1).image, first.image)


def test_what_a_module_draws_by_itself_goes_on_where_a_fit_was_interrupted(problem):
    network = as_network(nn.Sequential(nn.Conv2d(32, 4, 1), nn.Dropout(0.3), nn.Conv2d(4, 1, 1)))
    given = {"split": make_split(problem, seed=0), "seed": 0, "max_steps": 30}
    whole = fit(network, problem, **given)
    part = OngoingFit(network, problem, **given)
    part.advance(10)
    rest = OngoingFit(network, problem, **given, state=part.state())
    rest.advance(30)
    assert torch.equal(rest.fit().image, whole.image)


class Complex(nn.Module):
    """A module that ends in complex numbers."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, 1, 16, 16), 0.5, dtype=torch.complex64))

    def forward(self, z):
        return self.weight * 1


def test_complex_numbers_are_refused_and_not_halved(problem):
    with pytest.raises(InputError, match="complex numbers"):
        fitted(Complex(), problem, seed=0)


class LookedUp(nn.Module):
    """A module that takes whole numbers, (256,)."""

    def __init__(self):
        super().__init__()
        self.values = nn.Embedding(256, 1)

    def forward(self, z):
        return self.values(z).view(1, 1, 16, 16)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_whole_numbers_of_an_embedding_stay_whole_and_have_no_jitter(problem, dtype):
    done = fitted((LookedUp(), torch.arange(256, dtype=dtype)), problem, seed=0)
    assert done.step and done.curves.loss[-1] < done.curves.loss[0]


def scripted(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(module)


def traced(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(module, torch.rand(1, 32, 16, 16))


@pytest.mark.parametrize("made", [scripted, traced])
def test_a_scripted_module_is_fitted_as_the_module_that_it_was_made_of(
    problem, made: Callable[[nn.Module], nn.Module]
):
    plain, other = fitted(small(), problem, seed=0), fitted(made(small()), problem, seed=0)
    assert other.curves.loss[-1] < other.curves.loss[0]
    assert torch.allclose(plain.image, other.image, atol=1e-4)


def test_a_scripted_module_keeps_what_is_frozen_frozen():
    module = small()
    module[0].weight.requires_grad_(False)
    copied = OwnNetwork(scripted(module)).copied()
    assert [p.requires_grad for p in copied.parameters()] == [False, True, True, True]
    assert all(p.is_leaf for p in copied.parameters())


class Hidden(nn.Module):
    """A module whose output comes of tensors that nobody knows of."""

    def __init__(self):
        super().__init__()
        self.known = nn.Parameter(torch.zeros(1))
        self.hidden = [torch.full((1, 1, 16, 16), 0.5, requires_grad=True)]

    def forward(self, z):
        return self.hidden[0] * 1


def test_a_module_that_would_not_be_trained_is_refused(problem):
    with pytest.raises(InputError, match="the output of the network does not depend on its weights"):
        fitted(Hidden(), problem, seed=0)


class Keeping(Squared):
    """A module that keeps what it made."""

    def forward(self, z):
        self.made = super().forward(z)
        return self.made


def test_what_a_module_keeps_of_a_call_is_named(problem):
    module = Keeping()
    fitted((module, torch.rand(1, 10)), problem, seed=0)
    module(torch.rand(1, 10))
    with pytest.raises(InputError, match=r"its Keeping keeps .* the attribute made; .*keep made.detach\(\)"):
        fitted((module, torch.rand(1, 10)), problem, seed=0)
    module.made = None
    fitted((module, torch.rand(1, 10)), problem, seed=0)


def test_the_former_weight_norm_is_told_of_its_successor():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = nn.Sequential(nn.utils.weight_norm(nn.Conv2d(32, 1, 3, padding=1)))
    with pytest.raises(InputError, match=r"attribute weight; .*torch\.nn\.utils\.parametrizations"):
        OwnNetwork(module).copied()


def test_the_advice_for_a_lazy_module_can_be_followed(problem):
    module = nn.Sequential(nn.LazyConv2d(4, 3, padding=1), nn.Conv2d(4, 1, 1))
    with pytest.raises(InputError, match=r"with torch\.no_grad\(\): module\(z\)"):
        as_network(module)
    with torch.no_grad():
        module(torch.rand(1, 32, 16, 16))
    fitted(module, problem, seed=0)


def test_what_modules_draw_in_two_threads_is_as_in_one(problem):
    dropping = nn.Sequential(nn.Conv2d(32, 4, 1), nn.Dropout(0.3), nn.Conv2d(4, 1, 1))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    alone = fitted(dropping, problem, seed=0).image
    with ThreadPoolExecutor(2) as threads:
        images = list(threads.map(lambda _: fitted(dropping, problem, seed=0).image, range(4)))
    assert all(torch.equal(image, alone) for image in images)
    assert torch.equal(torch.get_rng_state(), before)
