"""The page: it can be written in any state, needs nothing else, and shows text as text."""

import base64
import gzip
import hashlib
import io
import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from markupsafe import escape
from PIL import Image
from plotly.offline import get_plotlyjs

from dipsearch.report import write_page
from dipsearch.report.page import render
from dipsearch.report.pictures import data_uri, map_uri


class Elements(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def without_plotly(html: str) -> str:
    assert html.count(get_plotlyjs()) == 1
    return html.replace(get_plotlyjs(), "")


def test_the_page_fetches_nothing(make_study) -> None:
    html = without_plotly(render(make_study()))
    elements = Elements(html)
    for tag, attributes in elements.found:
        for name in ("src", "href", "action", "srcset", "data"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), (tag, attributes)
    assert not elements.of("link") and not elements.of("iframe")
    assert "url(http" not in html and "@import" not in html
    (policy,) = (m for m in elements.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_no_figure_offers_an_upload(make_study) -> None:
    figures = re.findall(r'data-plot="plot-(\w+)">(.*?)</script>', render(make_study()), flags=re.DOTALL)
    names = ["curves", "cost", "anytime", "quality", "history", "tree", "parallel", "timeline"]
    assert [name for name, _ in figures] == names
    for _, content in figures:
        config = json.loads(content)["config"]
        assert (config["showSendToCloud"], config["displaylogo"]) == (False, False)


def test_text_is_shown_as_text(make_study) -> None:
    name = "<script>alert('name')</script>"
    html = without_plotly(render(make_study(name)))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html  # the reason of the failed candidate
    assert "&lt;script&gt;alert(&#39;name&#39;)" in html


def test_text_in_a_figure_cannot_end_its_script(make_study) -> None:
    record = make_study()
    evil = tuple(replace(e, ended="</script><b>", reason=None) for e in record.trials)
    html = without_plotly(render(replace(record, trials=evil)))
    assert "</script><b>" not in html


def test_the_layers_stand_side_by_side(make_study) -> None:
    elements = Elements(without_plotly(render(make_study())))
    layers = ["measured", "restored", "reference", "error"]
    assert [image["alt"] for image in elements.of("img")] == layers
    assert [figure["data-layer"] for figure in elements.of("figure")] == layers


def test_only_the_scripts_of_the_page_may_run(make_study) -> None:
    html = render(make_study())
    elements = Elements(without_plotly(html))
    (policy,) = (m for m in elements.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    allowed = (policy["content"] or "").split("script-src ")[1].split()
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert sorted(allowed) == sorted(f"'sha256-{digest}'" for digest in digests)
    assert get_plotlyjs() in scripts


@pytest.mark.parametrize(
    "words",
    ["<script>alert(1)</script>", "\"quoted\" & 'single'", "🐱" * 40, "x" * 5000, "]]></style>--><!--"],
)
def test_any_text_in_any_place_is_shown_as_text(make_study, result, words: str) -> None:
    record = make_study(words, missing=(words,), result={**result, "warnings": [words], "image": words})
    evil = tuple(replace(e, reason=words, ended=words, operator=words) for e in record.trials)
    html = without_plotly(render(replace(record, trials=evil)))
    assert words not in html or not {*"<>&\"'"} & {*words}
    assert escape(words) in html
    expected = len(Elements(without_plotly(render(record))).of("script"))
    assert len(Elements(html).of("script")) == expected


def test_dossiers_hold_every_candidate_and_its_drawing(make_study) -> None:
    record = make_study()
    packed = re.search(r'id="dossiers">([^<]+)</script>', render(record))
    assert packed is not None
    dossiers = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    assert [dossier["number"] for dossier in dossiers] == [1, 0, 2, 4, 3]
    assert dossiers[0]["parents"] == [0]
    assert dossiers[0]["drawing"].startswith("<svg") and "depth: 5 → 3" in dossiers[0]["changes"]
    assert ["remark", "<script>alert(1)</script>"] in dossiers[-1]["facts"]


def test_a_running_study_shows_the_best_so_far(make_study) -> None:
    record = make_study(result=None)
    np.savez(record.folder / "trials" / "0001" / "output.npz", x=np.zeros((1, 3, 24, 32), np.float32))
    running = replace(record, pictures=(replace(record.pictures[0], restored=None),))
    html = without_plotly(render(running))
    assert "best so far" in html and "candidate 1, estimated 27.50 dB" in html


def test_two_thousand_candidates_fit_on_a_page(make_study, curve_writer) -> None:
    record = make_study()
    template = [e for e in record.trials if e.state == "complete"]
    many = tuple(
        replace(template[n % 2], number=n, estimated_psnr=20 + n / 300, parents=(n - 2,) if n > 1 else ())
        for n in range(2000)
    )
    curve_writer(record.folder, 2, outputs=False)
    for number in range(3, 2000):
        (record.folder / "trials" / f"{number:04d}").symlink_to("0002")
    begin = time.process_time()  # of this process, so that another one's work does not count
    html = render(replace(record, trials=many))
    assert time.process_time() - begin < 20
    assert len(html.encode()) < 14e6


def test_the_winner_is_drawn_and_can_be_used_again(make_study) -> None:
    record = make_study()
    (record.folder / "best" / "stack.yaml").touch()
    html = without_plotly(render(record))
    assert len(Elements(html).of("svg")) == 1
    commands = re.sub(r"</?span>", "", html)  # each word of a command stands in one, so that it is not torn
    assert "dipsearch search --task inpaint" in commands
    assert f"dipsearch restore {record.folder} IMAGE --task inpaint" in commands
    assert "Candidate 1, the best of 2 complete candidates" in html


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trials": (), "result": None, "with_files": False}, "no candidate has been started"),
        ({"result": None, "with_files": False}, "there is no restored picture yet"),
        ({"missing": ("the journal is damaged",)}, "the journal is damaged"),
        ({"pictures": ()}, "What came out"),
    ],
)
def test_a_study_in_any_state_has_a_page(make_study, changes: dict[str, object], words: str) -> None:
    assert words in without_plotly(render(make_study(**changes)))


def test_a_study_that_failed_throughout_names_its_reasons(make_study) -> None:
    record = make_study(result=None, with_files=False)
    failed = tuple(e for e in record.trials if e.state == "failed")
    html = without_plotly(render(replace(record, trials=failed)))
    assert "no candidate is complete yet" in html
    assert "alert(1)" in html


def test_a_source_that_is_gone_leaves_a_gap(make_study) -> None:
    record = make_study()
    gone = replace(record, pictures=(replace(record.pictures[0], case=None),))
    assert "the measured picture cannot be read any more" in render(gone)


def test_a_damaged_restoration_leaves_a_gap(make_study) -> None:
    record = make_study()
    record.pictures[0].restored.write_bytes(b"")
    html = without_plotly(render(record))
    assert [image["alt"] for image in Elements(html).of("img")] == ["measured", "reference"]
    assert "restored.png" in html


def test_the_page_is_written_beside_the_study_or_where_it_is_wanted(make_study, tmp_path) -> None:
    record = make_study()
    assert write_page(record) == record.folder / "report.html"
    assert write_page(record, to=tmp_path / "deep" / "page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(("channels", "shown"), [(1, 3), (2, 3), (3, 3), (5, 3)])
def test_any_number_of_channels_can_be_shown(channels: int, shown: int) -> None:
    pixels = torch.linspace(-0.5, 1.5, channels * 6).reshape(1, channels, 2, 3)
    content = base64.b64decode(data_uri(pixels).split(",")[1])
    array = np.asarray(Image.open(io.BytesIO(content)))
    assert array.shape == (2, 3, shown)
    assert (array[0, 0, 0], array[..., 0].min()) == (0, 0)


def test_what_was_not_measured_is_transparent() -> None:
    observed = torch.tensor([[[[1.0, 0.0]]]])
    content = base64.b64decode(data_uri(torch.ones(1, 1, 1, 2), observed=observed).split(",")[1])
    assert np.asarray(Image.open(io.BytesIO(content)))[0].tolist() == [
        [255, 255, 255, 255],
        [255, 255, 255, 0],
    ]


def test_large_pictures_are_reduced_and_say_so() -> None:
    content = base64.b64decode(data_uri(torch.zeros(1, 1, 8, 2048)).split(",")[1])
    assert Image.open(io.BytesIO(content)).size == (1024, 4)


def test_a_map_is_white_at_its_full_scale() -> None:
    content = base64.b64decode(map_uri(np.array([[0.0, 0.05, 0.1, 0.4]]), full=0.1).split(",")[1])
    assert np.asarray(Image.open(io.BytesIO(content)))[0].tolist() == [0, 128, 255, 255]


def test_the_two_scales_of_filled_in_pictures_are_told_apart(make_study, result) -> None:
    pictures = [{"name": "cat", "restored": "best/restored.png", "answers": result["answers"]}]
    html = without_plotly(render(make_study(result={**result, "pictures": pictures})))
    assert ">estimated PSNR, missing pixels<" in html and ">PSNR, all pixels<" in html
