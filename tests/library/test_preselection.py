"""Pre-selection: similar measurements order the known networks, and a damaged file is refused."""

import json
from pathlib import Path

import pytest

from dipsearch.errors import FormatError
from dipsearch.library import preset_names, starters_for
from dipsearch.library.measurement_features import FEATURES
from dipsearch.library.preselection import EvidenceRow, cases_from, expected, ordered, preselection_words
from dipsearch.library.preselection_file import FILE, read_preselection, write_preselection


def features(**changed: float) -> dict[str, float]:
    return dict.fromkeys(FEATURES, 1.0) | changed


def rows() -> list[EvidenceRow]:
    """Where much is similar "near" wins by a decibel, elsewhere "far"."""
    found = []
    for index in range(6):
        similar = index < 3
        for network, psnr in (("near", 30.0 if similar else 27.0), ("far", 29.0 if similar else 28.0)):
            similarity = 0.9 + 0.01 * index if similar else 0.01 * index
            found.append(
                EvidenceRow(
                    f"p{index}", "denoise", features(similarity=similarity), network, psnr, 100 + 10 * index
                )
            )
    return found


def test_the_networks_that_did_best_on_similar_measurements_come_first() -> None:
    cases = cases_from(rows())
    assert len(cases) == 6 and max(one.behind for one in cases[0].seen) == 1.0
    for similarity, best in ((0.95, "near"), (0.05, "far")):
        found = expected(
            cases, features(similarity=similarity), task="denoise", networks=["far", "unseen", "near"]
        )
        assert found[0].network == best and found[0].behind == 0 and found[1].behind == 1
        assert found[0].cases == 3
        assert ordered(["far", "unseen", "near"], found)[0] == best
        assert ordered(["far", "unseen", "near"], found)[2] == "unseen"
    assert 100 <= found[0].steps <= 150
    assert "far is tried first" in preselection_words(found, 6)


def test_without_a_case_of_the_task_the_order_stays() -> None:
    found = expected(cases_from(rows()), features(), task="sr", networks=["a", "b"])
    assert found == () and ordered(["a", "b"], found) == ("a", "b")


def test_a_file_reads_back_equal_with_a_line_for_each_case(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    write_preselection(file, cases_from(rows()), source="a test")
    assert read_preselection(file) == cases_from(rows())
    assert len(file.read_text(encoding="utf-8").splitlines()) == 4 + 6 + 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["cases"][0]["features"].pop("noise"), "the features of p0 are"),
        (lambda c: c["cases"][0]["seen"].append(c["cases"][0]["seen"][0]), "occurs twice"),
        (lambda c: c["cases"].append(c["cases"][0]), "p0 with the task denoise occurs twice"),
        (lambda c: c["cases"][0]["seen"][0].update(behind=-1), "behind"),
        (lambda c: c.update(format="dipsearch/preselection/9"), "format"),
        (lambda c: c.update(more=1), "unknown key"),
    ],
)
def test_a_damaged_file_is_refused(change: object, words: str, tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    write_preselection(file, cases_from(rows()), source="a test")
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)  # type: ignore[operator]
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FormatError, match=words):
        read_preselection(file)


def test_what_is_shipped_knows_presets_alone() -> None:
    if not FILE.is_file():
        pytest.skip("no cases are shipped")
    cases = read_preselection()
    names = set(preset_names())
    assert len(cases) >= 8 and {one.network for case in cases for one in case.seen} <= names
    assert FILE.stat().st_size < 30_000
    for case in cases:  # a network without evidence comes last, however good it is
        assert starters_for(case.task)[0][0] in {one.network for one in case.seen}
