"""The variants of the settings: each differs from the default in one number of its own task."""

from __future__ import annotations

from dataclasses import fields

import pytest

from dipsearch.bench.patches.patch_variants import STANDARD, VARIANTS, Variant
from dipsearch.patches import DEFAULT, QUICK

OF = {"denoise": {"passes", "patch", "radius", "step", "threshold"}, "inpaint": {"filling", "near"},
      "sr": {"enlarging", "near"}}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS[2:], ids=lambda variant: f"{variant.tasks[0]}, {variant.name}")
def test_a_variant_changes_one_setting_of_its_task(variant: Variant) -> None:
    changed = [
        field.name
        for field in fields(DEFAULT)
        if getattr(variant.settings, field.name) != getattr(DEFAULT, field.name)
    ]
    assert len(changed) == 1
    assert all(changed[0] in OF[task] for task in variant.tasks)
    if changed[0] in ("filling", "enlarging"):
        new, old = getattr(variant.settings, changed[0]), getattr(DEFAULT, changed[0])
        assert sum(getattr(new, field.name) != getattr(old, field.name) for field in fields(new)) == 1


def test_numbers_are_what_the_names_say() -> None:
    settings = {(task, variant.name): variant.settings for variant in VARIANTS for task in variant.tasks}
    assert settings["denoise", "share of the noise in the first pass 0.65"].passes[0] == (0.65, 40)
    assert settings["denoise", "members 24"].passes == tuple((share, 24) for share, _ in DEFAULT.passes)
    assert len(settings["denoise", "passes 1"].passes) == 1
    assert len(settings["inpaint", "passes 48"].filling.sigmas) == 48
    assert settings["inpaint", "first σ 15"].filling.sigmas[0] == pytest.approx(15 / 255)
    assert settings["sr", "first σ 50"].enlarging.sigmas[0] == pytest.approx(50 / 255)
    assert settings["sr", "first σ 50"].enlarging.sigmas[-1] == pytest.approx(DEFAULT.enlarging.sigmas[-1])
    assert (
        settings["sr", "near 12"].enlarging.near == 12 and settings["inpaint", "near 10"].filling.near == 10
    )


def test_every_task_has_the_default_first_and_names_of_its_own() -> None:
    assert (VARIANTS[0].name, VARIANTS[0].settings, VARIANTS[1].settings) == (STANDARD, DEFAULT, QUICK)
    for task in OF:
        names = [variant.name for variant in VARIANTS if task in variant.tasks]
        assert len(set(names)) == len(names) >= 10
