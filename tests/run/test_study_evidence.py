"""What of a finished study goes into the user's library, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dipsearch.errors import FormatError, StudyError
from dipsearch.library import preset
from dipsearch.library.kept_studies import keep_study, kept_networks, readable_studies
from dipsearch.library.kept_study_file import MOST_NETWORKS
from dipsearch.library.measurement_features import FEATURES
from dipsearch.network import load_space, space_file
from dipsearch.problem import Identity, NoiseModel, Problem, TaskOptions, image_digest
from dipsearch.proposal.study import SPACE_FILE
from dipsearch.run import PictureRecord, Request, StudyRecord, Trial
from dipsearch.run.study_evidence import evidence_of
from dipsearch.trials.first_files import KeptFirst, write_first
from dipsearch.trials.problem_files import WHOLE, problem_path, write_problem

Y = torch.rand(1, 3, 24, 20, generator=torch.Generator().manual_seed(0))


def study(folder: Path, **changes: object) -> StudyRecord:
    """A study of one picture with eight candidates: the second is a preset, the third one that with another rate."""
    problem = Problem(
        Y, Identity(), NoiseModel("gaussian", 0.1, "given"), Y.shape, observed=torch.ones(1, 1, 24, 20)
    )
    write_problem(problem_path(folder, kind=WHOLE, name="cat"), problem)
    write_first(folder, "cat", KeptFirst(Y, 1.0))
    genome = preset("dipsearch_pilot_16")
    genomes = [replace(genome, norm="instance", jitter=0.01 * n) for n in range(6)]
    genomes[1:1] = [genome, replace(genome, learning_rate=0.02)]
    trials = tuple(
        Trial(
            number=n, state="complete", genome=one, digest=one.digest, estimated_psnr=30.0 - n, step=100 + n
        )
        for n, one in enumerate(genomes)
    )
    options = TaskOptions(task="denoise")
    whole: dict[str, object] = {
        "folder": folder,
        "request": Request(sources=("cat.png",), options=options, name="cat"),
        "trials": trials,
        "result": {"task": "denoise", "version": "0.1.0"},
        "pictures": (PictureRecord("cat", None, None, None),),
    }
    return StudyRecord(**(whole | changes))  # type: ignore[arg-type]


def test_the_best_networks_and_the_features_are_kept(tmp_path: Path) -> None:
    found = evidence_of(study(tmp_path / "study"), name="cat")
    assert len(found.networks) == MOST_NETWORKS
    assert [one.name for one in found.networks[:3]] == [None, "dipsearch_pilot_16", None]
    assert [one.steps for one in found.networks[:2]] == [100, 101]
    assert found.pictures[0].digest == image_digest(Y) and set(found.pictures[0].features) == set(FEATURES)
    keep_study(found, folder=tmp_path / "library")
    assert readable_studies(tmp_path / "library") == ((found,), ())


def test_a_preset_is_known_where_the_space_has_moved_it_and_its_variants_are_networks_of_the_search(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "study"
    record = study(folder)
    (folder / SPACE_FILE).write_bytes(space_file("small").read_bytes())
    space = load_space("small")
    moved = space.genome(space.nearest(preset("dipsearch_pilot_16")))
    assert moved != preset("dipsearch_pilot_16")  # of its jitter there are four values
    genomes = [moved, replace(moved, learning_rate=0.009)]
    trials = tuple(
        replace(trial, genome=one, digest=one.digest)
        for trial, one in zip(record.trials, genomes, strict=False)
    )
    found = evidence_of(replace(record, trials=trials), name="cat")
    assert [one.name for one in found.networks] == ["dipsearch_pilot_16", None]
    assert [one for _, one in kept_networks((found,), "denoise")] == [genomes[1]]


def test_of_a_network_that_was_fitted_twice_the_best_fit_is_kept(tmp_path: Path) -> None:
    record = study(tmp_path / "study")
    first = record.trials[0]
    again = replace(record.trials[1], genome=first.genome, digest=first.digest)
    found = evidence_of(replace(record, trials=(first, again)), name="cat")
    assert [one.estimated_psnr for one in found.networks] == [30.0]


def test_a_study_without_an_outcome_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no outcome that can be read"):
        evidence_of(study(tmp_path, result=None), name="cat")
    with pytest.raises(StudyError, match="the result cannot be read: x"):
        evidence_of(study(tmp_path, result=None, missing=("the result cannot be read: x",)), name="cat")


def test_a_study_without_a_candidate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no network that can be kept \(none was finished\)"):
        evidence_of(study(tmp_path, trials=()), name="cat")


def test_a_study_whose_files_do_not_belong_together_is_refused(tmp_path: Path) -> None:
    record = study(tmp_path)
    write_first(tmp_path, "cat", KeptFirst(Y[..., :-1], 1.0))
    with pytest.raises(FormatError, match="the first answer to cat"):
        evidence_of(record, name="cat")
    problem_path(tmp_path, kind=WHOLE, name="cat").write_bytes(b"no archive")
    with pytest.raises(FormatError, match="cannot be read"):
        evidence_of(record, name="cat")
