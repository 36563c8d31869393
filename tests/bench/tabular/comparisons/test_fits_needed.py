"""Fits until the best network is as good as the best random one: what counts, and what is only known of."""

from dataclasses import replace

import numpy as np
import pytest

from dipsearch.bench.tabular import Table
from dipsearch.bench.tabular.comparisons.fits_needed import FEW, fits_needed, fits_to_best_of_random
from dipsearch.bench.tabular.recorded.table_parts import TableFit
from dipsearch.bench.tabular.strategies.known_strategies import InOrder, random_genomes
from dipsearch.bench.tabular.strategies.strategy import Offer, Strategy
from tests.bench.tabular.recorded.made_table import made_table


@pytest.fixture(scope="module")
def table() -> Table:
    """One case, in which the random genomes end at 20.0, 20.2, 20.4, … dB, and estimates say the reverse."""
    whole = made_table(34)
    case = whole.cases[0]
    fits = dict(case.fits)
    for place, digest in enumerate(random_digests(whole)):
        fits[digest, 0] = with_end(fits[digest, 0], psnr=20 + 0.2 * place, estimate=30 - place)
    return replace(whole, cases=(replace(case, fits=fits),))


def random_digests(table: Table) -> list[str]:
    return [one.digest for one in table.genomes if one.genome.kind == "random"]


def with_end(fit: TableFit, *, psnr: float, estimate: float) -> TableFit:
    errors = np.full_like(fit.validation_mse, 10 ** (-estimate / 10))
    return replace(fit, psnr=np.full_like(fit.psnr, psnr), validation_mse=errors)


def counted(table: Table, *places: int, seeds: int = 1) -> dict[str, float]:
    """What is said of the random genomes of these places, one after the other."""

    def listed(offer: Offer) -> Strategy:
        return InOrder(iter([(random_digests(offer.table)[place], 0) for place in places]))

    found = fits_to_best_of_random(table, {"listed": listed}, set="tuning", seeds=seeds)
    return found["listed"]["denoise"]


def test_the_level_is_the_best_true_psnr_whatever_the_estimates_say(table: Table) -> None:
    last = len(random_digests(table)) - 1
    reached = counted(table, 3, 0, last)
    assert (reached["within"], reached["strictly"], reached["median"]) == (1, 1, 3)
    assert (reached["random"], reached["searches"]) == (last + 1, 1)
    # Of these three the one with the best estimate is the worst.
    assert reached["chosen"] == 0 and counted(table, last)["chosen"] == 1
    missed = counted(table, 0, 1, 2, last - 1)
    assert (missed["within"], missed["strictly"], missed["median"]) == (0, 0, -1)


def test_a_network_a_tenth_of_a_decibel_behind_has_reached_it_but_not_strictly(table: Table) -> None:
    *_, other, best = random_digests(table)
    case = table.cases[0]
    fits = dict(case.fits)
    fits[other, 0] = with_end(fits[other, 0], psnr=float(fits[best, 0].psnr[-1]) - 0.09, estimate=29)
    near = replace(table, cases=(replace(case, fits=fits),))
    found = counted(near, 0, len(random_digests(table)) - 2)
    assert (found["within"], found["strictly"], found["median"]) == (1, 0, 2)


def test_no_more_than_a_few_fits_are_looked_at(table: Table) -> None:
    last = len(random_digests(table)) - 1
    known = [0] * FEW
    assert counted(table, *known[1:], last)["within"] == 1
    assert counted(table, *known, last)["within"] == 0


def test_chance_is_its_own_control(table: Table) -> None:
    searches = fits_to_best_of_random(table, {"random": random_genomes}, set="tuning", seeds=12)
    found = searches["random"]["denoise"]
    count = len(random_digests(table))
    assert count < FEW and found["within"] == 1  # all of them are drawn
    assert 1 < found["median"] < count


def test_one_that_diverged_at_once_reaches_nothing(table: Table) -> None:
    fit = table.cases[0].fits[random_digests(table)[0], 0]
    nothing = replace(fit, psnr=fit.psnr[:0], validation_mse=fit.validation_mse[:0])
    assert fits_needed([nothing, fit], 19.0) == 2 and fits_needed([nothing], 0.0) == float("inf")
