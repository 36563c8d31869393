"""The run of real searches by strategy: damaged pictures, the command line as a person types it, minutes for each.

Strategies differ in who proposes networks, and in nothing else. Searches that are compared run side by side where
several run at once, so that what else the machine does befalls them alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ... import __version__
from ...errors import FormatError, InputError, ResourceError
from ...files import write_text
from ...library import preset, starters_for
from ...network import Genome
from ...network.genome import GLOBAL_GENES, SCALE_GENES
from ...run.devices import cores
from ..cases.rival_case import RivalCase, make_case
from ..cases.rival_damages import RivalDamage
from ..rivals.own_search import (
    DELIVERED,
    FIRST,
    NETWORKS,
    PATIENCE,
    SearchOutcome,
    own_answers,
    search_arguments,
)
from ..shared.row_file import RowFile
from ..shared.search_process import nothing_ignored, run_program
from ..shared.study_books import read_books
from ..shared.study_files import read_delivery
from ..tabular.comparisons.search_comparison import GENETIC, ONCE, PILOT, RANDOM, SEEDS
from ..tabular.recorded.table_genomes import DIP_DEFAULT
from .real_search_rows import RealSearchRow

NAME = "strategy"

TPE, DIP = "known, then TPE", "DIP default network, other seeds"

REPEATED = """\
format: dipsearch/space/1
description: One network with other seeds, {name}; learning rates that hardly differ make it another candidate.
seeds: own
genes:
{genes}
"""

LISTED = """\
format: dipsearch/space/1
description: Known networks and nothing else.
points:
{points}
"""

KNOWN = "known networks"
WARM, SIMILAR = f"{PILOT}, warm starts", f"{PILOT}, similar measurements first"

Named = tuple[str, Genome]
"""A known network."""


def best_known(task: str) -> Sequence[Named]:
    """The network that a search of such a task tries first."""
    return starters_for(task)[:1]


def published(task: str) -> Sequence[Named]:
    """The default network of Deep Image Prior, for all tasks as in the table of recorded fits."""
    del task
    return [(DIP_DEFAULT, preset(DIP_DEFAULT))]


@dataclass(frozen=True)
class RealStrategy:
    """Who proposes networks.

    Args:
        title: as in the replays.
        options: of the search.
        networks: all of them, by the task, each fitted once; ``None``: those that the search finds.
        repeated: the only one of them is fitted again and again, with seeds of its own. A search fits no network
            twice, so that its learning rate differs by a hundredth at the most.
    """

    title: str
    options: tuple[str, ...] = ()
    networks: Callable[[str], Sequence[Named]] | None = None
    repeated: bool = False

    def network(self, task: str) -> str:
        """The name of the only network; empty where there are others."""
        listed = [] if self.networks is None else self.networks(task)
        return listed[0][0] if len(listed) == 1 else ""

    def typed(self, folder: Path, *, task: str) -> list[str]:
        """What is typed behind the usual words; a space of its own is written into the folder."""
        if self.networks is None:
            return list(self.options)
        networks = self.networks(task)
        if self.repeated:
            [(name, genome)] = networks
            text = REPEATED.format(name=name, genes=_genes(genome))
        else:
            text = LISTED.format(
                points="\n".join(f"  {name}: {json.dumps(one.to_nested())}" for name, one in networks)
            )
        path = folder / "own_space.yaml"
        write_text(path, text)
        return ["--space", str(path), "--sampler", "random", *self.options]


def _genes(genome: Genome) -> str:
    """The lines of a space that has only this network, but for its learning rate."""
    rate = genome.learning_rate
    values = {name: getattr(genome, name) for name in GLOBAL_GENES}
    values |= {
        # Where there is no skip branch its kernel is of no use, and the list has a place for it all the same.
        name: [1 if (value := getattr(scale, name)) is None else value for scale in genome.scales]
        for name in SCALE_GENES
    }
    values |= {"depth": genome.depth, "learning_rate": {"float": [0.99 * rate, min(1.01 * rate, 1.0)]}}
    return "\n".join(f"  {name}: {json.dumps(value)}" for name, value in values.items() if value is not None)


STRATEGIES: Mapping[str, RealStrategy] = {
    "seeds": RealStrategy(SEEDS, networks=best_known, repeated=True),
    "pilot": RealStrategy(PILOT, ("--sampler", "pilot")),
    "random": RealStrategy(RANDOM, ("--sampler", "random")),
    "genetic": RealStrategy(GENETIC, ("--sampler", "genetic")),
    "tpe": RealStrategy(TPE, ("--sampler", "tpe")),
    "warm": RealStrategy(WARM, ("--sampler", "pilot", "--start", "warm")),
    "similar": RealStrategy(SIMILAR, ("--sampler", "pilot", "--order", "similar")),
    "once": RealStrategy(ONCE, ("--trials", "1"), networks=best_known),
    "known": RealStrategy(KNOWN, networks=starters_for),
    "dip": RealStrategy(DIP, networks=published, repeated=True),
}
"""By the words that are typed."""


def chosen_strategies(words: Sequence[str]) -> list[RealStrategy]:
    """The strategies of these words.

    Raises:
        InputError: there is none of such a word.
    """
    for word in words:
        if word not in STRATEGIES:
            raise InputError(
                f"there is no strategy {word!r} in this benchmark",
                f"they are {', '.join(STRATEGIES)}",
                "choose from these",
            )
    return [STRATEGIES[word] for word in dict.fromkeys(words)]


@dataclass(frozen=True)
class RealSearches:
    """What is searched.

    Args:
        sources: clean pictures.
        damages: one for each task.
        strategies: that are compared.
        minutes: budgets.
        seeds: of damages and searches.
        workers: processes of each search.
        at_once: searches that run side by side.
    """

    sources: Sequence[str]
    damages: Sequence[RivalDamage]
    strategies: Sequence[RealStrategy]
    minutes: Sequence[float]
    seeds: Sequence[int]
    workers: int
    at_once: int

    @property
    def threads(self) -> int:
        """Of each process of a search, so that they share the machine evenly."""
        return max(1, cores() // (self.workers * self.at_once))


@dataclass(frozen=True)
class _Turn:
    """One search that is to come."""

    source: str
    damage: RivalDamage
    strategy: RealStrategy
    minutes: float
    seed: int


def search_all(wanted: RealSearches, file: RowFile[RealSearchRow], *, say: Callable[[str], None]) -> None:
    """Search what ``file`` does not hold yet; it is written after every search.

    Args:
        say: sees a line for every search, and for one that failed, which is made again another time.
    """
    # What a thread starts inherits the signals that are ignored, and only the main thread can change that.
    with nothing_ignored(), ThreadPoolExecutor(wanted.at_once) as pool:
        missing = [turn for turn in _turns(wanted) if not _has(turn, wanted, file)]
        waiting = {pool.submit(searched, turn, wanted): turn for turn in missing}
        try:
            for done in as_completed(waiting):
                turn = waiting[done]
                where = f"{turn.source:22} {turn.damage.name:8} {turn.minutes:g} min, seed {turn.seed}"
                try:
                    row = done.result()
                except (ResourceError, FormatError) as error:
                    say(f"{where} {turn.strategy.title}: not measured: {error}")
                    continue
                file.add([row])
                say(f"{where} {row.strategy:32} {row.delivered_db:.2f} dB, {row.networks} networks")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _turns(wanted: RealSearches) -> Iterator[_Turn]:
    """Strategies that are compared come behind each other; every picture has its turn before the next seed."""
    for minutes in wanted.minutes:
        for seed in wanted.seeds:
            for damage in wanted.damages:
                for source in wanted.sources:
                    for strategy in wanted.strategies:
                        yield _Turn(source, damage, strategy, minutes, seed)


def _has(turn: _Turn, wanted: RealSearches, file: RowFile[RealSearchRow]) -> bool:
    with _case(turn) as (case, _):
        task, strategy = case.damage.task, turn.strategy
        once = (case.picture, task, strategy.title, turn.seed, turn.minutes)
        group = (*once, wanted.workers, wanted.at_once, strategy.network(task))
        return file.has(group, measurement=case.digest)


@contextmanager
def _case(turn: _Turn) -> Iterator[tuple[RivalCase, Path]]:
    """The measurement of a turn, and the folder that it lies in."""
    with TemporaryDirectory(prefix="dipsearch-searches-") as name:
        folder = Path(name)
        yield make_case(turn.source, turn.damage, seed=turn.seed, folder=folder), folder


def searched(turn: _Turn, wanted: RealSearches) -> RealSearchRow:
    """The row of one search.

    Raises:
        ResourceError: the search failed.
        FormatError: it left no picture.
    """
    seconds = 60 * turn.minutes
    with _case(turn) as (case, folder):
        usual = search_arguments(case, budget=seconds, workers=wanted.workers, seed=turn.seed, name=NAME)
        typed = [*usual, *turn.strategy.typed(folder, task=case.damage.task)]
        ended = run_program(typed, folder=folder, timeout=PATIENCE * seconds + 300, threads=wanted.threads)
        if ended.code != 0:
            raise ResourceError(f"the search failed: {ended.last_line}")
        study = folder / "studies" / NAME
        result, books = read_delivery(study), read_books(study, name=NAME)
    answers = {one.name: one.psnr for one in own_answers(SearchOutcome(result, None, ended.seconds))}
    delivered = answers[DELIVERED]
    if delivered is None:
        raise FormatError("its result says no PSNR")
    return RealSearchRow(
        picture=case.picture,
        task=case.damage.task,
        strategy=turn.strategy.title,
        network=turn.strategy.network(case.damage.task),
        seed=turn.seed,
        minutes=turn.minutes,
        workers=wanted.workers,
        at_once=wanted.at_once,
        networks=len(books.known),
        looks=books.looks,
        seconds=round(ended.seconds, 1),
        delivered_db=round(delivered, 4),
        alone_db=answers.get(NETWORKS),
        first_db=answers.get(FIRST),
        version=f"dipsearch {__version__}",
        measurement=case.digest,
    )
