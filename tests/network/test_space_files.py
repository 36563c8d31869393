"""Space files from strangers: each mistake is named with file, key, rule and fix."""

import re
from pathlib import Path

import pytest

from dipsearch.errors import FormatError, InputError
from dipsearch.network import load_space

HEAD = "format: dipsearch/space/1\n"


def refused(path: Path, content: str) -> FormatError:
    path.write_text(content)
    with pytest.raises(FormatError) as caught:
        load_space(path)
    error = caught.value
    assert str(path) in error.given and error.rule and error.fix
    assert "\n" not in str(error)
    return error


MISTAKES = {
    "unknown key": (
        "space: 1\ngenes: {depth: 2}",
        "unknown key `space`",
        "allowed here are format, description",
    ),
    "near miss": (
        "genes: {upsamling: nearest}",
        "unknown key `genes.upsamling`",
        "did you mean `upsampling`?",
    ),
    "unknown option": (
        "genes: {jitter: {float: [0, 1], lgo: true}}",
        "`genes.jitter.lgo`",
        "did you mean `log`?",
    ),
    "near form": ("genes: {depth: {itn: [1, 2]}}", "`genes.depth` has {'itn'", "did you mean `int`?"),
    "two forms": (
        "genes: {depth: {int: [1, 2], choice: [1]}}",
        "`genes.depth` has choice and int",
        "exactly one of",
    ),
    "empty range": ("genes: {depth: {int: [5, 3]}}", "`genes.depth.int` [5, 3] is empty", "swap the two"),
    "empty choice": ("genes: {norm: {choice: []}}", "`genes.norm.choice` is []", "at least one value"),
    "a single end": ("genes: {depth: {int: [5]}}", "`genes.depth.int` is [5]", "two whole numbers"),
    "a word as an end": ("genes: {jitter: {float: [0, big]}}", "`genes.jitter.float`", "two numbers"),
    "infinite range": (
        "genes: {input_scale: {float: [1, .inf]}}",
        "`genes.input_scale.float`",
        "two numbers",
    ),
    "logarithm of zero": ("genes: {jitter: {float: [0, 1], log: true}}", "`genes.jitter.log`", "above 0"),
    "step that misses the end": (
        "genes: {channels_up: {int: [4, 9], step: 2}}",
        "`genes.channels_up.step`",
        "divides",
    ),
    "unknown seeds": ("seeds: 3\ngenes: {depth: 3}", "`seeds` is 3", "common or own"),
    "repeated value": ("genes: {norm: {choice: [batch, batch]}}", "`genes.norm.choice`", "once"),
    "value outside the rule": (
        "genes: {norm: {choice: [layer]}}",
        "`norm` is 'layer'",
        "batch, instance, group",
    ),
    "even kernel": ("genes: {kernel_up: {int: [1, 4]}}", "`kernel_up` is 4", "1, 3, 5 or 7"),
    "range of words": ("genes: {norm: {int: [1, 2]}}", "`norm` is 1", "batch, instance"),
    "float range of whole numbers": (
        "genes: {channels_down: {float: [16, 64]}}",
        "`genes.channels_down.float` is [16, 64]",
        "channels_down is a whole number write int",
    ),
    "float range of depths": ("genes: {depth: {float: [3, 5]}}", "`genes.depth.float`", "write int"),
    "int range of real numbers": (
        "genes: {input_scale: {int: [1, 2]}}",
        "`genes.input_scale.int` is [1, 2]",
        "write float",
    ),
    "too deep": ("genes: {depth: {int: [1, 9]}}", "`depth` is 9", "1 to 7"),
    "list for the whole network": ("genes: {jitter: [0, 1]}", "`genes.jitter` is a list", "every scale"),
    "list of another length": ("genes: {depth: 3, kernel_up: [3, 5]}", "lists 2 scales", "give 3 entries"),
    "shared in a list": (
        "genes: {depth: 2, channels_down: [{choice: [8, 16], shared: true}, {choice: [8, 32], shared: true}]}",
        "`genes.channels_down[0].shared`",
        "of one scale",
    ),
    "growing in a list": (
        "genes: {depth: 2, channels_down: [16, {first: {choice: [8, 32]}}]}",
        "`genes.channels_down[1].first`",
        "of one scale",
    ),
    "shared where it cannot be": (
        "genes: {norm: {choice: [batch, group], shared: true}}",
        "`genes.norm.shared`",
        "allowed",
    ),
    "same as nothing": (
        "genes: {channels_up: {same_as: channel_down}}",
        "`genes.channels_up.same_as` is 'channel_down'",
        "did you mean `channels_down`?",
    ),
    "same as itself": ("genes: {channels_up: {same_as: channels_up}}", "same_as", "another gene"),
    "same as one of a list with a condition": (
        "genes: {depth: 2, channels_down: [{choice: [8, 16], when: {norm: batch}, otherwise: 8}, 32],"
        " channels_up: {same_as: channels_down}}",
        "`genes.channels_up.same_as` is channels_down, which has a condition",
        "values of its own",
    ),
    "same as each other in lists": (
        "genes: {depth: 2, channels_down: [{same_as: channels_up}, 32],"
        " channels_up: [{same_as: channels_down}, 32]}",
        "`genes.channels_down[0].same_as` is channels_up",
        "values of its own",
    ),
    "a kernel as wide as channels": (
        "genes: {channels_down: {int: [1, 64]}, kernel_up: {same_as: channels_down}}",
        "`genes.kernel_up.same_as`: the gene `kernel_up` is 2",
        "1, 3, 5 or 7",
    ),
    "channels that may be none": (
        "genes: {channels_skip: {choice: [0, 8]}, channels_down: {same_as: channels_skip}}",
        "`genes.channels_down.same_as`: the gene `channels_down` is 0",
        "from 1 to 1024",
    ),
    "channels that may come to nothing": (
        "genes: {channels_skip: {first: 4, growth: {choice: [0.25, 1]}}, channels_up: {same_as: channels_skip}}",
        "`genes.channels_up.same_as`: the gene `channels_up` is 0",
        "from 1 to 1024",
    ),
    "growing kernel": ("genes: {kernel_up: {first: 3}}", "`genes.kernel_up.first`", "only channels"),
    "shrinking to nothing": (
        "genes: {channels_up: {first: 8, growth: 0}}",
        "`genes.channels_up.growth` is 0",
        "above 0",
    ),
    "condition on nothing": (
        "genes: {jitter: {float: [0, 1], when: {input_knd: uniform}, otherwise: 0}}",
        "`genes.jitter.when.input_knd` is a condition on a gene that does not exist",
        "did you mean `input_kind`?",
    ),
    "condition across scales": (
        "genes: {jitter: {float: [0, 1], when: {channels_skip: {above: 0}}, otherwise: 0}}",
        "does not exist here",
        "cannot depend on one scale",
    ),
    "condition without otherwise": (
        "genes: {jitter: {float: [0, 1], when: {loss: l1}}}",
        "no `otherwise`",
        "needs a value",
    ),
    "otherwise without condition": (
        "genes: {jitter: {float: [0, 1], otherwise: 0}}",
        "otherwise",
        "add `when`",
    ),
    "condition that cannot hold": (
        "genes: {jitter: {float: [0, 1], when: {loss: l7}, otherwise: 0}}",
        "`loss` is 'l7'",
        "mse, l1",
    ),
    "condition on a depth that is not there": (
        "genes: {depth: {int: [3, 5]}, norm: {choice: [batch, none], when: {depth: 7}, otherwise: batch}}",
        "`genes.norm.when.depth` never holds",
        "otherwise",
    ),
    "condition between neighbours": (
        "genes: {depth: {int: [2, 6]},"
        " norm: {choice: [batch, none], when: {depth: {above: 2, below: 3}}, otherwise: none}}",
        "`genes.norm.when.depth` never holds",
        "otherwise",
    ),
    "condition outside of a float range": (
        "genes: {jitter: {float: [0, 0.05]},"
        " norm: {choice: [batch, none], when: {jitter: {above: 0.05}}, otherwise: none}}",
        "`genes.norm.when.jitter` never holds",
        "otherwise",
    ),
    "first above its limit": (
        "genes: {channels_down: {first: 256, growth: 1}}",
        "`genes.channels_down.first` is 256, above its limit 128",
        "larger `genes.channels_down.limit`",
    ),
    "condition of another kind": (
        "genes: {jitter: {float: [0, 1], when: {loss: {over: 1}}, otherwise: 0}}",
        "when.loss.over",
        "above, below",
    ),
    "conditions in a circle": (
        "genes: {loss: {choice: [mse, l1], when: {norm: batch}, otherwise: l1},"
        " norm: {choice: [batch, none], when: {loss: l1}, otherwise: none}}",
        "norm -> loss -> norm",
        "circle",
    ),
    "genes and points": ("genes: {depth: 2}\npoints: {}", "`genes` and `points`", "exactly one"),
    "neither": ("description: nothing", "`genes` and `points`", "exactly one"),
    "no genes": ("genes: {}", "`genes` is {}", "name: value"),
    "incomplete point": (
        "points: {mine: {norm: batch}}",
        "`points.mine`: the key `genome.scales` is missing",
        "add",
    ),
    "object tag": ("genes: !!python/object/apply:os.system ['true']", "line 2: the tag", "run code"),
    "alias": ("genes: {depth: &a 2, channels_up: *a}", "`'a'` is an anchor", "not allowed"),
    "duplicate key": ("genes: {depth: 2, depth: 3}", "`depth` appears twice", "each key once"),
    "not YAML": ("genes: {depth: [1, 2}", "line 2", "valid YAML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_key_rule_and_fix(tmp_path: Path, mistake: str) -> None:
    content, given, words = MISTAKES[mistake]
    error = refused(tmp_path / "space.yaml", HEAD + content)
    assert given in error.given
    assert words in f"{error.rule} {error.fix}"


def test_another_format_is_refused(tmp_path: Path) -> None:
    assert (
        "dipsearch/space/1"
        in refused(tmp_path / "a.yaml", "format: dipsearch/space/9\ngenes: {depth: 2}").rule
    )
    assert "`format` is missing" in refused(tmp_path / "b.yaml", "genes: {depth: 2}").given


def test_megabytes_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    bomb = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    assert "larger than" in refused(tmp_path / "large.yaml", bomb + "# filler\n" * 1_200_000).given
    assert "anchor" in refused(tmp_path / "small.yaml", bomb).given


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="No such file"):
        load_space(tmp_path / "nowhere.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(FormatError, match="not text in UTF-8"):
        load_space(tmp_path / "binary.yaml")


def test_a_name_that_is_nearly_right_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match=r"'smal'.*dip_2018, skip, small.*did you mean `small`"):
        load_space("smal")


def test_the_examples_of_the_guide_are_spaces(tmp_path: Path) -> None:
    control = Path(__file__).parents[2] / "search_spaces" / "README.md"
    blocks = re.findall(r"```yaml\n(.*?)```", control.read_text(), flags=re.DOTALL)
    assert len(blocks) == 2
    for index, block in enumerate(blocks):
        path = tmp_path / f"{index}.yaml"
        path.write_text(block if block.startswith("format") else HEAD + block)
        assert load_space(path).genes()
