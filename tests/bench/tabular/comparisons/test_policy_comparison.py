"""Policies replayed on a table: slices and what a policy sees of them, and the comparison at equal time."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from dipsearch.bench.tabular import Table, replay_search
from dipsearch.bench.tabular.comparisons.policy_comparison import policies_markdown, policy_rows
from dipsearch.bench.tabular.recorded.table_genomes import SEEDS_OF_BEST
from dipsearch.bench.tabular.strategies.known_strategies import other_seeds
from dipsearch.bench.tabular.strategies.search_replay import SECONDS_PER_MINUTE, STEP_SECONDS
from dipsearch.execution.task import Advanced, Progress
from dipsearch.library import preset
from dipsearch.planning.policy import ExpectedGain, Move, Situation, WholeFits
from dipsearch.run.candidate import Candidate
from tests.bench.tabular.recorded.made_table import STEPS, made_table


@pytest.fixture(scope="module")
def table() -> Table:
    return made_table(20)


@dataclass
class Asked:
    """Begins a new candidate while there is one, then advances nobody; keeps what it was asked."""

    most: int = 99
    situations: list[Situation] = field(default_factory=list)

    def decide(self, situation: Situation) -> Move | None:
        self.situations.append(situation)
        begins = situation.can_begin and len(situation.contestants) < self.most
        return Move(None, 200, "a test") if begins else None


def test_a_slice_ends_after_its_time_and_at_a_check_point(table: Table) -> None:
    asked = Asked()
    replay_search(other_seeds, table, table.cases[0], seed=0, minutes=4, policy=asked)
    # 2 % of 200 s are 4 s, 50 iterations of 0.08 s.
    assert [one.left for one in asked.situations[:4]] == pytest.approx([200, 200, 196, 196])
    assert [one.steps for one in asked.situations[2].contestants] == [50, 0]
    assert [one.busy for one in asked.situations[2].contestants] == [False, True]


def test_a_policy_sees_no_more_than_was_there_at_that_moment(table: Table) -> None:
    asked, case = Asked(), table.cases[0]
    tried = replay_search(other_seeds, table, case, seed=0, minutes=12, policy=asked)
    # 2 % of 600 s would be 150 iterations; no slice is longer than from sketch to sketch.
    first, begun = asked.situations[2].contestants
    assert first.curve[-1][0] == 80 and len(first.curve) == 8
    assert first.mse == pytest.approx(float(tried[0].fit.validation_mse[7]))
    assert begun.curve == () and begun.sketch is None and math.isnan(begun.mse)
    # Of its picture it sees how far that is from the first answer, and not how far from the clean one.
    assert first.sketch == pytest.approx(tried[0].fit.sketches[0] - case.first[0])


def test_a_curve_is_that_which_a_search_follows(table: Table) -> None:
    fit = next(iter(table.cases[0].fits.values()))
    restless = fit.now_validation_mse * (1 + 0.5 * np.sin(np.arange(len(fit.now_validation_mse)))).astype(
        "f4"
    )
    steps = range(10, fit.steps + 1, 10)
    candidate = Candidate(0, 0, preset("dipsearch_pilot_16"), 200)
    points = tuple((step, float(value)) for step, value in zip(steps, restless, strict=True))
    progress = Progress(None, points, fit.steps, 0.0, 0.0, None)
    candidate.advanced(Advanced(fit.steps, fit.steps, 1.0, 0.0, (progress,)))
    seen = candidate.contestant(seconds_per_step=1.0).curve
    assert np.array(replace(fit, now_validation_mse=restless).curve) == pytest.approx(np.array(seen))


def test_a_worker_with_nothing_to_do_is_asked_again_when_another_is_done(table: Table) -> None:
    asked = Asked(most=1)
    replay_search(other_seeds, table, table.cases[0], seed=0, minutes=4, policy=asked)
    assert [(one.left, len(one.contestants)) for one in asked.situations] == [
        (200, 0),
        (200, 1),
        (pytest.approx(196), 1),
        (pytest.approx(196), 1),
    ]


def test_whole_fits_end_with_the_search_or_by_their_own_rule(table: Table) -> None:
    short = replay_search(other_seeds, table, table.cases[0], seed=0, minutes=0.6, policy=WholeFits())
    assert [one.steps for one in short] == [int(0.6 * SECONDS_PER_MINUTE / STEP_SECONDS / 10) * 10] * 2
    long = replay_search(other_seeds, table, table.cases[0], seed=0, minutes=20, policy=WholeFits())
    assert [one.steps for one in long] == [STEPS] * SEEDS_OF_BEST


def test_policies_are_compared_at_equal_time_and_test_pictures_are_kept_apart(table: Table) -> None:
    compared = {"whole fits": WholeFits, "expected gain": ExpectedGain}
    rows = policy_rows(table, orders=2, workers=1, policies=compared, times=(0.5,))
    candidates = sum(one.genome.genome.needs_pilot for one in table.genomes)
    assert [(row.strategy, row.set, row.cases, row.orders, row.networks) for row in rows] == [
        ("whole fits", "tuning", 3, 2, candidates),
        ("expected gain", "tuning", 3, 2, candidates),
        ("whole fits", "test", 3, 2, candidates),
        ("expected gain", "test", 3, 2, candidates),
    ]
    assert rows[0].gain_over_whole == 0 and rows[1].looks > rows[0].looks
    assert rows[1].gain_over_whole == pytest.approx(rows[1].mean_psnr - rows[0].mean_psnr, abs=2e-3)
    assert "| expected gain | " in policies_markdown(rows, command="a command", date="today")
