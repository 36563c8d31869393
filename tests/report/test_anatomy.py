"""One network as rows: its scales, its genes, its cost, its origin."""

from dataclasses import replace

from dipsearch.library import Architecture, ArchitectureFit, preset
from dipsearch.library.architecture_file import ImageRecord, Provenance
from dipsearch.report import architecture_rows, cost_rows, gene_rows, scale_rows


def test_scales_are_listed_from_full_resolution_down(genome_of) -> None:
    assert scale_rows(genome_of(8, depth=3)) == (
        ("1", "8 × 3", "8 × 3", "none"),
        ("1/2", "16 × 3", "8 × 3", "4 × 1"),
        ("1/4", "32 × 3", "8 × 3", "none"),
    )


def test_genes_are_in_words(genome_of) -> None:
    rows = dict(gene_rows(genome_of(8)))
    assert rows["upsampling"] == "nearest, then 1×1 convolution"
    assert rows["input"] == "uniform, 4 channels, scale 0.1"
    assert rows["averaging of outputs"] == "0.99"
    piloted = dict(gene_rows(replace(genome_of(8), input_kind="pilot", pilot_scale=2.0)))
    assert piloted["input"] == "uniform, 4 channels, scale 0.1, pilot with scale 2"


def test_the_cost_of_the_published_network_is_the_published_one() -> None:
    rows = dict(cost_rows(preset("dip_2018_denoise"), (1, 3, 512, 512)))
    assert rows["parameters"] == "2.22 M"


def test_an_exported_network_says_where_it_comes_from(genome_of) -> None:
    architecture = Architecture(
        genome_of(8),
        ArchitectureFit("inpaint", 600, 0.001, "held-out", 27.5, "it rose"),
        Provenance(
            (ImageRecord("0123456789ab", (1, 3, 24, 32)),),
            7,
            {"torch": "2.13.0"},
            "2026-01-01",
            50.0,
            "cpu",
            "cat",
        ),
    )
    assert architecture_rows(architecture) == (
        ("task", "inpaint"),
        ("score", "27.50 dB, estimated without a reference (held-out)"),
        ("stopped", "at iteration 600: it rose"),
        ("found on", "32 × 24 pixels, in study cat, seed 7"),
        ("fitted", "in 50 s on cpu, 2026-01-01"),
        ("versions", "torch 2.13.0"),
    )
