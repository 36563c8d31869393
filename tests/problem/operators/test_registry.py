"""The registry: under its name an operator is written to a file, and of one without a name only that there was one."""

from __future__ import annotations

import numpy as np
import pytest

from dipsearch.errors import FormatError, InputError
from dipsearch.problem import Identity, LinearOperator, Mask, Product, register
from dipsearch.problem.operators import name_of, operator_from_arrays, operator_names, operator_to_arrays


@pytest.fixture(scope="module")
def Gain():
    @register("gain of test_registry")
    class Gain:
        def __init__(self, factor):
            self.factor = factor

        def A(self, x):
            return self.factor * x

        A_adjoint = A

        def to(self, device):
            return self

        def to_arrays(self):
            return {"factor": np.array(self.factor)}

        @classmethod
        def from_arrays(cls, arrays):
            return cls(float(arrays["factor"]))

    return Gain


def test_a_registered_operator_goes_through_plain_arrays(Gain):
    arrays = operator_to_arrays(Gain(3.0))
    assert {key: value.tolist() for key, value in arrays.items()} == {
        "operator": "gain of test_registry",
        "operator.factor": 3.0,
    }
    back = operator_from_arrays(arrays | {"y": np.zeros(3)})
    assert type(back) is Gain and back.factor == 3.0


def test_a_product_of_registered_operators_does_so_too(Gain):
    back = operator_from_arrays(operator_to_arrays(Product(Mask(np.ones((9, 9))), Gain(2.0))))
    assert back.operators[1].factor == 2.0 and back.operators[0].mask.shape == (1, 1, 9, 9)


def test_names_are_listed_and_found(Gain):
    assert {"gain of test_registry", "identity", "mask", "downsample", "blur"} <= set(operator_names())
    assert list(operator_names()) == sorted(operator_names())
    assert name_of(Gain(1.0)) == "gain of test_registry" and name_of(Identity()) == "identity"


def test_a_subclass_has_no_name(Gain):
    assert name_of(type("Other", (Gain,), {})(1.0)) == "given"


def test_of_an_own_operator_a_file_says_only_that_there_was_one():
    own = LinearOperator(lambda x: x, lambda y: y)
    arrays = operator_to_arrays(own)
    assert {key: value.tolist() for key, value in arrays.items()} == {"operator": "given"}
    assert operator_from_arrays(arrays, given=own) is own
    with pytest.raises(FormatError, match=r"is one's own; .*; give the operator again"):
        operator_from_arrays(arrays)


def test_a_name_belongs_to_one_class(Gain):
    class Another(Gain):
        pass

    with pytest.raises(InputError, match="'gain of test_registry' of an operator is taken"):
        register("gain of test_registry")(Another)
    with pytest.raises(InputError, match="'given' of an operator is taken"):
        register("given")(Gain)
    assert register("gain of test_registry")(Gain) is Gain  # a cell of a notebook that is run again


def test_a_class_without_both_methods_is_refused():
    with pytest.raises(InputError, match="Half lacks to_arrays or from_arrays"):
        register("half")(type("Half", (), {"to_arrays": lambda self: {}}))
    assert "half" not in operator_names()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "the file has no operator"),
        ({"operator": np.array("nobody knows")}, "known are .*mask"),
        ({"operator": np.array("gain of test_registry")}, "is incomplete"),
    ],
)
def test_a_file_without_a_readable_operator_is_refused(Gain, arrays, said):
    with pytest.raises(FormatError, match=said):
        operator_from_arrays(arrays)
