"""Presets: the published networks, exactly, with where they come from."""

from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.errors import FormatError, InputError
from dipsearch.library import (
    PictureEvidence,
    Preset,
    PresetEvidence,
    paired_evidence,
    preset,
    preset_names,
    presets_for,
    starters_for,
    write_preset,
)
from dipsearch.library.presets import FOLDER, read_preset
from dipsearch.network import Genome, Scale, build, cost, load_space
from dipsearch.network.genome import GLOBAL_GENES

# Task, parameters, iterations, as the authors' notebooks have them.
PUBLISHED = {
    "dip_2018_denoise": ("denoise", 2_217_831, 3000),
    "dip_2018_jpeg": ("denoise", 572_827, 2400),
    "dip_2018_sr4": ("sr", 2_217_831, 2000),
    "dip_2018_sr8": ("sr", 2_217_831, 4000),
    "dip_2018_inpaint_text": ("inpaint", 3_002_627, 6001),
    "dip_2018_inpaint_vase": ("inpaint", 2_157_955, 5001),
    "dip_2018_inpaint_library": ("inpaint", 2_996_467, 3001),
    "dip_2018_restore_half": ("inpaint", 2_217_573, 11000),
    "dip_2018_restore_sparse": ("inpaint", 1_027_379, 1000),
}


def differences(name: str) -> dict[str, object]:
    """What a preset changes of the denoising network, scales apart."""
    genome, base = preset(name), preset("dip_2018_denoise")
    return {
        gene: getattr(genome, gene) for gene in GLOBAL_GENES if getattr(genome, gene) != getattr(base, gene)
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_has_its_parameters_iterations_and_source(name: str) -> None:
    task, parameters, iterations = PUBLISHED[name]
    entry = read_preset(FOLDER / f"{name}.yaml")
    assert entry.published and "arXiv:1711.10925" in entry.source
    assert (entry.tasks, entry.iterations, entry.parameters) == ((task,), iterations, parameters)
    assert cost(entry.genome, image_shape=(1, entry.channels, 64, 64)).parameters == parameters
    built = build(entry.genome, channels=entry.channels, seed=0)
    assert sum(weights.numel() for weights in built.parameters()) == parameters
    assert name in dict(presets_for(task))


def test_the_settings_are_those_of_the_notebooks() -> None:
    assert preset("dip_2018_denoise") == Genome()
    jpeg = preset("dip_2018_jpeg")
    assert [scale.channels_down for scale in jpeg.scales] == [8, 16, 32, 64, 128]
    assert [scale.channels_skip for scale in jpeg.scales] == [0, 0, 0, 4, 4]
    assert differences("dip_2018_jpeg") == {"input_channels": 3} and jpeg.jitter == 1 / 30
    assert differences("dip_2018_sr4") == {"jitter": 0.03, "averaging": 0.0}
    assert differences("dip_2018_sr8") == {"jitter": 0.05, "averaging": 0.0}
    assert differences("dip_2018_inpaint_text") == {"upsampling": "nearest", "jitter": 0.03, "averaging": 0.0}
    assert preset("dip_2018_inpaint_text").scales == (Scale(channels_skip=128),) * 5
    assert preset("dip_2018_inpaint_vase").input_kind == "meshgrid"
    library = preset("dip_2018_inpaint_library")
    assert [scale.channels_up for scale in library.scales] == [16, 32, 64, 128, 128, 128]
    assert {scale.kernel_down for scale in library.scales} == {5} and not library.up_1x1
    assert (library.input_channels, library.jitter) == (1, 0.0)
    assert differences("dip_2018_restore_half") == {"jitter": 0.03, "learning_rate": 0.001, "averaging": 0.0}
    assert preset("dip_2018_restore_sparse").downsampling == "average"


def test_the_space_of_published_points_holds_them_and_no_others() -> None:
    space = load_space("dip_2018")
    (gene,) = space.genes()
    assert set(gene.choices) == set(PUBLISHED)
    assert all(space.genome({"point": name}) == preset(name) for name in PUBLISHED)


def test_the_default_space_has_room_for_every_published_network() -> None:
    # The space fixes the averaging and leaves out the smallest learning rates.
    space = load_space("skip")
    for name in PUBLISHED:
        near, genome = space.genome(space.nearest(preset(name))), preset(name)
        assert near.scales == genome.scales
        changed = {gene for gene in GLOBAL_GENES if getattr(near, gene) != getattr(genome, gene)}
        assert changed <= {"averaging", "learning_rate"}


def test_the_networks_that_were_there_before_pilots_keep_their_digests() -> None:
    assert preset("dip_2018_denoise").digest == "c78962d18a83"
    assert preset("dip_2018_inpaint_vase").digest == "e9c27ea7da22"
    assert preset("dipsearch_nearest_48").digest == "dbc23237dca4"


@pytest.mark.parametrize("task", ["denoise", "inpaint", "sr"])
def test_networks_with_a_pilot_come_first_among_ours(task: str) -> None:
    names = [name for name, _ in starters_for(task)]
    if task == "denoise":
        assert names.pop(0) == "dipsearch_pilot_bilinear_32x4"  # which was found by searching
    assert names[:3] == ["dipsearch_pilot_32", "dipsearch_pilot_bilinear_32", "dipsearch_pilot_48"]
    assert names[3:5] == ["dipsearch_pilot_16", "dipsearch_nearest_48"]


def test_what_was_found_on_the_table_is_what_was_recorded_there() -> None:
    entry = read_preset(FOLDER / "dipsearch_pilot_bilinear_32x4.yaml")
    assert entry.genome.digest == "8cb6ac2eeb71"  # mutant-006
    assert cost(entry.genome, image_shape=(1, 3, 64, 64)).parameters == entry.parameters
    space = load_space("skip")
    assert space.genome(space.nearest(entry.genome)) == entry.genome


@pytest.mark.parametrize("width", [16, 32, 48])
def test_a_network_with_a_pilot_is_our_own_with_three_more_channels_of_input(width: int) -> None:
    entry, plain = (read_preset(FOLDER / f"dipsearch_{kind}_{width}.yaml") for kind in ("pilot", "nearest"))
    assert entry.genome == replace(plain.genome, input_kind="pilot", pilot_scale=1.0)
    assert cost(entry.genome, image_shape=(1, 3, 64, 64)).parameters == entry.parameters
    assert entry.parameters - plain.parameters == 3 * (width * 9 + 4)
    for space in map(load_space, ("skip", "small")):
        there = space.genome(space.nearest(entry.genome))
        assert there.to_nested()["input"] == entry.genome.to_nested()["input"]


def test_presets_of_a_task_come_in_their_order() -> None:
    assert [name for name, _ in presets_for("denoise")] == ["dip_2018_denoise", "dip_2018_jpeg"]
    assert [name for name, _ in presets_for("inpaint")][:2] == [
        "dip_2018_restore_half",
        "dip_2018_inpaint_text",
    ]
    assert all(
        not name.startswith("dip_2018")
        for task in ("denoise", "inpaint", "sr")
        for name, _ in starters_for(task)
    )


def test_two_files_of_one_genome_are_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    every = tuple(
        read_preset(FOLDER / f"{name}.yaml") for name in ("dipsearch_pilot_16", "dipsearch_pilot_32")
    )
    copy = replace(every[0], name="mine", rank=every[0].rank + 1)
    monkeypatch.setattr("dipsearch.library.presets._all", lambda: (copy, *every))
    assert [name for name, _ in starters_for("denoise")] == ["dipsearch_pilot_32", "dipsearch_pilot_16"]


def test_an_unknown_name_gets_the_near_one() -> None:
    assert set(PUBLISHED) <= set(preset_names())
    with pytest.raises(InputError, match=r"'dip_2018_denose'.*did you mean `dip_2018_denoise`"):
        preset("dip_2018_denose")


def test_a_preset_file_is_read_strictly(tmp_path: Path) -> None:
    text = (FOLDER / "dip_2018_jpeg.yaml").read_text()
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("rank:", "rnak:"))
    with pytest.raises(FormatError, match="rank"):
        read_preset(path)
    path.write_text(text.replace("bilinear", "bilinaer"))
    with pytest.raises(FormatError, match=r"mine.yaml: the gene `upsampling`.*did you mean `bilinear`"):
        read_preset(path)


