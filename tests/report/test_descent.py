"""Where candidates come from, which genes mattered, and who worked when: the rows behind the figures."""

import warnings
from dataclasses import replace

import optuna
import pytest

from dipsearch.report.descent_figures import family_tree, parallel_coordinates, timeline
from dipsearch.report.genes import importance_rows, parallel
from dipsearch.report.lineage import Change, ancestry, change_words, changes, descent, edges, nodes
from dipsearch.report.timeline import spans


def test_edges_say_which_genes_changed(make_study) -> None:
    found = {(edge.parent, edge.child): edge for edge in edges(make_study())}
    assert set(found) == {(0, 1), (0, 2), (1, 2)}
    assert Change("depth", 3, 2) in found[1, 2].changes
    assert Change("channels_down_2", 64, None) in found[1, 2].changes


def test_a_change_reads_as_a_sentence(genome_of) -> None:
    one = genome_of(8)
    other = replace(one, learning_rate=0.02, up_1x1=False)
    assert [change.words for change in changes(one, other)] == [
        "learning rate: 0.01 → 0.02",
        "up 1x1: yes → no",
    ]
    assert changes(one, one) == changes(None, one) == ()


def test_the_same_change_on_neighbouring_scales_is_told_once() -> None:
    found = [
        *(Change(f"kernel_up_{scale}", 3, 5) for scale in (0, 1, 2, 4)),
        Change("channels_up_3", 8, 16),
        Change("loss", "mse", "l1"),
        Change("channels_skip_0", 0, 8),
        Change("kernel_skip_0", None, 1),
    ]
    assert change_words(found) == (
        "channels skip 0: 0 → 8",
        "channels up 3: 8 → 16",
        "kernel up 0–2: 3 → 5",
        "kernel up 4: 3 → 5",
        "loss: mse → l1",
    )


def test_a_changed_depth_stands_for_the_scales_that_went(genome_of) -> None:
    found = change_words(changes(genome_of(8, depth=3), genome_of(8, depth=2)))
    assert found == ("depth: 3 → 2",)


def test_the_best_and_its_ancestors_are_marked(make_study) -> None:
    record = make_study()
    assert ancestry(record) == {0, 1}
    assert [(node.number, node.generation, node.chosen) for node in nodes(record)] == [
        (0, 0, True),
        (1, 1, True),
        (2, 2, False),
        (3, 0, False),
        (4, 0, False),
    ]
    assert [trial.number for trial, _ in descent(record)] == [0, 1]


def test_the_winner_is_whom_the_finalists_chose(make_study, result) -> None:
    record = make_study(result={**result, "best": {"number": 0, "score": 25.0}})
    assert record.ranked()[0].number == 1
    assert ancestry(record) == {0}
    assert [trial.number for trial, _ in descent(record)] == [0]


def test_a_circle_of_parents_ends(make_study) -> None:
    record = make_study()
    circle = tuple(replace(e, parents=(1 - e.number,)) if e.number < 2 else e for e in record.trials)
    assert len(descent(replace(record, trials=circle))) == 2


def test_the_gene_that_decides_is_the_most_important(make_study, genome_of) -> None:
    record = make_study()
    many = tuple(
        replace(
            record.trials[1],
            number=n,
            genome=replace(genome_of(8), learning_rate=0.001 * (1 + n), jitter=0.01 * (n * 7 % 5)),
            estimated_psnr=20.0 + n,
        )
        for n in range(24)
    )
    rows = importance_rows(replace(record, trials=many))
    assert rows[0].gene == "learning_rate"
    assert sum(row.importance for row in rows) == pytest.approx(1)
    assert importance_rows(record) == ()  # two candidates say nothing


def test_optuna_does_not_warn_on_the_console_of_genes_that_were_tried_once(
    make_study, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def importances(study: optuna.Study) -> dict[str, float]:
        warnings.warn("Some regimes for parameter `depth` have less than 2 trials.", stacklevel=2)
        return {"depth": 1.0}

    monkeypatch.setattr(optuna.importance, "get_param_importances", importances)
    record = make_study()
    many = tuple(replace(record.trials[1], number=n, estimated_psnr=20.0 + n) for n in range(24))
    assert [row.gene for row in importance_rows(replace(record, trials=many))] == ["depth"]
    assert not list(recwarn)


def test_parallel_coordinates_hold_one_place_for_every_candidate(make_study) -> None:
    lines = parallel(make_study(), ())
    assert lines is not None
    assert lines.numbers == (1, 0)
    assert all(len(axis.places) == 2 for axis in lines.axes)
    assert len({axis.places for axis in lines.axes}) == len(
        lines.axes
    )  # genes that go together are drawn once
    figure = parallel_coordinates(lines)
    assert all(
        trace.type == "scatter" for trace in figure.data
    )  # no WebGL: the page's policy forbids its code


def test_spans_are_seconds_from_the_start(make_study) -> None:
    record = make_study()
    assert [(span.number, span.worker, span.start, span.end) for span in spans(record)] == [
        (0, 0, 0.0, 30.0),
        (1, 1, 1.0, 51.0),
        (2, None, 31.0, 39.0),
        (3, None, 40.0, 41.0),
        (4, None, 52.0, 52.0),
    ]
    assert (
        spans(record, now=160.0)[-1].end == 60.0
    )  # the running candidate, looked at a minute after the start


def test_marks_carry_the_numbers_of_their_candidates(make_study) -> None:
    record = make_study()
    tree = family_tree(nodes(record), edges(record))
    assert {number for trace in tree.data for number in (trace.customdata or ())} == {0, 1, 2}
    bars = timeline(spans(record))
    assert sorted(number for trace in bars.data for number in trace.customdata) == [0, 1, 2, 3, 4]
