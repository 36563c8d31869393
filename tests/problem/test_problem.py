"""From a request to a problem: where missing pixels come from, what is simulated, what is refused."""

import dataclasses
import json
import re

import pytest
import tifffile
import torch
import torch.nn.functional as F

from dipsearch.errors import FormatError, InputError
from dipsearch.fitting import data_consistent
from dipsearch.problem import (
    Downsample,
    Problem,
    TaskOptions,
    crop_problem,
    load_case,
    make_split,
    read_image,
    simulate_measurement,
    write_image,
    write_restored,
)

SIZE = 40


@pytest.fixture
def clean(tmp_path):
    x = 0.1 + 0.8 * torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    x = torch.round(x * 255) / 255
    write_image(tmp_path / "a.png", x)
    return x


def half(size=SIZE):
    mask = torch.ones(1, 1, size, size)
    mask[..., : size // 2, :] = 0
    return mask


def test_a_problem_has_no_room_for_the_reference():
    assert {field.name for field in dataclasses.fields(Problem)} == {
        "form",
        "y",
        "operator",
        "noise",
        "image_shape",
        "observed",
    }


def test_a_mask_file_comes_first_and_white_keeps(tmp_path, clean):
    mask = half()
    write_image(tmp_path / "m.png", mask)
    case = load_case(str(tmp_path / "a.png"), TaskOptions("inpaint", mask=str(tmp_path / "m.png")), seed=0)
    assert torch.equal(case.problem.observed, mask) and torch.allclose(case.problem.y, clean * mask)
    assert case.reference is None and case.problem.noise.kind == "none"
    assert case.notes[0] == "50.0 % of the pixels are missing (mask m.png)"
    assert len(case.notes) == 1
    (judged,) = case.details
    assert judged.startswith("judged by ") and judged.endswith(" and observed pixels are noise-free.")
    assert "helped by a biharmonic restoration" in judged
    inverted = TaskOptions("inpaint", mask=str(tmp_path / "m.png"), invert_mask=True)
    assert torch.equal(load_case(str(tmp_path / "a.png"), inverted, seed=0).problem.observed, 1 - mask)


def test_then_the_alpha_channel(tmp_path, clean):
    write_image(tmp_path / "b.png", clean, alpha=half())
    write_image(tmp_path / "b_mask.png", 1 - half())
    case = load_case(
        str(tmp_path / "b.png"), TaskOptions("inpaint", reference=str(tmp_path / "a.png")), seed=0
    )
    assert torch.equal(case.problem.observed, half())
    assert case.problem.image_shape == (1, 3, SIZE, SIZE) and "alpha channel" in case.notes[0]
    assert torch.allclose(case.reference, clean)


def test_then_a_sibling_mask(tmp_path, clean):
    zero = clean.clone()
    zero[..., :4, :] = 0
    write_image(tmp_path / "b.png", zero)
    write_image(tmp_path / "b_mask.png", half())
    case = load_case(str(tmp_path / "b.png"), TaskOptions("inpaint"), seed=0)
    assert torch.equal(case.problem.observed, half()) and "b_mask.png beside the picture" in case.notes[0]


def test_black_is_no_mark_and_is_spoken_of(tmp_path, clean):
    zero = clean.clone()
    zero[..., :4, :] = 0
    zero[:, 0, 10] = 0  # black in one channel only
    write_image(tmp_path / "b.png", zero)
    case = load_case(str(tmp_path / "b.png"), TaskOptions("inpaint"), seed=0)
    assert case.simulation == "unasked"
    assert int(case.problem.observed.sum()) == SIZE * SIZE // 2  # as of any other picture
    assert "10 % of them are black, which is no mark" in case.notes[0]


def test_else_the_picture_is_clean_and_becomes_the_reference(tmp_path, clean):
    case = load_case(str(tmp_path / "a.png"), TaskOptions("inpaint"), seed=0)
    assert int(case.problem.observed.sum()) == SIZE * SIZE // 2
    assert torch.allclose(case.reference, clean)
    assert case.notes[0].startswith("THIS IS A SIMULATION AND NO RESTORATION")
    assert "so the picture is taken as clean: 50 %" in case.notes[0]
    assert case.simulation == "unasked"
    asked = load_case(str(tmp_path / "a.png"), TaskOptions("inpaint", simulate=True), seed=0)
    assert asked.simulation == "asked"
    assert "serves as the reference" in case.notes[0]
    fewer = load_case(str(tmp_path / "a.png"), TaskOptions("inpaint", missing=20), seed=0)
    assert int((fewer.problem.observed == 0).sum()) == SIZE * SIZE // 5


def test_masks_that_do_not_fit_are_refused(tmp_path, clean):
    picture = str(tmp_path / "a.png")
    for mask, message in (
        (torch.ones(1, 1, SIZE, SIZE - 1), f"is 39 × 40; .*, {SIZE} × {SIZE}"),
        (torch.ones(1, 1, SIZE, SIZE), "no pixel is missing.*--invert-mask"),
        (torch.zeros(1, 1, SIZE, SIZE), "every pixel is missing.*--invert-mask"),
    ):
        write_image(tmp_path / "m.png", mask)
        with pytest.raises(InputError, match=message):
            load_case(picture, TaskOptions("inpaint", mask=str(tmp_path / "m.png")), seed=0)
    with pytest.raises(InputError, match="there is none"):
        load_case(picture, TaskOptions("inpaint", invert_mask=True), seed=0)


def test_sigma_is_taken_as_given_or_estimated(tmp_path):
    smooth = torch.linspace(0.3, 0.7, 96).expand(1, 3, 96, 96)
    write_image(
        tmp_path / "n.png",
        smooth + 20 / 255 * torch.randn(smooth.shape, generator=torch.Generator().manual_seed(0)),
    )
    given = load_case(str(tmp_path / "n.png"), TaskOptions("denoise", sigma=12), seed=0)
    assert given.problem.noise == dataclasses.replace(
        given.problem.noise, kind="gaussian", sigma=12 / 255, source="given"
    )
    found = load_case(str(tmp_path / "n.png"), TaskOptions("denoise"), seed=0)
    assert found.problem.noise.source == "estimated" and found.problem.noise.sigma * 255 == pytest.approx(
        20, rel=0.05
    )
    assert (
        make_split(found.problem, seed=0).kind == "recorruption" and "measures of it agree" in found.notes[0]
    )
    assert found.diagnosis.branch == "recorruption (white)" and "whiteness 1.4" in found.details[0]


def test_a_blurred_picture_of_eight_bits_has_at_least_the_noise_of_rounding(tmp_path):
    flat = torch.full((1, 3, 48, 48), 90 / 255)
    flat[..., 20:30, 20:30] = 20 / 255
    write_image(tmp_path / "b.png", flat)
    case = load_case(str(tmp_path / "b.png"), TaskOptions("deblur", kernel="gaussian:1"), seed=0)
    assert case.problem.noise.sigma * 255 == pytest.approx(0.5)
    assert any("sigma 0.5 of 255, the least that rounding may hide" in note for note in case.notes)


def test_a_picture_without_noise_says_so(tmp_path):
    write_image(tmp_path / "s.png", torch.linspace(0.3, 0.7, 48).expand(1, 3, 48, 48))
    case = load_case(str(tmp_path / "s.png"), TaskOptions("denoise"), seed=0)
    assert case.problem.noise.kind == "none" and any("is delivered as it is" in note for note in case.notes)
    assert "delivered as it is" in case.notes[1]
    assert torch.equal(data_consistent(torch.zeros_like(case.problem.y), case.problem), case.problem.y)


def test_a_sigma_that_both_estimates_contradict_is_used_and_warned_of(tmp_path):
    flat = torch.full((1, 3, 64, 64), 0.5)
    y = flat + 10 / 255 * torch.randn(flat.shape, generator=torch.Generator().manual_seed(0))
    write_image(tmp_path / "n.png", y)
    for sigma, warned in ((4, True), (7, False), (18, False), (25, True)):
        case = load_case(str(tmp_path / "n.png"), TaskOptions("denoise", sigma=sigma), seed=0)
        assert case.problem.noise.sigma == pytest.approx(sigma / 255)
        assert any(f"sigma {sigma} was given, but two estimates are" in note for note in case.notes) is warned
    warning = next(note for note in case.notes if "two estimates" in note)
    assert [float(number) for number in re.findall(r"([\d.]+) \((?:wavelet|Laplacian)", warning)] == [
        pytest.approx(10, rel=0.1)
    ] * 2


def test_counts_of_photons_are_simulated_and_split_by_thinning(tmp_path, clean):
    case = load_case(str(tmp_path / "a.png"), TaskOptions("denoise", simulate=True, photons=30), seed=0)
    counts = case.problem.y * 30
    assert torch.allclose(counts, counts.round(), atol=1e-4) and float(case.problem.y.max()) <= 1
    assert case.problem.noise.kind == "poisson" and case.problem.noise.gain == pytest.approx(1 / 30)
    assert "its photons were counted, 30 of them for the value 1, and clipped" in case.notes[0]
    assert make_split(case.problem, seed=0).kind == "thinning"
    other = load_case(str(tmp_path / "a.png"), TaskOptions("denoise", photons=7), seed=0)
    assert make_split(other.problem, seed=0).kind == "held-out"


def test_a_hole_over_half_of_the_picture_is_warned_of(tmp_path, clean):
    for rows, warned in ((18, False), (24, True)):
        mask = torch.ones(1, 1, SIZE, SIZE)
        mask[..., :rows, :] = 0
        write_image(tmp_path / "m.png", mask)
        options = TaskOptions("inpaint", mask=str(tmp_path / "m.png"))
        notes = load_case(str(tmp_path / "a.png"), options, seed=0).notes
        assert any("one hole covers 60 % of the picture" in note for note in notes) is warned


def test_simulated_noise_is_clipped_but_not_rounded(tmp_path, clean):
    case = load_case(str(tmp_path / "a.png"), TaskOptions("denoise", simulate=True, sigma=50), seed=0)
    y = case.problem.y
    assert float(y.min()) == 0 and float(y.max()) == 1
    assert float((y * 255 - torch.round(y * 255)).abs().max()) > 0.4
    assert torch.allclose(case.reference, clean) and case.problem.noise.sigma == pytest.approx(50 / 255)
    again = simulate_measurement(case.reference, TaskOptions("denoise", sigma=50), seed=0)
    assert torch.equal(again.y, y)
    assert not torch.equal(simulate_measurement(clean, TaskOptions("denoise", sigma=50), seed=1).y, y)


def test_super_resolution_takes_the_picture_as_the_measurement(tmp_path, clean):
    case = load_case(str(tmp_path / "a.png"), TaskOptions("sr", factor=3), seed=0)
    assert case.problem.image_shape == (1, 3, 3 * SIZE, 3 * SIZE) and torch.allclose(case.problem.y, clean)
    with pytest.raises(InputError, match="will be 120 × 120"):
        load_case(
            str(tmp_path / "a.png"), TaskOptions("sr", factor=3, reference=str(tmp_path / "a.png")), seed=0
        )


def test_simulated_super_resolution_keeps_odd_sizes(tmp_path):
    write_image(tmp_path / "o.png", torch.rand(1, 3, 41, 46, generator=torch.Generator().manual_seed(0)))
    case = load_case(str(tmp_path / "o.png"), TaskOptions("sr", factor=2, simulate=True), seed=0)
    assert case.problem.y.shape == (1, 3, 21, 23) and case.problem.image_shape == (1, 3, 41, 46)
    assert torch.allclose(case.problem.operator.A(case.reference), case.problem.y)
    with pytest.raises(InputError, match="factor 6 makes 46 × 41 pixels into 8 × 7"):
        load_case(str(tmp_path / "o.png"), TaskOptions("sr", factor=6, simulate=True), seed=0)


def test_alpha_is_kept_beside_the_colours_and_enlarged_with_them(tmp_path, clean):
    write_image(tmp_path / "b.png", clean, alpha=half())
    case = load_case(str(tmp_path / "b.png"), TaskOptions("denoise", sigma=25), seed=0)
    assert case.problem.y.shape[1] == 3 and torch.equal(case.alpha, half())
    case = load_case(str(tmp_path / "b.png"), TaskOptions("sr", factor=2), seed=0)
    assert case.alpha.shape[-2:] == case.problem.image_shape[-2:]
    assert torch.allclose(F.avg_pool2d(case.alpha, 2), half(), atol=0.15)
    write_restored(tmp_path / "c.png", torch.zeros(case.problem.image_shape), case)
    assert torch.allclose(read_image(tmp_path / "c.png").alpha, case.alpha, atol=0.003)
    case = load_case(str(tmp_path / "b.png"), TaskOptions("inpaint"), seed=0)
    assert case.alpha is None  # it said what was missing, and nothing is any more


def test_what_is_half_transparent_stays_so_where_the_rest_of_the_transparency_was_filled(tmp_path, clean):
    alpha = half().clone()
    alpha[..., :20] = torch.where(alpha[..., :20] > 0, 160 / 255, 0.0)
    write_image(tmp_path / "b.png", clean, alpha=alpha)
    case = load_case(str(tmp_path / "b.png"), TaskOptions("inpaint"), seed=0)
    assert torch.allclose(case.alpha, torch.where(alpha > 0, alpha, 1.0))
    edge = half().clone()
    edge[..., :1] = torch.where(edge[..., :1] > 0, 0.7, 0.0)
    write_image(tmp_path / "b.png", clean, alpha=edge)
    assert load_case(str(tmp_path / "b.png"), TaskOptions("inpaint"), seed=0).alpha is None  # a soft edge


def test_pictures_too_small_to_judge_are_refused(tmp_path):
    for height, width in ((1, 1), (3, 7)):
        write_image(tmp_path / "t.png", torch.full((1, 3, height, width), 0.5))
        for task in ("denoise", "inpaint", "sr"):
            with pytest.raises(InputError, match=f"{width} × {height}; .*8 pixels per side"):
                load_case(str(tmp_path / "t.png"), TaskOptions(task), seed=0)
    write_image(tmp_path / "s.png", torch.full((1, 1, 12, 12), 0.5))
    with pytest.raises(InputError, match="at least 50"):
        load_case(str(tmp_path / "s.png"), TaskOptions("sr"), seed=0)


def test_floats_are_worked_on_in_their_own_range(tmp_path, clean):
    x = clean[0].permute(1, 2, 0).numpy()
    tifffile.imwrite(tmp_path / "f.tif", x * 255, photometric="rgb")
    case = load_case(str(tmp_path / "f.tif"), TaskOptions("inpaint"), seed=0)
    assert case.notes[0].startswith("values from 0 to 2") and case.bits == 32
    assert float(case.problem.y.max()) == pytest.approx(0.99, abs=0.011)
    tifffile.imwrite(tmp_path / "g.tif", x * 1.2, photometric="rgb")
    case = load_case(str(tmp_path / "g.tif"), TaskOptions("inpaint"), seed=0)
    assert case.range.span == 1 and case.bits == 32


def test_a_folder_of_references_holds_one_of_the_same_name(tmp_path, clean):
    write_image(tmp_path / "noisy" / "a.png", clean)
    options = TaskOptions("denoise", sigma=5, reference=str(tmp_path))
    assert torch.allclose(load_case(str(tmp_path / "noisy" / "a.png"), options, seed=0).reference, clean)
    write_image(tmp_path / "noisy" / "b.png", clean)
    with pytest.raises(InputError, match="0 files named b"):
        load_case(str(tmp_path / "noisy" / "b.png"), options, seed=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"task": "paint"}, "denoise, inpaint, sr or deblur"),
        ({"task": "denoise", "sigma": 0}, "sigma is 0; .*above 0"),
        ({"task": "denoise", "sigma": -3}, "sigma is -3"),
        ({"task": "denoise", "sigma": float("nan")}, "sigma is nan"),
        ({"task": "inpaint", "sigma": 25}, "belongs to denoise"),
        ({"task": "sr", "photons": 30}, "belong to denoise"),
        ({"task": "denoise", "photons": 0}, "photons is 0"),
        ({"task": "denoise", "photons": float("inf")}, "photons is inf"),
        ({"task": "denoise", "photons": 30, "sigma": 25}, "both --sigma and --photons"),
        ({"task": "inpaint", "missing": 0.5}, "percentage from 1 to 99"),
        ({"task": "inpaint", "missing": 100}, "percentage from 1 to 99"),
        ({"task": "inpaint", "missing": 50, "mask": "m.png"}, "both --missing and --mask"),
        ({"task": "sr", "mask": "m.png"}, "belongs to inpaint"),
        ({"task": "sr", "factor": 1}, "whole number from 2"),
        ({"task": "sr", "factor": 2.5}, "whole number from 2"),
        ({"task": "sr", "simulate": True, "reference": "r.png"}, "leave one"),
    ],
)
def test_impossible_requests_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        TaskOptions(**values)