def made(evidence: PresetEvidence | None) -> Preset:
    return replace(read_preset(FOLDER / "dipsearch_pilot_16.yaml"), name="mine", evidence=evidence)


def pictures(*apart: float) -> list[PictureEvidence]:
    return [
        PictureEvidence(f"{number:012x}", (1, 3, 64, 48), 30.0 + gain, 30.0)
        for number, gain in enumerate(apart)
    ]


@pytest.mark.parametrize(
    ("apart", "gain", "p"),
    [
        ((0.1, 0.2, 0.3, 0.4), 0.25, None),  # too few
        ((0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 0.35, 0.0312),  # 2 / 2⁶
        ((0.1, -0.2, 0.3, -0.4, 0.5, -0.6), -0.05, 0.8438),
        ((0.0,) * 6, 0.0, 1.0),
    ],
)
def test_evidence_is_paired_and_a_preset_reads_back_with_it(
    apart: tuple[float, ...], gain: float, p: float | None, tmp_path: Path
) -> None:
    evidence = paired_evidence("other", pictures(*apart))
    assert evidence.gain == pytest.approx(gain) and evidence.p == p
    write_preset(tmp_path / "mine.yaml", made(evidence))
    assert read_preset(tmp_path / "mine.yaml") == made(evidence)


def test_without_evidence_the_older_format_is_written_and_read(tmp_path: Path) -> None:
    write_preset(tmp_path / "mine.yaml", made(None))
    assert "format: dipsearch/preset/1\n" in (tmp_path / "mine.yaml").read_text()
    assert read_preset(tmp_path / "mine.yaml") == made(None)
    alone = paired_evidence(None, pictures(0.1, 0.2))
    assert alone.gain is None and alone.p is None


def test_evidence_that_is_not_that_of_its_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    write_preset(path, made(paired_evidence("other", pictures(0.1, 0.2))))
    text = path.read_text()
    path.write_text(text.replace("gain: 0.15", "gain: 1.15"))
    with pytest.raises(FormatError, match=r"`evidence\.gain` is 1\.15; by its pictures it is 0\.150"):
        read_preset(path)
    path.write_text(text.replace("dipsearch/preset/2", "dipsearch/preset/1"))
    with pytest.raises(FormatError, match="unknown key `evidence`"):
        read_preset(path)
