"""Search spaces: what is drawn, what exists, and how genomes are written as genes."""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dipsearch.errors import InputError
from dipsearch.network import Genome, Scale, SearchSpace, cost, load_space
from dipsearch.network.gene import Gene
from dipsearch.network.parameter_map import Direct, Growing
from dipsearch.network.space_format import FORMAT, read_parameters
from dipsearch.proposal.distributions import distribution_of


def space(genes: dict[str, Any]) -> SearchSpace:
    """A space with these genes; scales are small unless said otherwise."""
    small = {"depth": 2, "channels_down": 4, "channels_up": 4}
    return SearchSpace(
        "test", *read_parameters({"format": FORMAT, "genes": {**small, **genes}}, source="test.yaml")
    )


def names(given: SearchSpace) -> list[str]:
    return [gene.name for gene in given.genes()]


def draws(given: SearchSpace, gene: str, count: int = 3000) -> list[Any]:
    generator = np.random.default_rng(0)
    return [given.sample(generator)[gene] for _ in range(count)]


@pytest.mark.parametrize("name", ["skip", "small", "dip_2018"])
def test_the_spaces_that_come_with_dipsearch_hold_what_they_draw(name: str) -> None:
    shipped, generator = load_space(name), np.random.default_rng(1)
    for _ in range(30):
        flat = shipped.sample(generator)
        genome = shipped.genome(flat)
        assert shipped.contains(flat) and set(flat) == set(shipped.active(flat))
        assert shipped.genome(shipped.flat(genome)) == genome


def test_the_small_space_stays_affordable_for_a_core() -> None:
    # On a 2021 server core 2.5 G multiply-adds take about 0.15 s per iteration; the widest corner takes more.
    shipped, generator = load_space("small"), np.random.default_rng(0)
    adds = [
        cost(shipped.genome(shipped.sample(generator)), image_shape=(1, 3, 128, 128)).multiply_adds
        for _ in range(60)
    ]
    assert np.median(adds) < 1.5e9 and np.quantile(adds, 0.9) < 3.2e9


def test_an_unmentioned_gene_keeps_its_published_default() -> None:
    only = space({"upsampling": {"choice": ["nearest", "bilinear"]}})
    assert names(only) == ["upsampling"]
    assert only.genome({"upsampling": "nearest"}) == Genome((Scale(4, 4),) * 2, upsampling="nearest")


def test_choices_and_ranges_are_drawn_evenly() -> None:
    given = space(
        {
            "input_channels": {"choice": [8, 2, 4]},
            "channels_skip": {"int": [4, 16], "step": 4, "shared": True},
            "jitter": {"float": [0.0, 0.1]},
            "learning_rate": {"float": [0.001, 0.1], "log": True},
        }
    )
    assert given.genes()[0].choices == (2, 4, 8)
    for gene, allowed in (("input_channels", {2, 4, 8}), ("channels_skip", {4, 8, 12, 16})):
        counts = Counter(draws(given, gene))
        assert set(counts) == allowed
        assert max(counts.values()) - min(counts.values()) < 200
    assert abs(np.median(draws(given, "jitter")) - 0.05) < 0.004
    assert abs(np.log10(np.median(draws(given, "learning_rate"))) + 2) < 0.06


def test_a_logarithmic_whole_number_favours_no_octave() -> None:
    widths = np.array(
        draws(space({"channels_up": {"int": [4, 64], "log": True, "shared": True}}), "channels_up")
    )
    assert widths.min() == 4 and widths.max() == 64
    shares = [np.mean((widths >= low) & (widths < 2 * low)) for low in (4, 8, 16, 32)]
    assert max(shares) - min(shares) < 0.06


def test_genes_of_a_scale_exist_as_deep_as_the_network() -> None:
    given = space({"depth": {"int": [1, 3]}, "channels_down": {"choice": [4, 8]}})
    assert names(given) == ["depth", "channels_down_0", "channels_down_1", "channels_down_2"]
    assert given.active({"depth": 2}) == ("depth", "channels_down_0", "channels_down_1")
    assert given.active({}) == ("depth", "channels_down_0")


