"""Genomes: frozen, checked, and the same value however they are written."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from dipsearch.errors import InputError
from dipsearch.network import Genome, Scale, load_space
from dipsearch.yaml_files import dump_yaml, parse_yaml


def sampled(count: int) -> list[Genome]:
    space, generator = load_space("skip"), np.random.default_rng(0)
    return [space.genome(space.sample(generator)) for _ in range(count)]


def test_two_hundred_genomes_survive_every_way_of_writing_them() -> None:
    genomes = sampled(200)
    for genome in genomes:
        nested = Genome.from_nested(genome.to_nested())
        flat = Genome.from_flat(genome.to_flat())
        text = Genome.from_nested(parse_yaml(dump_yaml(genome.to_nested()), source="text"))
        assert nested == flat == text == genome
        assert {nested.digest, flat.digest, text.digest} == {genome.digest}
    assert len({genome.digest for genome in genomes}) == len(set(genomes))


def test_the_digest_is_the_same_in_every_process_and_version() -> None:
    assert Genome().digest == "c78962d18a83"


def test_any_gene_changes_the_digest() -> None:
    base = Genome()
    others = [
        replace(base, jitter=0.0),
        replace(base, learning_rate=0.02),
        replace(base, upsampling="nearest"),
        replace(base, scales=(*base.scales[:4], Scale(128, 64))),
    ]
    assert len({genome.digest for genome in [base, *others]}) == 5


def test_whole_numbers_and_real_ones_are_the_same_genome() -> None:
    assert Genome(input_scale=1, jitter=0).digest == Genome(input_scale=1.0, jitter=0.0).digest


def test_genes_that_are_not_active_do_not_exist() -> None:
    genome = Genome((Scale(8, 8, channels_skip=0, kernel_skip=None),), input_kind="meshgrid",
                    input_channels=None, input_scale=None)  # fmt: skip
    flat = genome.to_flat()
    assert not {"kernel_skip_0", "input_channels", "input_scale"} & set(flat)
    assert "channels_down_1" not in flat
    assert genome.to_nested()["input"] == {"kind": "meshgrid"}


def test_a_pilot_has_a_scale_and_as_many_channels_as_the_image() -> None:
    genome = replace(Genome(), input_kind="pilot", input_channels=8, pilot_scale=2)
    assert genome.needs_pilot and not Genome().needs_pilot
    assert genome.to_nested()["input"] == {"kind": "pilot", "channels": 8, "scale": 0.1, "pilot_scale": 2.0}
    assert genome.to_flat()["pilot_scale"] == 2.0
    nested, flat = Genome.from_nested(genome.to_nested()), Genome.from_flat(genome.to_flat())
    assert nested == flat == genome and nested.digest == genome.digest
    assert genome.digest != replace(genome, pilot_scale=1.0).digest
    assert [genome.width_of_input(channels) for channels in (1, 3)] == [9, 11]
    assert Genome().width_of_input(3) == 32


def test_a_genome_without_a_pilot_is_written_and_read_as_before_there_were_any() -> None:
    assert Genome().to_nested()["input"] == {"kind": "uniform", "channels": 32, "scale": 0.1}
    assert "pilot_scale" not in Genome().to_flat()
    nested = Genome().to_nested()
    with pytest.raises(InputError, match=r"unknown key `genome.input.pilot_scale`"):
        Genome.from_nested({**nested, "input": {**nested["input"], "pilot_scale": 1.0}})
    with pytest.raises(InputError, match=r"`genome.input.pilot_scale` is missing"):
        Genome.from_nested({**nested, "input": {**nested["input"], "kind": "pilot"}})


def test_a_genome_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Genome().jitter = 0.0  # type: ignore[misc]


def test_numbers_of_numpy_are_kept_as_plain_ones() -> None:
    scale = Scale(
        np.int64(32), np.uint8(16), kernel_up=np.int32(5), channels_skip=np.int64(0), kernel_skip=None
    )  # type: ignore[arg-type]
    given = Genome(
        (scale,),
        np.str_("nearest"),
        up_1x1=np.bool_(False),
        jitter=np.float32(0.25),
        learning_rate=np.int64(1),  # type: ignore[arg-type]
    )
    plain = Genome((Scale(32, 16, 3, 5, 0, None),), "nearest", up_1x1=False, jitter=0.25, learning_rate=1)
    assert given == plain and given.digest == plain.digest
    kinds = {type(value) for value in given.to_flat().values()}
    assert kinds == {int, float, bool, str}


@pytest.mark.parametrize("scales", [({"channels_down": 8},), Scale(), "deep", None, 5])
def test_scales_that_are_none_are_refused_in_a_sentence(scales: Any) -> None:
    with pytest.raises(
        InputError, match=r"the scales of the genome are .*a tuple of Scale.*give for example"
    ):
        Genome(scales=scales)


def test_the_label_says_what_matters() -> None:
    assert Genome((Scale(64, 64),) * 5).label == "64·64·64·64·64 skip 4 bilinear"
    scales = (Scale(32, 16, channels_skip=0, kernel_skip=None), Scale(64, 64))
    assert Genome(scales, upsampling="pixel_shuffle").label == "32/16·64 skip 0·4 pixel shuffle"
    assert Genome((scales[0],), upsampling="nearest").label == "32/16 no skip nearest"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"upsampling": "bilinaer"}, ["`upsampling` is 'bilinaer'", "did you mean `bilinear`?"]),
        ({"learning_rate": 0}, ["`learning_rate` is 0", "above 0"]),
        ({"learning_rate": float("nan")}, ["`learning_rate` is nan", "above 0"]),
        ({"averaging": 1.0}, ["`averaging` is 1.0", "below 1"]),
        ({"input_channels": None}, ["`input_channels` is missing", "whole number"]),
        ({"input_channels": 2.0}, ["`input_channels` is 2.0", "whole number"]),
        ({"input_kind": "meshgrid"}, ["`input_channels` is 32", "input_kind is meshgrid", "leave it out"]),
        ({"input_kind": "pilot"}, ["`pilot_scale` is missing", "positive number"]),
        ({"pilot_scale": 1.0}, ["`pilot_scale` is 1.0", "input_kind is uniform", "leave it out"]),
        ({"input_kind": "pilot", "pilot_scale": 0}, ["`pilot_scale` is 0", "positive number"]),
        ({"up_1x1": 1}, ["`up_1x1` is 1", "true or false"]),
        ({"scales": ()}, ["`depth` is 0", "1 to 7"]),
        ({"scales": (Scale(),) * 8}, ["`depth` is 8", "1 to 7"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_value_that_is_not_allowed_is_named_with_its_rule(
    changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        replace(Genome(), **changes)
    assert all(word in str(caught.value) for word in words)
    assert caught.value.given and caught.value.rule and caught.value.fix


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kernel_up": 4}, "1, 3, 5 or 7"),
        ({"channels_down": 0}, "from 1 to 1024"),
        ({"channels_skip": -1}, "from 0 to 1024"),
        ({"channels_skip": 0}, "does not exist when channels_skip is 0"),
        ({"kernel_skip": None}, "`kernel_skip` is missing"),
        ({"channels_up": True}, "`channels_up` is True"),
    ],
)
def test_a_scale_is_checked_too(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(Scale(), **changes)


def test_nested_and_flat_shapes_are_read_strictly() -> None:
    nested = Genome().to_nested()
    with pytest.raises(InputError, match=r"unknown key `genome.upsamplin`.*did you mean `upsampling`"):
        Genome.from_nested({**nested, "upsamplin": "nearest"})
    with pytest.raises(InputError, match=r"`genome.fit.jitter` is missing"):
        Genome.from_nested({**nested, "fit": {"learning_rate": 0.01, "averaging": 0.9, "loss": "mse"}})
    with pytest.raises(InputError, match=r"channels_down 2.*equally long"):
        Genome.from_nested({**nested, "scales": {**nested["scales"], "channels_down": [8, 8]}})
    with pytest.raises(InputError, match=r"`genome.scales.kernel_up` is 3; it is a list"):
        Genome.from_nested({**nested, "scales": {**nested["scales"], "kernel_up": 3}})
    with pytest.raises(InputError, match=r"`channels_down_5`; at depth 5 it does not exist"):
        Genome.from_flat({**Genome().to_flat(), "channels_down_5": 8})
    with pytest.raises(InputError, match=r"`norm` is missing"):
        Genome.from_flat({name: value for name, value in Genome().to_flat().items() if name != "norm"})
