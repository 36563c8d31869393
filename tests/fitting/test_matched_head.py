"""A matched head: a network whose last layer makes the first answer as well as it can."""

import torch

from dipsearch.fitting import Step, with_matched_head
from dipsearch.library import preset
from dipsearch.network import build
from dipsearch.problem import Mask, Problem, make_split, psnr
from dipsearch.problem.noise import NO_NOISE

NAME = "dipsearch_pilot_16"


def pilot(channels: int = 3) -> torch.Tensor:
    rows = torch.linspace(0.1, 0.9, 30).reshape(1, 1, 30, 1).expand(1, channels, 30, 44)
    return (rows + 0.2 * torch.sin(torch.arange(44) / 3)).clamp(0, 1).contiguous()


def begun(image: torch.Tensor, state: dict[str, torch.Tensor]) -> float:
    """PSNR in dB of the first output against the pilot."""
    observed = torch.ones(1, 1, *image.shape[-2:])
    observed[..., ::3, ::3] = 0
    problem = Problem(image * observed, Mask(observed), NO_NOISE, tuple(image.shape), observed=observed)
    step = Step(preset(NAME), problem, split=make_split(problem, seed=0), seed=3, start=state, pilot=image)
    step()
    return psnr(step.output, image)


def test_the_first_output_is_nearer_to_the_pilot_and_the_other_layers_stay() -> None:
    for channels in (3, 1):
        image, weights = pilot(channels), build(preset(NAME), channels=channels, seed=7).state_dict()
        state = {f"network.{name}": value for name, value in weights.items()}
        matched = with_matched_head(preset(NAME), state, pilot=image, seed=3)
        assert begun(image, matched) > begun(image, state) + 2
        changed = {name for name, value in state.items() if not torch.equal(matched[name], value)}
        assert changed == {"network.head.weight", "network.head.bias"}
        assert {name: value.shape for name, value in matched.items()} == {
            n: v.shape for n, v in state.items()
        }


def test_it_repeats_and_is_finite_for_a_constant_pilot() -> None:
    image = torch.ones(1, 3, 32, 32)
    weights = build(preset(NAME), channels=3, seed=7).state_dict()
    state = {f"network.{name}": value for name, value in weights.items()}
    one, same = (with_matched_head(preset(NAME), state, pilot=image, seed=0) for _ in range(2))
    assert torch.equal(one["network.head.weight"], same["network.head.weight"])
    assert all(bool(value.isfinite().all()) for value in one.values())