def test_shared_listed_equal_and_growing_genes() -> None:
    shared = space(
        {"channels_down": {"choice": [4, 8], "shared": True}, "channels_up": {"same_as": "channels_down"}}
    )
    assert names(shared) == ["channels_down"]
    assert shared.genome({"channels_down": 8}).scales == (Scale(8, 8),) * 2
    listed = space({"channels_down": [{"choice": [4, 8]}, 16]})
    assert names(listed) == ["channels_down_0"]
    assert [scale.channels_down for scale in listed.genome({"channels_down_0": 8}).scales] == [8, 16]
    growing = space(
        {
            "depth": 4,
            "channels_down": {"first": {"choice": [8, 16]}, "growth": {"choice": [1, 1.5, 2]}, "limit": 40},
        }
    )
    assert names(growing) == ["channels_down_first", "channels_down_growth"]
    genome = growing.genome({"channels_down_first": 8, "channels_down_growth": 2.0})
    assert [scale.channels_down for scale in genome.scales] == [8, 16, 32, 40]
    genome = growing.genome({"channels_down_first": 16, "channels_down_growth": 1.5})
    assert [scale.channels_down for scale in genome.scales] == [16, 24, 36, 40]
    assert growing.flat(genome) == {"channels_down_first": 16, "channels_down_growth": 1.5}
    ranges = space({"channels_down": {"first": 8, "growth": {"int": [1, 3]}}})
    genome = ranges.genome({"channels_down_growth": 3})
    assert [scale.channels_down for scale in genome.scales] == [8, 24]
    assert ranges.flat(genome) == {"channels_down_growth": 3}


def test_a_width_that_shrinks_keeps_a_channel_and_a_skip_branch_may_end() -> None:
    shrinking = {"first": {"choice": [4, 8]}, "growth": 0.25}
    given = space({"depth": 4, "channels_down": shrinking, "channels_skip": shrinking})
    genome = given.genome({"channels_down_first": 8, "channels_skip_first": 4})
    assert [scale.channels_down for scale in genome.scales] == [8, 2, 1, 1]
    assert [scale.channels_skip for scale in genome.scales] == [4, 1, 0, 0]
    assert given.genome(given.flat(genome)) == genome


def test_of_millions_of_growing_widths_only_those_near_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    given, valued = Growing.value, []
    monkeypatch.setattr(Growing, "value", lambda *args: valued.append(1) or given(*args))
    wide = {"first": {"int": [1, 1024]}, "growth": {"choice": [1, 1.5, 2]}, "limit": {"int": [1, 1024]}}
    huge = space({"depth": 7, "channels_down": wide})
    generator = np.random.default_rng(0)
    for _ in range(5):
        genome = huge.genome(huge.sample(generator))
        assert huge.genome(huge.flat(genome)) == genome
    assert len(valued) < 5 * 30_000  # all of them would be 22 million


def test_near_widths_are_as_close_as_the_closest_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    stepped = {"int": [8, 128], "step": 8}
    given = space(
        {"depth": 4, "channels_down": {"first": stepped, "growth": {"choice": [1, 2]}, "limit": stepped}}
    )
    shipped, generator = load_space("skip"), np.random.default_rng(2)

    def widths(genome: Genome) -> list[int]:
        return [scale.channels_down for scale in given.genome(given.nearest(genome)).scales]

    wanted = [shipped.genome(shipped.sample(generator)) for _ in range(20)]
    closest = [widths(genome) for genome in wanted]
    monkeypatch.setattr("dipsearch.network.space.MOST_COMBINATIONS", 100)
    assert [widths(genome) for genome in wanted] == closest


def test_all_values_of_a_growing_width_are_known() -> None:
    some = Direct(Gene("first", "int", (), 3, 9)), Direct(Gene("growth", "choice", (0.3, 1.0, 2.5)))
    width = Growing(*some, Direct(Gene("limit", "int", (), 2, 12, 5)), index=2, lowest=1)
    drawn = itertools.product(*(gene.values() for gene in width.genes))
    names = [gene.name for gene in width.genes]
    assert set(width.values()) == {width.value(dict(zip(names, one, strict=True))) for one in drawn}


