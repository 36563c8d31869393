"""What is done to clean pictures in the comparison with rivals, and how it is chosen."""

import pytest
import torch

from dipsearch.bench.cases.rival_damages import DAMAGES_OF_RIVALS, USUAL, chosen_damages
from dipsearch.errors import InputError


def clean(height: int = 64, width: int = 48) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([rows, columns, (rows * columns).sqrt()])[None] * 0.6 + 0.2


@pytest.mark.parametrize(("name", "sigma"), [("sigma10", 10), ("sigma25", 25), ("sigma50", 50)])
def test_gaussian_noise_has_the_strength_of_its_name(name: str, sigma: float) -> None:
    y = DAMAGES_OF_RIVALS[name].make(clean(), 0).y
    assert float((y - clean()).std()) * 255 == pytest.approx(
        sigma, rel=0.12
    )  # clipping makes it a little weaker


def test_half_of_the_pixels_and_one_hole_of_three_eighths_are_missing() -> None:
    half = DAMAGES_OF_RIVALS["half"].make(clean(), 0).observed
    assert float(half.mean()) == 0.5
    hole = DAMAGES_OF_RIVALS["hole"].make(clean(128, 128), 0).observed
    assert int((hole == 0).sum()) == 48 * 48
    assert float(hole[..., 40:88, 40:88].max()) == 0


@pytest.mark.parametrize(("name", "factor"), [("x2", 2), ("x4", 4), ("x8", 8)])
def test_super_resolution_measures_whole_blocks(name: str, factor: int) -> None:
    damage = DAMAGES_OF_RIVALS[name]
    part = damage.fitting(clean(65, 64 + factor - 1))
    assert part.shape[-2:] == (64, 64)
    assert damage.make(part, 0).y.shape == (1, 3, 64 // factor, 64 // factor)
    with pytest.raises(InputError, match="cannot be reduced"):
        damage.fitting(clean(1, 67))


def test_other_damages_leave_the_size_alone() -> None:
    for damage in DAMAGES_OF_RIVALS.values():
        if damage.task != "sr":
            assert damage.fitting(clean(33, 47)).shape == (1, 3, 33, 47)


def test_the_same_seed_gives_the_same_damage_and_another_one_another() -> None:
    for name in ("sigma25", "poisson30", "impulse30", "half"):
        damage = DAMAGES_OF_RIVALS[name]
        assert torch.equal(damage.make(clean(), 3).y, damage.make(clean(), 3).y)
        assert not torch.equal(damage.make(clean(), 3).y, damage.make(clean(), 4).y)


def test_the_usual_damage_of_each_task_is_chosen_when_none_is_named() -> None:
    assert [damage.name for damage in chosen_damages(list(USUAL), None)] == ["sigma25", "half", "x4"]
    assert [damage.name for damage in chosen_damages(["sr"], ["x2", "text", "x2"])] == ["x2"]


@pytest.mark.parametrize(
    ("tasks", "names", "words"),
    [
        (["deblur"], None, "there is no task 'deblur'"),
        (["sr"], ["rain"], "there is no damage 'rain'"),
        (["sr"], ["text"], "none of the damages text belongs to sr"),
    ],
)
def test_what_does_not_exist_is_refused(tasks: list[str], names: list[str] | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        chosen_damages(tasks, names)
