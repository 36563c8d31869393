"""``fit``: one network to one measurement, in the form of the measurement; everything else is refused in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import dipsearch as ds
from dipsearch.fitting import Ended, LastIterate
from dipsearch.network import Genome, Scale
from dipsearch.problem import whole as whole_of
from dipsearch.problem.operators import registry
from dipsearch.problem.splits.splitting import hold_out

GENOME = Genome((Scale(4, 4),) * 2, upsampling="nearest", input_channels=4)


@pytest.fixture(scope="module")
def clean():
    return np.add.outer(np.linspace(0.1, 0.5, 24), np.linspace(0.0, 0.4, 32))


@pytest.fixture(scope="module")
def problem(clean):
    noisy = clean + 0.1 * np.random.default_rng(0).normal(size=clean.shape)
    return ds.Problem((noisy * 4000).astype(np.float32), noise=ds.Gaussian(400))


def module():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(32, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1), nn.Sigmoid())


def test_a_genome_gives_an_image_in_the_form_of_the_measurement(problem, clean):
    done = ds.fit(problem, GENOME, steps=60, device="cpu")
    assert (
        isinstance(done.image, np.ndarray) and done.image.dtype == np.float32 and done.image.shape == (24, 32)
    )
    assert np.sqrt(np.mean((done.image / 4000 - clean) ** 2)) < 0.09  # of noise of 0.1
    assert done.step == done.fit.step == 60 and done.ended is Ended.STEPS
    assert (
        list(done.curves.step) == [10, 20, 30, 40, 50, 60]
        and done.validation_mse == done.fit.validation_mse < 0.01
    )
    assert repr(done).startswith("Fitted(step 60, the last allowed iteration was reached, ")


@pytest.mark.parametrize("network", [GENOME, module()])
def test_it_goes_on_with_all_of_y_unless_that_is_not_wanted(problem, network):
    judged = ds.fit(problem, network, steps=40, device="cpu", all_data=False)
    done = ds.fit(problem, network, steps=40, device="cpu")
    assert judged.fit.full is None and done.fit.full is not None
    assert np.array_equal(judged.image, problem.form.back(done.fit.image))
    assert np.array_equal(done.image, problem.form.back(done.fit.full))
    whole = ds.fit(problem, network, split=whole_of(problem), steps=10, device="cpu")
    assert whole.fit.full is None


@pytest.mark.parametrize("network", [GENOME, module()])
def test_the_same_seed_gives_the_same_image(problem, network):
    one, same, other = (
        ds.fit(problem, network, steps=20, seed=seed, device="cpu").image for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_nothing_global_is_seeded(problem):
    network, state = module(), torch.random.get_rng_state()
    ds.fit(problem, network, steps=10, device="cpu")
    ds.fit(problem, GENOME, steps=10, device="cpu")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_network_with_a_pilot_gets_one(problem):
    piloted = Genome((Scale(4, 4),), input_channels=4, input_kind="pilot", pilot_scale=1.0)
    assert ds.fit(problem, piloted, steps=20, device="cpu").validation_mse < 0.05


def test_known_pixels_of_a_mask_without_noise_are_put_back(clean):
    mask = np.random.default_rng(1).random((40, 40)) < 0.6
    y = np.where(mask, np.add.outer(np.linspace(0, 0.4, 40), np.linspace(0.1, 0.5, 40)), np.nan)
    image = ds.fit(ds.Problem(y, ds.Mask(mask)), GENOME, steps=20, device="cpu").image
    assert np.allclose(image[mask], y[mask], atol=1e-6) and np.isfinite(image).all()


def test_a_watcher_sees_every_check_point_and_may_end_the_fit(problem):
    seen = []

    def watch(check, image):
        seen.append((check.step, tuple(image.shape)))
        return Ended.INTERRUPTED if check.step == 30 else None

    done = ds.fit(problem, GENOME, steps=60, watch=watch, device="cpu")
    assert seen == [(step, (1, 1, 24, 32)) for step in (10, 20, 30)] and done.ended is Ended.INTERRUPTED


def test_what_a_watcher_raises_comes_through(problem):
    def watch(check, image):
        raise KeyError("mine")

    with pytest.raises(KeyError, match=r"mine"):
        ds.fit(problem, GENOME, steps=20, watch=watch, device="cpu")


def test_a_rule_of_ones_own_decides_what_is_delivered(problem):
    class Second:
        """The second check point is delivered, the fourth ends the fit."""

        def init(self):
            return 0

        def update(self, count, check):
            ended = Ended.RISEN if count == 3 else None
            return count + 1, ds.Decision(best=0 if count == 1 else None, ended=ended)

        def finish(self, count):
            return ds.Decision()

    done = ds.fit(problem, GENOME, steps=60, rule=Second(), device="cpu")
    assert done.step == 20 and list(done.curves.step) == [10, 20, 30, 40]


def test_a_split_can_be_given(problem):
    split = ds.make_split(problem, seed=5)
    same = ds.fit(problem, GENOME, steps=20, seed=5, device="cpu")
    assert (
        ds.fit(problem, GENOME, steps=20, seed=5, split=split, device="cpu").validation_mse
        == same.validation_mse
    )
    assert (
        ds.fit(problem, GENOME, steps=20, seed=4, split=split, device="cpu").validation_mse
        != same.validation_mse
    )


def test_a_fit_ends_when_its_budget_is_spent(problem):
    done = ds.fit(problem, GENOME, steps=1000, budget="0.001s", device="cpu")
    assert done.ended is Ended.TIME and done.step < 1000


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": 10.5}, "steps is 10.5"),
        ({"budget": -1}, "the budget is -1"),
        ({"budget": "a while"}, "the budget is 'a while'"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"device": "gpu"}, "the device is 'gpu'"),
        ({"device": None}, "the device is None"),
        ({"engine": "fast"}, "engine is 'fast'"),
        ({"precision": "fp16"}, "precision is 'fp16'"),
        ({"split": "half"}, "the split is 'half'"),
        ({"z": torch.rand(1, 4, 24, 32)}, "z was given beside a network that has its own"),
    ],
)
def test_what_cannot_be_used_is_refused_before_the_fit(problem, keywords, said):
    with pytest.raises(ds.InputError, match=said):
        ds.fit(problem, GENOME, **keywords)


def test_a_split_of_another_measurement_is_refused(problem):
    other = ds.make_split(
        ds.Problem(np.random.default_rng(0).random((16, 16)), noise=ds.Gaussian(0.1)), seed=0
    )
    with pytest.raises(ds.InputError, match=r"the split is of another measurement"):
        ds.fit(problem, GENOME, split=other)


@pytest.mark.parametrize("problem", [None, np.zeros((24, 32)), "x.png"])
def test_a_problem_is_a_problem(problem):
    with pytest.raises(ds.InputError, match=r"the problem is "):
        ds.fit(problem, GENOME)


def test_a_network_without_learnt_weights_begins_cold_and_says_so(problem):
    with pytest.warns(UserWarning, match="no learnt weights fit .* begins cold"):
        warm = ds.fit(problem, GENOME, steps=10, device="cpu", start="warm")
    cold = ds.fit(problem, GENOME, steps=10, device="cpu", start="cold")
    assert warm.start is None and np.array_equal(warm.image, cold.image)
    with pytest.raises(ds.InputError, match="start is 'hot'"):
        ds.fit(problem, GENOME, start="hot")


class Keeps(nn.Module):
    """A network of somebody who keeps more in it than weights."""

    def __init__(self):
        super().__init__()
        self.layers = module()
        self.register_buffer("last", torch.zeros(0))
        self.register_buffer("same", torch.ones(1).expand(4))
        self.register_buffer("rare", torch.eye(3).to_sparse())

    def forward(self, z):
        self.last = z.mean((2, 3))
        return self.layers(z)

    def get_extra_state(self):
        return {"version": 1}

    def set_extra_state(self, state):
        pass


def test_a_module_that_keeps_more_than_weights_goes_on_too(problem):
    done = ds.fit(problem, Keeps(), steps=20, device="cpu")
    assert done.fit.full is not None and np.isfinite(done.image).all()


def test_a_module_that_fails_later_leaves_the_image_that_was_judged(problem):
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.calls = module(), 0

        def forward(self, z):
            self.calls += 1
            if self.calls > 20:
                raise OSError("my disk")
            return self.layers(z)

        def __deepcopy__(self, memo):
            copy = Fails()
            copy.layers.load_state_dict(self.layers.state_dict())
            copy.calls = self.calls
            self.calls = 20  # of the next copy, which goes on
            return copy

    with pytest.warns(UserWarning, match="does not go on with all data: OSError: my disk"):
        done = ds.fit(problem, Fails(), steps=20, device="cpu")
    assert done.fit.full is None and np.array_equal(done.image, problem.form.back(done.fit.image))


def test_it_does_not_go_on_where_that_would_bring_new_noise_or_somebody_broke_off(problem):
    held_out = hold_out(problem, seed=0)
    assert ds.fit(problem, GENOME, split=held_out, steps=20, device="cpu").fit.full is None
    enough = ds.fit(problem, GENOME, steps=60, device="cpu", watch=lambda check, image: Ended.RISEN)
    assert enough.ended is Ended.RISEN and enough.fit.full is None


def test_a_fit_is_the_same_whatever_kind_of_number_pytorch_makes_by_default(clean):
    def made():
        problem = ds.Problem(clean, noise=ds.Gaussian(0.1))
        genome = ds.fit(problem, GENOME, steps=20, device="cpu")
        own = ds.fit(problem, usual, steps=20, device="cpu")
        return genome.image, own.image, ds.answer(problem)

    usual, before = module(), torch.get_default_dtype()
    expected = made()
    torch.set_default_dtype(torch.float64)
    try:
        found = made()
    finally:
        torch.set_default_dtype(before)
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


class Naming:
    """A rule that names one check point of five, so many back, or none."""

    def __init__(self, back):
        self.back = back

    def init(self):
        return 0

    def update(self, memory, check):
        return memory + 1, ds.Decision(self.back if memory == 4 else None)

    def finish(self, memory):
        return ds.Decision()


@pytest.mark.parametrize(("back", "step"), [(0, 50), (2, 30)])
def test_a_rule_names_one_of_the_three_latest_check_points(problem, back, step):
    assert ds.fit(problem, GENOME, rule=Naming(back), steps=60, device="cpu").step == step


@pytest.mark.parametrize(
    ("answers", "last", "said"),
    [
        (lambda memory: (memory, 3), ds.Decision(), r"update of the stopping rule returned \(0, 3\)"),
        (lambda memory: None, ds.Decision(), "update of the stopping rule returned None"),
        (lambda memory: (memory, ds.Decision()), None, "finish of the stopping rule returned None"),
    ],
)
def test_a_rule_that_answers_something_else_is_refused(problem, answers, last, said):
    class Other(Naming):
        def update(self, memory, check):
            return answers(memory)

        def finish(self, memory):
            return last

    with pytest.raises(ds.InputError, match=said):
        ds.fit(problem, GENOME, rule=Other(0), steps=20, device="cpu")


def test_similar_patches_take_a_problem():
    with pytest.raises(ds.InputError, match=r"the problem is ndarray; it is a dipsearch.Problem"):
        ds.answer(np.zeros((32, 32)))


@pytest.mark.parametrize("back", [3, -1, "two"])
def test_a_rule_that_names_a_check_point_that_is_not_kept_is_refused(problem, back):
    with pytest.raises(ds.InputError, match="back as the best one"):
        ds.fit(problem, GENOME, rule=Naming(back), steps=60, device="cpu")


def test_where_a_rule_names_none_the_latest_iterate_is_delivered(problem):
    done = ds.fit(problem, GENOME, rule=Naming(None), steps=60, device="cpu")
    assert done.step == 60 and np.isfinite(done.image).all()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_that_the_caller_has_switched_off_do_not_matter(clean, mode):
    y, seen = torch.from_numpy(clean).float(), torch.rand(24, 32) < 0.7

    def made():
        given = ds.Problem(y, noise=ds.Gaussian(0.1)), ds.Problem(y * seen, ds.Mask(seen))
        return *given, module(), 0.1 * torch.ones(1, 32, 24, 32)

    def fitted(noisy, holes, network, z):
        genome, own = (ds.fit(noisy, one, steps=10, device="cpu") for one in (GENOME, network))
        with_z = ds.fit(noisy, network, z=z, steps=10, device="cpu")
        return [one.image for one in (genome, own, with_z, ds.fit(holes, GENOME, steps=10, device="cpu"))]

    expected = fitted(*made())
    with mode():
        there, found = made(), fitted(*made())
    for results in (found, fitted(*there)):
        assert all(torch.equal(*pair) for pair in zip(results, expected, strict=True))


@pytest.mark.parametrize("word", [True, "enough"])
def test_what_watch_returns_is_a_reason_or_nothing(problem, word):
    with pytest.raises(ds.InputError, match="watch returned"):
        ds.fit(problem, GENOME, watch=lambda check, image: word, steps=20, device="cpu")


class Derived(nn.Module):
    """A module that keeps a tensor which was computed from its weights."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(32, 1, 1)
        self.twice = self.layer.weight * 2

    def forward(self, z):
        return self.layer(z)