def test_options_survive_json():
    options = TaskOptions("inpaint", mask="m.png", invert_mask=True, reference="r.png")
    assert TaskOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    with pytest.raises(FormatError, match="unknown key 'sgima'"):
        TaskOptions.from_dict({"task": "denoise", "sgima": 3})
    with pytest.raises(FormatError, match="name no task"):
        TaskOptions.from_dict({})


def test_a_crop_is_a_problem_of_its_own(tmp_path, clean):
    whole = load_case(str(tmp_path / "a.png"), TaskOptions("inpaint"), seed=0).problem
    crop = crop_problem(whole, top=5, left=7, height=24, width=20)
    assert crop.image_shape == (1, 3, 24, 20)
    assert torch.equal(crop.y, whole.y[..., 5:29, 7:27])
    assert torch.equal(crop.operator.A(torch.ones(1, 3, 24, 20)), crop.observed.expand(1, 3, 24, 20))
    with pytest.raises(InputError, match="40 × 40"):
        crop_problem(whole, top=20, left=0, height=24, width=20)


def test_a_super_resolution_crop_trusts_only_what_it_contains():
    x = torch.rand(1, 3, 79, 80, generator=torch.Generator().manual_seed(0))
    y = simulate_measurement(x, TaskOptions("sr", factor=4), seed=0).y
    noise = load_case("sample:camera", TaskOptions("inpaint"), seed=0).problem.noise
    whole = Problem(
        y, Downsample(4, (1, 3, 79, 80)), noise, (1, 3, 79, 80), observed=torch.ones(1, 1, 20, 20)
    )
    crop = crop_problem(whole, top=8, left=0, height=12, width=10)
    assert crop.image_shape == (1, 3, 47, 40)
    assert int(crop.observed.sum()) == 10 * 8  # two measured pixels are lost at the upper and the right cut
    predicted = crop.operator.A(x[..., 32:79, :40])
    assert float(((predicted - crop.y) * crop.observed).abs().max()) < 1e-5
    assert float((predicted - crop.y).abs().max()) > 1e-2
