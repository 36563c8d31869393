"""Known networks: presets, what similar measurements say of their order, and the user's own studies."""

from pathlib import Path

import pytest
import torch

from dipsearch.library import preset, starters_for
from dipsearch.library.kept_studies import PLACE, keep_study
from dipsearch.library.kept_study_file import KeptNetwork, KeptPicture, KeptStudy
from dipsearch.library.measurement_features import FEATURES
from dipsearch.library.preselection import EvidenceCase, Seen
from dipsearch.network import load_space
from dipsearch.problem import Case, Gaussian, Identity, NoiseModel, Problem
from dipsearch.request_words import OrderWord
from dipsearch.run.known_networks import KnownNetworks, known_networks

NAMES = [name for name, _ in starters_for("denoise")]


def found(order: OrderWord = "auto", *, images: bool = True) -> KnownNetworks:
    y = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    problem = Problem(
        y, Identity(), NoiseModel("gaussian", 0.1, "given"), y.shape, observed=torch.ones(1, 1, 32, 32)
    )
    case = Case(name="a", source="array:a", problem=problem, reference=None, bits=8, notes=())
    return known_networks([case], load_space("skip"), order=order, images=[y] if images else [])


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three measurements on which the fourth preset was the best."""
    seen = (Seen(NAMES[0], 0.4, 200), Seen(NAMES[3], 0.0, 150))
    cases = tuple(EvidenceCase(f"p{i}", "denoise", dict.fromkeys(FEATURES, float(i)), seen) for i in range(3))
    monkeypatch.setattr("dipsearch.run.known_networks.shipped_cases", lambda: cases)


def test_the_fixed_order_is_that_of_the_presets_and_the_features_are_told() -> None:
    known = found("fixed")
    names = [name for name, _ in known.starters]
    assert names == [name for name in NAMES if name in names] and names[0] == NAMES[0]
    assert known.record["order"] == "fixed" and set(known.record["features"]) == set(FEATURES)
    assert known.notes == ()


def test_where_there_are_first_answers_presets_without_one_in_their_input_are_left_out() -> None:
    guided, plain = found("fixed"), found("fixed", images=False)
    assert guided.starters and all(genome.needs_pilot for _, genome in guided.starters)
    assert guided.published == ()
    assert {name for name, _ in guided.starters} < {name for name, _ in plain.starters}
    assert any(not genome.needs_pilot for _, genome in plain.starters) and plain.published


@pytest.mark.usefixtures("recorded")
def test_similar_measurements_order_the_networks_and_one_line_says_so() -> None:
    known = found("similar")
    assert [name for name, _ in known.starters][:2] == [NAMES[3], NAMES[0]]
    assert known.why_first.startswith(f"{NAMES[3]} is tried first: on the 3 most similar")
    assert known.notes == ()
    for order in ("fixed", "auto"):
        assert found(order).why_first == "" and found(order).record["order"] == "fixed"
    assert known.record["order"] == "similar"
    assert known.record["expected"][0] == {"network": NAMES[3], "behind": 0.0, "steps": 150, "cases": 3}


@pytest.mark.usefixtures("recorded")
def test_without_first_answers_the_order_is_fixed() -> None:
    known = found("similar", images=False)
    assert known.starters[0][0] == NAMES[0] and known.record["features"] is None


def test_a_search_tries_the_best_of_the_users_own_studies_after_the_first_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PLACE, str(tmp_path))
    genome = load_space("skip").genome(load_space("skip").nearest(preset("dipsearch_nearest_16")))
    picture = KeptPicture("0123456789ab", (1, 3, 32, 32), dict.fromkeys(FEATURES, 0.5))
    network = KeptNetwork(genome, 30.0, 300)
    keep_study(KeptStudy("mine", "denoise", 0, "2026-01-01", "0.1.0", (picture,), (network,)))
    (tmp_path / "foreign.json").write_text('{"a": 1}', encoding="utf-8")
    known = found()
    assert [name for name, _ in known.starters][:2] == [NAMES[0], "library:mine"]
    assert known.record["own"] == ["library:mine"]
    assert len(known.notes) == 1 and known.notes[0].startswith("foreign of your library is left out")


def test_a_user_without_a_home_directory_has_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for variable in (PLACE, "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    known = found()
    assert known.starters[0][0] == NAMES[0] and known.notes == () and known.record["own"] == []


def test_a_library_that_cannot_be_entered_is_left_out_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_dir = Path.is_dir

    def closed(self: Path) -> bool:
        if self == tmp_path:
            raise PermissionError(13, "Permission denied", str(self))
        return is_dir(self)

    monkeypatch.setenv(PLACE, str(tmp_path))
    monkeypatch.setattr(Path, "is_dir", closed)
    known = found()
    assert known.starters[0][0] == NAMES[0]
    assert known.notes == (f"your library {tmp_path} is left out: the system says: Permission denied",)


def test_where_much_is_unseen_networks_without_a_first_answer_take_turns_with_those_that_have_it() -> None:
    y = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))

    def total(x: torch.Tensor) -> torch.Tensor:
        return x.sum(1, keepdim=True)

    def spread(back: torch.Tensor) -> torch.Tensor:
        return back.expand(1, 3, 32, 32)

    problem = Problem(y, (total, spread), Gaussian(0.1), image_shape=(1, 3, 32, 32))
    case = Case(name="a", source="array:a", problem=problem, reference=None, bits=32, notes=())
    known = known_networks([case], load_space("skip"), order="fixed", images=[torch.rand(1, 3, 32, 32)])
    guided = [genome.needs_pilot for _, genome in known.starters]
    assert guided[:4] == [True, False, True, False]
