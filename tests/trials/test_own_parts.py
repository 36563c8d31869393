"""Parts of one's own travel to workers in memory, by value where they are a script's, and never through a file."""

from __future__ import annotations

import subprocess
import sys
import threading
from textwrap import dedent

import numpy as np
import pytest
import torch

from dipsearch.api.asked import cases_of, own_operators
from dipsearch.errors import FormatError, InputError
from dipsearch.problem import Gaussian, LinearOperator, Mask, Problem, Product
from dipsearch.trials.own_parts import NOTHING, OwnParts, operators_of, own_operator, unpacked
from dipsearch.trials.problem_files import WHOLE, problem_path, read_problem, write_problem

Y = np.random.default_rng(0).random((12, 16)).astype(np.float32)


def flipped():
    """A problem whose operator no file holds."""
    pair = (lambda x: x.flip(-1), lambda y: y.flip(-1))
    return Problem(Y, pair, Gaussian(0.1))


def test_functions_and_operators_arrive_as_they_were():
    problem, factor = flipped(), 3.0
    own = OwnParts(operators={"image": problem.operator}, metric=lambda x, y, weight: factor * float(x.sum()))
    there = unpacked(own.packed())
    assert there.metric(torch.ones(2), None, None) == 6.0
    x = torch.rand(1, 1, 12, 16)
    assert torch.equal(there.operators["image"].A(x), x.flip(-1))
    assert there.sampler is there.pruner is there.propose is None


def test_nothing_is_nothing():
    assert unpacked(None) is NOTHING and not NOTHING.operators and not NOTHING.registered


@pytest.mark.parametrize("part", [threading.Lock(), (n for n in range(3))])
def test_what_cannot_travel_is_refused_before_any_worker_starts(part):
    own = OwnParts(metric=lambda x, y, weight: part)
    with pytest.raises(InputError, match="a part of one's own cannot be sent to a worker: cannot pickle"):
        own.packed()


def test_an_own_operator_is_found_for_the_files_of_its_study_while_that_is_worked_on(tmp_path):
    problem = flipped()
    file = problem_path(tmp_path, kind=WHOLE, name="image")
    write_problem(file, problem)
    with operators_of(tmp_path, OwnParts(operators={"image": problem.operator})):
        read = read_problem(file)
        assert read.operator is problem.operator and read.form == problem.form
        assert own_operator(tmp_path, "other") is None
        assert own_operator(tmp_path / "inputs" / "..", "image") is problem.operator
    with pytest.raises(FormatError, match="is one's own"):
        read_problem(file)


def test_nothing_in_a_file_of_a_problem_can_run(tmp_path):
    file = problem_path(tmp_path, kind=WHOLE, name="image")
    write_problem(file, flipped())
    with np.load(file, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)
        assert str(arrays["operator"]) == "given"


def test_a_registered_class_of_a_script_is_registered_where_it_arrives(tmp_path):
    """A worker does not run the script, so it has to be told of the classes that the script registered."""
    (tmp_path / "script.py").write_text(
        dedent("""
        import subprocess, sys
        import numpy as np
        import dipsearch as ds
        from dipsearch.api.asked import cases_of, own_operators

        @ds.register("a flip of test_own_parts")
        class Flip:
            def A(self, x): return x.flip(-1)
            def A_adjoint(self, y): return y.flip(-1)
            def to(self, device): return self
            def to_arrays(self): return {}
            @classmethod
            def from_arrays(cls, arrays): return cls()

        y = np.random.default_rng(0).random((12, 16))
        problem = ds.Problem(y, ds.Product(ds.Mask(np.ones((12, 16))), Flip()), ds.Gaussian(0.1), image_shape=(12, 16))
        open("packed", "wb").write(own_operators(cases_of([problem])).packed())
        """)
    )
    script = [sys.executable, "script.py"]
    subprocess.run(script, cwd=tmp_path, check=True, env={"PYTHONPATH": ":".join(sys.path)}, timeout=300)
    unpacked((tmp_path / "packed").read_bytes())
    from dipsearch.problem.operators import operator_from_arrays

    flip = operator_from_arrays({"operator": np.array("a flip of test_own_parts")})
    assert torch.equal(flip.A(torch.arange(3.0)[None]), torch.tensor([[2.0, 1.0, 0.0]]))
    unpacked((tmp_path / "packed").read_bytes())  # twice does no harm


def test_a_product_with_a_factor_of_ones_own_is_ones_own(tmp_path):
    own = LinearOperator(lambda x: x / 2, lambda y: y / 2, image_shape=(12, 16))
    problem = Problem(Y, Product(Product(Mask(np.ones((12, 16))), own)), Gaussian(0.1))
    file = problem_path(tmp_path, kind=WHOLE, name="image")
    write_problem(file, problem)
    with pytest.raises(FormatError, match=r"give the operator again"):
        read_problem(file)
    parts = unpacked(own_operators(cases_of([problem])).packed())
    with operators_of(tmp_path, parts):
        again = read_problem(file)
    assert torch.equal(again.operator.A(problem.y), problem.operator.A(problem.y)) and again.task == "invert"