def test_a_condition_decides_whether_a_gene_exists() -> None:
    given = space(
        {
            "input_kind": {"choice": ["uniform", "fourier", "meshgrid"]},
            "jitter": {
                "float": [0.01, 0.05],
                "when": {"input_kind": ["uniform", "fourier"]},
                "otherwise": 0.0,
            },
            "channels_skip": {"choice": [0, 4, 16]},
            "kernel_skip": {"choice": [1, 3]},
            "kernel_up": {
                "choice": [3, 5],
                "when": {"channels_skip": {"above": 0, "below": 16}},
                "otherwise": 7,
            },
        }
    )
    flat = {"input_kind": "meshgrid", "channels_skip_0": 0, "channels_skip_1": 16, "kernel_skip_1": 3}
    genome = given.genome(flat)
    assert genome.jitter == 0.0 and [scale.kernel_up for scale in genome.scales] == [7, 7]
    assert given.flat(genome) == flat
    more = given.active({**flat, "input_kind": "uniform", "channels_skip_0": 4})
    assert set(more) == {*flat, "jitter", "kernel_skip_0", "kernel_up_0"}


def test_a_shared_gene_is_found_at_the_scales_where_its_condition_holds() -> None:
    given = space(
        {
            "depth": {"int": [2, 3]},
            "channels_skip": {"choice": [0, 4]},
            "kernel_up": {
                "choice": [3, 5],
                "shared": True,
                "when": {"channels_skip": {"above": 0}},
                "otherwise": 7,
            },
        }
    )
    flat = {"depth": 2, "channels_skip_0": 0, "channels_skip_1": 4, "kernel_up": 5}
    genome = given.genome(flat)
    assert [scale.kernel_up for scale in genome.scales] == [7, 5]
    assert given.flat(genome) == flat
    none = {"depth": 2, "channels_skip_0": 0, "channels_skip_1": 0}
    assert given.flat(given.genome(none)) == none


def test_a_condition_that_may_hold_is_read() -> None:
    given = space(
        {
            "jitter": {"float": [0, 0.05]},
            "norm": {
                "choice": ["batch", "none"],
                "when": {"jitter": {"above": 0.01, "below": 0.02}},
                "otherwise": "batch",
            },
            "channels_skip": [0, 4],
            "kernel_up": {"choice": [3, 5], "when": {"channels_skip": {"above": 0}}, "otherwise": 3},
        }
    )
    assert names(given) == ["jitter", "norm", "kernel_up_1"]
    assert given.active({"jitter": 0.015}) == ("jitter", "norm", "kernel_up_1")


def test_each_gene_comes_after_those_its_condition_looks_at() -> None:
    given = space(
        {
            "upsampling": {"choice": ["nearest", "bilinear"], "when": {"loss": "l1"}, "otherwise": "bicubic"},
            "loss": {"choice": ["mse", "l1"]},
        }
    )
    assert names(given) == ["loss", "upsampling"]


def test_asking_gene_by_gene_meets_every_active_gene() -> None:
    shipped, generator = load_space("skip"), np.random.default_rng(3)
    for _ in range(20):
        wanted, flat = shipped.sample(generator), {}
        for gene in shipped.genes():
            if gene.name in shipped.active(flat):
                flat[gene.name] = wanted[gene.name]
        assert flat == wanted


def test_repairing_keeps_what_it_can() -> None:
    shipped, generator = load_space("skip"), np.random.default_rng(4)
    flat = shipped.sample(generator)
    deep = shipped.repair({**flat, "depth": 6, "unheard_of": 1, "upsampling": "bicubic"}, generator)
    assert shipped.contains(deep) and deep["depth"] == 6
    assert all(deep[name] == flat[name] for name in flat if name not in ("depth", "upsampling"))
    shallow = shipped.repair({**deep, "depth": 3}, generator)
    assert "channels_skip_3" not in shallow and shipped.contains(shallow)


