"""What keeps strangers out of the dashboard, and hostile texts from being obeyed."""

from __future__ import annotations

from urllib.parse import urlencode

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit import Client
from omskit.dashboard import Asker
from omskit.dashboard.pages.ask import Question, shown
from omskit.table import Table


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8322", "oms.cern.ch"])
def test_other_names_are_refused(visitor, host):
    """A request for another host's name is refused: a page may lead its name here."""
    answer = visitor.get("/run/297050", host=host)
    assert answer.status == 421
    assert b"297050" not in answer.body


@pytest.mark.parametrize(
    "path", ["/run/297050", "/ask.csv?resource=runs", "/static/hover.js"]
)
@pytest.mark.parametrize("mode", ["no-cors", "cors", "same-origin"])
def test_other_origins_read_nothing(visitor, path, mode):
    """A page of another origin can neither fetch nor show anything."""
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": mode}
    answer = visitor.get(path, **headers)
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


def test_a_link_from_elsewhere_opens(visitor):
    """A colleague's link is a navigation, and opens."""
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert visitor.get("/masks", **headers).status == 200


def test_other_pages_drop_no_files(visitor):
    """A file comes from the page Masks only: a form elsewhere cannot set the header."""
    assert visitor.post("/masks/file?name=a", b"{}").status == 403
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    answer = visitor.post("/masks/file?name=a", b"{}", x_omskit="1", **headers)
    assert answer.status == 403


def test_large_files_are_refused(visitor, monkeypatch):
    """A file larger than the bound is refused."""
    monkeypatch.setattr("omskit.dashboard.endpoints.MOST_BYTES", 10)
    assert visitor.post("/masks/file?name=a", b"x" * 11, x_omskit="1").status == 413


def test_every_answer_binds_the_browser(visitor):
    """Every answer says that scripts come from here only, and who may show it."""
    for path in ("/now", "/nothing", "/static/style.css", "/ask.csv?resource=runs"):
        headers = visitor.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"


HOSTILE = st.one_of(
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "</script><script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' onmouseover='alert(1)",
            "javascript:alert(1)",
            "{{ 7 * 7 }}{% raw %}",
        ]
    ),
    st.text(min_size=1, max_size=30),
)


@settings(max_examples=examples(40))
@given(words=HOSTILE)
def test_hostile_addresses_are_text(visitor, page_of, words):
    """What an address holds is shown as text, in every field of every form."""
    usual = page_of(visitor.get("/ask?resource=runs&fields=no_such").text)
    names = ("runs", "fields", "where", "sort", "resource", "limit")
    asked = {"resource": "runs"} | {name: words for name in names if name != "resource"}
    for query in (asked, {"resource": words}, {"theme": words}):
        page = page_of(visitor.get(f"/ask?{urlencode(query)}").text)
        assert set(page.tags) <= set(usual.tags) | {"details", "option"}
        assert page.tags.count("script") == usual.tags.count("script")
        assert {n for n, _ in page.attributes} <= (
            {n for n, _ in usual.attributes} | {"open", "data-theme", "hidden", "role"}
        )


@settings(max_examples=examples(40))
@given(words=HOSTILE)
def test_hostile_rows_are_text(page_of, words):
    """Names, units and values of a table are shown as text."""
    from omskit.dashboard.endpoints import templates

    field = pa.field(words, pa.string(), metadata={"unit": words})
    table = Table(pa.table([[words]], schema=pa.schema([field])), warnings=[words])
    question = Question(words, words, words, words, words)
    told = shown(table, question, words)
    template = templates().get_template("ask.html")
    text = template.render(
        page=type("P", (), {"title": words, "sentence": words, "simulated": False}),
        question=question, resources=[words], fields=[(words, words, words, True)],
        error=words, theme="", pages=[], current="", other_theme="", words=_words(),
        other_theme_query="", instance=words, forms=(), version="", simulated_words="",
        given=type("G", (), {"link": lambda *_, **__: "/"})(), **told,
    )  # fmt: skip
    page = page_of(text)
    assert page.tags.count("script") == 5
    assert "img" not in page.tags
    assert {n for n, _ in page.attributes} & {"onerror", "onmouseover"} == set()


def _words():
    from omskit.reports import words

    return words


@settings(max_examples=examples(40))
@given(words=HOSTILE)
def test_hostile_file_names_are_text(visitor, page_of, words):
    """The name of a dropped file is shown as text."""
    answer = visitor.post(
        f"/masks/file?{urlencode({'name': words})}", b'{"1": [[1, 2]]}', x_omskit="1"
    )
    page = page_of(visitor.get(f"/masks?a={answer.text}").text)
    usual = page_of(visitor.get("/masks").text)
    assert page.tags.count("script") == usual.tags.count("script")
    assert "img" not in page.tags
    assert "b" not in page.tags


def test_secrets_of_the_client_are_on_no_page(visitor):
    """The text of no page has what the client was given."""
    with Client("demo") as oms:
        asker = Asker(oms)
    assert repr(asker.client) == "Client('demo')"
    assert "authorization" not in visitor.get("/now").text.lower()
