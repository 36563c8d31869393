"""Several studies: groups that differ in more than the seed, medians over equal time, one page."""

from dataclasses import replace

import pytest

from dipsearch.errors import InputError
from dipsearch.problem import TaskOptions
from dipsearch.report import write_comparison
from dipsearch.report.comparison import bands, cautions, compared_rows, groups, progress


@pytest.fixture
def three(make_study):
    """Two genetic runs and a random one; the second genetic run is 2 dB better and stops after 45 s."""
    record = make_study()

    def run(name: str, *, shift: float = 0.0, sampler: str = "genetic", **changes):
        moved = tuple(
            replace(e, estimated_psnr=e.estimated_psnr + shift if e.estimated_psnr is not None else None)
            for e in record.trials
        )
        return replace(
            record,
            request=replace(record.request, name=name, workers=2, sampler=sampler, **changes),
            trials=moved,
        )

    return run("a", seed=0), run("b", seed=1, shift=2.0), run("c", sampler="random", shift=-1.0)


def test_progress_follows_the_best_by_the_score(three) -> None:
    course = progress(three[0])
    assert (course.at, course.estimated_psnr, course.psnr) == ((30.0, 51.0), (25.0, 27.5), (24.5, 27.0))
    assert course.end == 51.0


def test_a_group_holds_what_differs_in_the_seed_alone(three) -> None:
    found = groups(three)
    assert {label: [r.request.name for r in group] for label, group in found.items()} == {
        "genetic": ["a", "b"],
        "random": ["c"],
    }


def test_bands_are_median_and_quartiles(three) -> None:
    genetic, random = bands(groups(three))
    assert (genetic.at[0], genetic.at[-1]) == (30.0, 51.0)
    assert (genetic.low[-1], genetic.median[-1], genetic.high[-1]) == (28.0, 28.5, 29.0)
    assert random.median[0] == 24.0
    assert [band.median[-1] for band in bands(groups(three), value="psnr")] == [27.0, 27.0]


def test_a_study_without_candidates_has_no_curve_and_a_row(three) -> None:
    empty = replace(three[2], trials=(), result=None)
    grouped = groups((three[0], empty))
    assert [band.label for band in bands(grouped)] == ["genetic"]
    assert [(row.name, row.complete, row.estimated_psnr) for row in compared_rows(grouped)] == [
        ("a", 2, 27.5),
        ("c", 0, None),
    ]
    assert cautions((three[0], empty))[-1] == "Not delivered: c."


def test_the_page_is_written_beside_the_studies(three) -> None:
    path = write_comparison(three)
    assert path == three[0].folder.parent / "comparison.html"
    text = path.read_text(encoding="utf-8")
    assert text.count("<figure><img") == 3 and "restored, PSNR 27.90 dB" in text
    assert "28.50 dB" in text and "default-src &#39;none&#39;" in text
    evil = replace(three[0], request=replace(three[0].request, name="<script>x</script>"))
    write_comparison((evil, *three[1:]))
    assert "<script>x" not in path.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="two studies"):
        write_comparison(three[:1])


def test_a_factor_is_named_where_there_is_one_and_what_is_delivered_is_estimated(three) -> None:
    first, *_ = three
    some = TaskOptions("denoise", sigma=25), TaskOptions("denoise", sigma=50), TaskOptions("sr", factor=2)
    records = [replace(first, request=replace(first.request, options=options)) for options in some]
    assert list(groups(records[:2])) == ["sigma 25", "sigma 50"]
    labels = list(groups(records))
    assert "factor 2" in labels[2] and "factor" not in labels[0]
    (row,) = compared_rows(groups((first,)))
    assert (row.estimated_psnr, row.delivered_estimate) == (27.5, 28.0)