class Immovable:
    """A registered operator that says nothing of devices."""

    to = None

    def A(self, x):
        return x

    def A_adjoint(self, y):
        return y


@pytest.mark.parametrize(
    ("network", "given", "words"),
    [
        (nn.LazyConv2d(1, 1), {}, "without a shape yet"),
        (Derived(), {}, "cannot be copied"),
        (nn.Conv2d(4, 1, 1), {}, r"cannot take the input \(1, 32, 24, 32\).* without z it is noise"),
        (
            nn.Conv2d(4, 1, 1),
            {"z": torch.rand(1, 3, 24, 32)},
            r"input \(1, 3, 24, 32\).* the z that was given",
        ),
        (nn.Linear(9, 1), {"z": torch.rand(2, 8)}, r"cannot take the input \(2, 8\)"),
        (GENOME, {"rule": 5}, "the stopping rule is 5"),
        (GENOME, {"rule": ds.ValidationMinimum}, "the stopping rule is <class"),
        (GENOME, {"average": 0.99}, "the average is 0.99; it is an object with init, update and read"),
        (GENOME, {"average": ds.ExponentialAverage}, "the average is <class"),
        (GENOME, {"watch": 5}, "watch is 5"),
        (GENOME, {"seed": 2**64}, "seed is 18446744073709551616"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_a_sentence(problem, network, given, words):
    with pytest.raises(ds.InputError, match=words):
        ds.fit(problem, network, steps=10, device="cpu", **given)


def test_the_largest_seed_is_one(problem):
    assert ds.fit(problem, module(), steps=10, seed=2**64 - 1, device="cpu").step == 10


def test_a_registered_operator_has_all_that_a_problem_asks_of_it(clean, monkeypatch):
    monkeypatch.setitem(registry._NAMES, Immovable, "immovable")
    with pytest.raises(ds.InputError, match="lacks A, A_adjoint or to"):
        ds.Problem(clean, Immovable(), noise=ds.Gaussian(0.1))


def test_a_folder_is_a_path():
    with pytest.raises(ds.InputError, match="the folder is None"):
        ds.load(None)


def test_a_product_may_have_a_factor_in_numpy_that_knows_nothing_of_devices(clean):
    class Turned:
        image_shape = (24, 32)

        def A(self, x):
            return np.asarray(x)[..., ::-1]

        A_adjoint = A

    seen = np.random.default_rng(1).random(clean.shape) < 0.8
    given = ds.Problem(clean[:, ::-1] * seen, ds.Product(ds.Mask(seen), Turned()), ds.Gaussian(0.02))
    image = ds.fit(given, GENOME, steps=100, device="cpu").image
    assert np.sqrt(np.mean((image - clean) ** 2)) < 0.06 < np.sqrt(np.mean((image - clean[:, ::-1]) ** 2))


class Broken(nn.Module):
    """A module that makes NaN of some of its pixels, from one call on."""

    def __init__(self, *, pixels, good=0):
        super().__init__()
        self.layers, self.pixels, self.good = module(), pixels, good

    def forward(self, z):
        self.good -= 1
        out = self.layers(z)
        broken = torch.zeros_like(out)
        broken[self.pixels] = torch.nan
        return out if self.good >= 0 else out + broken


@pytest.mark.parametrize("pixels", [..., (..., 0, 0)])
def test_a_module_that_makes_nothing_finite_is_refused_in_a_sentence(problem, clean, pixels):
    seen = np.ones(clean.shape, bool)
    seen[0, 0] = False  # a loss that does not look there is finite
    for given in (problem, ds.Problem(clean, ds.Mask(seen))):
        with pytest.raises(ds.InputError, match="the network made values that are NaN or infinite") as caught:
            ds.fit(given, Broken(pixels=pixels), steps=20, device="cpu")
        assert "\n" not in str(caught.value)


def test_a_module_that_breaks_later_leaves_its_image_and_the_reason(problem):
    with pytest.warns(
        UserWarning, match="the image is that of iteration 20: the loss was no longer a finite"
    ):
        done = ds.fit(problem, Broken(pixels=..., good=35), steps=60, device="cpu")
    assert done.step == 20 and done.ended is Ended.DIVERGED and np.isfinite(done.image).all()


# -- averages of one's own -----------------------------------------------------------------------------------


class Mean:
    """The plain mean of all outputs."""

    def init(self, output):
        return (torch.zeros_like(output), output.new_zeros(()))

    def update(self, memory, output, step):
        memory[0].add_(output)
        memory[1].copy_(step)

    def read(self, memory):
        return memory[0] / memory[1]


class Latest:
    """The latest output itself, whose place the next one takes."""

    def init(self, output):
        return (torch.zeros_like(output),)

    def update(self, memory, output, step):
        memory[0].copy_(output)

    def read(self, memory):
        return memory[0]


@pytest.mark.parametrize("network", [GENOME, module()])
def test_an_average_of_ones_own_is_what_is_delivered(problem, network):
    def fitted(average, steps=30):
        given = {"rule": LastIterate(), "average": average, "all_data": False, "device": "cpu"}
        return ds.fit(problem, network, steps=steps, **given).fit.image

    shown = []
    ds.fit(problem, network, steps=30, average=Latest(), device="cpu", watch=lambda c, x: shown.append(x))
    assert len({float(x.sum()) for x in shown}) == 3  # none of them changed afterwards
    assert torch.equal(fitted(Latest()), shown[-1])
    assert torch.equal(fitted(ds.ExponentialAverage(0.0)), shown[-1])
    every = [fitted(Latest(), steps=step) for step in range(1, 31)]
    assert torch.allclose(fitted(Mean()), torch.stack(every).mean(0), atol=1e-6)
    assert not torch.allclose(fitted(Mean()), fitted(None), atol=1e-3)


def test_a_fit_with_an_average_of_ones_own_goes_on_with_it(problem):
    done = ds.fit(problem, GENOME, steps=40, average=Mean(), device="cpu")
    usual = ds.fit(problem, GENOME, steps=40, average=ds.ExponentialAverage(GENOME.averaging), device="cpu")
    assert done.fit.full is not None and not torch.equal(done.fit.full, usual.fit.full)
    assert np.array_equal(usual.image, ds.fit(problem, GENOME, steps=40, device="cpu").image)


@pytest.mark.parametrize(
    ("method", "value", "said"),
    [
        ("init", [1.0], "init of the average returned list"),
        ("init", None, "init of the average returned NoneType"),
        ("update", 3, "update of the average returned int"),
        ("read", torch.zeros(3), r"read of the average returned torch.Size\(\[3\]\)"),
    ],
)
def test_an_average_that_is_none_is_refused_in_a_sentence(problem, method, value, said):
    broken = type("Broken", (Mean,), {method: lambda *_: value})()
    with pytest.raises(ds.InputError, match=said):
        ds.fit(problem, GENOME, steps=10, average=broken, device="cpu")


@pytest.mark.parametrize("decay", [1.0, -0.1, np.nan])
def test_a_decay_is_below_1(decay):
    with pytest.raises(ds.InputError, match="the decay is"):
        ds.ExponentialAverage(decay)
