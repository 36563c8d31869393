"""The form of a measurement, in which its image is handed back."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from dipsearch.problem import Form


def image(*values, channels=1):
    """(1, C, 1, n)."""
    return torch.tensor([[[list(values)]] * channels]).reshape(1, channels, 1, -1)


def test_0_and_1_are_the_ends_of_the_range():
    form = Form(kind="numpy", layout="HW", dtype="float64", low=-100.0, high=300.0)
    assert form.back(image(0.0, 0.5, 1.0)).tolist() == [[-100, 100, 300]]


@pytest.mark.parametrize(("kind", "dtype"), [("numpy", "uint8"), ("tensor", "uint8"), ("numpy", "uint16")])
def test_whole_numbers_are_rounded_and_cut_off(kind, dtype):
    top = np.iinfo(dtype).max
    back = Form(kind=kind, layout="HW", dtype=dtype, high=float(top)).back(
        image(-1.0, 0.4 / top, 0.6 / top, 2.0)
    )
    assert back.tolist() == [[0, 0, 1, top]]
    assert str(back.dtype).endswith(dtype)


@pytest.mark.parametrize("kind", ["numpy", "tensor"])
def test_what_is_no_number_never_becomes_a_whole_one(kind):
    back = Form(kind=kind, layout="HW", dtype="uint8", high=255.0).back(image(float("nan"), 1.0))
    assert str(back.dtype).endswith("float32") and np.isnan(float(back[0, 0])) and back[0, 1] == 255


def test_floats_are_not_cut_off():
    form = Form(kind="tensor", layout="BCHW", dtype="float32")
    assert form.back(image(-0.5, 1.5)).tolist() == [[[[-0.5, 1.5]]]]


@pytest.mark.parametrize(
    ("kind", "layout", "channels", "shape"),
    [
        ("numpy", "HW", 1, (1, 2)),
        ("numpy", "HW", 3, (1, 2, 3)),
        ("numpy", "HWC", 1, (1, 2, 1)),
        ("numpy", "HWC", 3, (1, 2, 3)),
        ("tensor", "HW", 1, (1, 2)),
        ("tensor", "HW", 3, (3, 1, 2)),
        ("tensor", "CHW", 1, (1, 1, 2)),
        ("tensor", "BCHW", 3, (1, 3, 1, 2)),
    ],
)
def test_axes_are_those_of_the_measurement(kind, layout, channels, shape):
    x = torch.arange(2.0 * channels).reshape(1, channels, 1, 2)
    back = torch.as_tensor(Form(kind=kind, layout=layout).back(x))
    assert tuple(back.shape) == shape
    last = back.movedim(-1, 0) if kind == "numpy" and len(shape) == 3 else back
    assert torch.equal(last.reshape(channels, 1, 2), x[0])


def test_a_complex_image_has_its_real_parts_first():
    form = Form(kind="numpy", layout="HW", dtype="complex64", low=-2.0, high=2.0, complex_values=True)
    x = torch.cat([image(0.75), image(0.25)], dim=1)
    assert form.back(x).tolist() == [[1 - 1j]]


def test_a_form_goes_through_a_file_of_text():
    form = Form(kind="numpy", layout="HWC", dtype="uint16", low=3.5, high=4000.0)
    assert Form(**json.loads(json.dumps(asdict(form)))) == form


def test_the_plain_form_changes_nothing():
    x = torch.rand(1, 3, 4, 5)
    assert torch.equal(Form().back(x), x)