def test_what_is_outside_is_named() -> None:
    given = space({"jitter": {"float": [0.01, 0.05]}})
    assert (
        not given.contains({})
        and not given.contains({"jitter": 0.5})
        and not given.contains({"jitter": True})
    )
    with pytest.raises(InputError, match=r"`jitter` is 0.5; the space test allows 0.01 to 0.05"):
        given.genome({"jitter": 0.5})
    with pytest.raises(InputError, match=r"`jiter`; it is not active here.*did you mean `jitter`"):
        given.genome({"jiter": 0.02})
    with pytest.raises(InputError, match=r"`norm` of the genome .* is 'group'; the space test has 'batch'"):
        given.flat(Genome((Scale(4, 4),) * 2, norm="group"))


def test_the_nearest_genome_of_a_space_keeps_what_it_can() -> None:
    given = space(
        {
            "depth": {"int": [2, 3]},
            "channels_down": {"choice": [8, 32, 128], "shared": True},
            "learning_rate": {"float": [0.005, 0.02]},
        }
    )
    wanted = Genome((Scale(100, 4),) * 5, learning_rate=0.001, norm="group")
    assert given.nearest(wanted) == {"depth": 3, "channels_down": 128, "learning_rate": 0.005}


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    text = "format: dipsearch/space/1\ngenes:\n  depth: {int: [1, 2]}\n"
    (tmp_path / "one.yaml").write_text(text)
    (tmp_path / "two.yaml").write_text(
        f"description: other words\n{text}  norm: batch  # the default, said aloud\n"
    )
    (tmp_path / "three.yaml").write_text(text.replace("2]", "3]"))
    one, two, three = (load_space(tmp_path / f"{name}.yaml") for name in ("one", "two", "three"))
    assert one.digest == two.digest != three.digest
    assert (one.name, two.description) == ("one", "other words")


def test_a_pilot_has_its_scale_and_other_inputs_do_not() -> None:
    given = space(
        {"input_kind": {"choice": ["uniform", "pilot"]}, "pilot_scale": {"choice": [0.5, 2.0]}, "loss": "l1"}
    )
    assert names(given) == ["input_kind", "pilot_scale"]
    assert given.active({"input_kind": "uniform"}) == ("input_kind",)
    genome = given.genome({"input_kind": "pilot", "pilot_scale": 2.0})
    assert (genome.input_kind, genome.input_channels, genome.pilot_scale) == ("pilot", 32, 2.0)
    assert given.nearest(Genome((Scale(4, 4),), input_kind="pilot", pilot_scale=1.8)) == {
        "input_kind": "pilot",
        "pilot_scale": 2.0,
    }
    assert given.nearest(Genome()) == {"input_kind": "uniform"}
    fixed = space({"input_kind": "pilot", "jitter": {"choice": [0.0, 0.1]}})
    assert names(fixed) == ["jitter"] and fixed.genome({"jitter": 0.1}).pilot_scale == 1.0


def test_seeds_are_common_or_own_and_a_space_says_so_in_its_digest() -> None:
    spaces = [
        SearchSpace(
            "mine", *read_parameters({"format": FORMAT, **said, "genes": {"depth": 3}}, source="mine.yaml")
        )
        for said in ({}, {"seeds": "common"}, {"seeds": "own"})
    ]
    assert [one.own_seeds for one in spaces] == [False, False, True]
    assert spaces[0].digest == spaces[1].digest != spaces[2].digest


def test_a_list_of_networks_is_one_gene() -> None:
    shipped = load_space("dip_2018")
    (gene,) = shipped.genes()
    assert gene.name == "point" and len(gene.choices) == 9
    genomes = {shipped.genome({"point": choice}).digest for choice in gene.choices}
    assert len(genomes) == 9
    assert shipped.flat(Genome()) == {"point": "dip_2018_denoise"}


def test_genes_as_optuna_asks_for_them() -> None:
    genes = {gene.name: distribution_of(gene) for gene in load_space("small").genes()}
    assert str(genes["depth"]) == "IntDistribution(high=5, log=False, low=4, step=1)"
    assert genes["learning_rate"].log and genes["learning_rate"].high == 0.02  # type: ignore[attr-defined]
    assert genes["up_1x1"].choices == (True, False)  # type: ignore[attr-defined]
