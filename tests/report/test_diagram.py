"""The drawing of a network: well-formed, a row per scale, widths that follow the channels."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

from dipsearch.network import Genome
from dipsearch.report.diagram import diagram


def drawn(genome: Genome) -> ElementTree.Element:
    return ElementTree.fromstring(diagram(genome))


def test_every_scale_has_its_blocks(genome_of) -> None:
    root = drawn(genome_of(8, depth=4))
    kinds = [rect.get("class") for rect in root.iter("rect")]
    assert (kinds.count("down"), kinds.count("up"), kinds.count("skip")) == (
        4,
        4,
        2,
    )  # skips on every other scale
    assert [text.text for text in root.iter("text") if text.get("class") == "scale"] == [
        "1",
        "1/2",
        "1/4",
        "1/8",
    ]


def test_widths_are_proportional_to_channels(genome_of) -> None:
    root = drawn(genome_of(8, depth=3))  # 8, 16, 32 channels on the way down
    widths = [float(rect.get("width", 0)) for rect in root.iter("rect") if rect.get("class") == "down"]
    assert [width / widths[0] for width in widths] == [1, 2, 4]


def test_it_names_the_genome_and_loads_nothing(genome_of) -> None:
    genome = genome_of(8)
    text = diagram(genome)
    assert genome.digest in text
    assert "http" not in text


def test_it_names_the_pilot_in_the_input(genome_of) -> None:
    assert "z: uniform, 4 channels<" in diagram(genome_of(8))
    piloted = replace(genome_of(8), input_kind="pilot", pilot_scale=1.0)
    assert "z: uniform, 4 channels, and a pilot<" in diagram(piloted)
