"""The page: it can be written in any state, needs nothing else, and shows text as text."""

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image
from plotly.offline import get_plotlyjs

from dipsearch.report import render, write_page
from dipsearch.report.pictures import data_uri


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
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
    assert not elements.of("link") and not elements.of("iframe")
    assert "url(http" not in html and "@import" not in html
    (policy,) = (m for m in elements.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_no_figure_offers_an_upload(make_study) -> None:
    figures = re.findall(r'data-plot="(\w+)">(.*?)</script>', render(make_study()), flags=re.DOTALL)
    assert [name for name, _ in figures] == ["curves", "cost", "history"]
    for _, content in figures:
        config = json.loads(content)["config"]
        assert (config["showSendToCloud"], config["displaylogo"]) == (False, False)


def test_text_is_shown_as_text(make_study) -> None:
    name = "<script>alert('name')</script>"
    html = without_plotly(render(make_study(name)))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html  # the reason of the failed candidate
    assert "&lt;script&gt;alert(&#x27;name&#x27;)" in html


def test_text_in_a_figure_cannot_end_its_script(make_study) -> None:
    record = make_study()
    evil = tuple(replace(e, ended="</script><b>", reason=None) for e in record.evaluations)
    html = without_plotly(render(replace(record, evaluations=evil)))
    assert "</script><b>" not in html


def test_three_pictures_stand_side_by_side(make_study) -> None:
    elements = Elements(without_plotly(render(make_study())))
    assert [image["alt"] for image in elements.of("img")] == ["measured", "restored", "reference"]
    assert len(elements.of("figcaption")) == 3


def test_the_winner_is_drawn_and_can_be_used_again(make_study) -> None:
    record = make_study()
    html = without_plotly(render(record))
    assert len(Elements(html).of("svg")) == 1
    assert f"dipsearch restore {record.folder} IMAGE --task inpaint" in html
    assert "Candidate 1, the best of 2 complete candidates" in html


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"evaluations": (), "result": None, "with_files": False}, "no candidate has been started"),
        ({"result": None, "with_files": False}, "there is no restored picture yet"),
        ({"missing": ("the journal is damaged",)}, "the journal is damaged"),
        ({"pictures": ()}, "What came out"),
    ],
)
def test_a_study_in_any_state_has_a_page(make_study, changes: dict[str, object], words: str) -> None:
    assert words in without_plotly(render(make_study(**changes)))


def test_a_study_that_failed_throughout_names_its_reasons(make_study) -> None:
    record = make_study(result=None, with_files=False)
    failed = tuple(e for e in record.evaluations if e.state == "failed")
    html = without_plotly(render(replace(record, evaluations=failed)))
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
