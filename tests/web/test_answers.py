"""What views return becomes JSON, by the view of the request's method, and what is read is read strictly."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyramid.config import Configurator
from pyramid.response import Response

from marketcore.exceptions import Malformed
from marketcore.web.addresses import settle_views
from marketcore.web.json import loads


def own_type(request):
    request.response.content_type = "application/hal+json"
    request.response.status_int = 203
    return {"a": 1}


VIEWS = {
    "object": lambda _request: {"a": [1, None]},
    "list": lambda _request: [1, 2],
    "nothing": lambda _request: None,
    "typed": own_type,
    "answer": lambda _request: Response("plain", content_type="text/plain"),
}


@pytest.fixture(scope="module")
def ask():
    """Return ``ask(method, path)``: status, content type and body."""
    config = Configurator()
    config.include("marketcore.web.json")
    for name, view in VIEWS.items():
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name)
    config.add_route("thing", "/thing")
    for method in ("GET", "POST", "REPORT"):
        config.add_view(lambda request: {"asked": request.method}, route_name="thing", request_method=method)
    application = config.make_wsgi_app()
    settle_views(config.registry)

    def ask(method, path):
        told = []
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "here"}
        environ |= {"SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO()}
        body = b"".join(application(environ, lambda status, headers: told.extend([status, dict(headers)])))
        assert int(told[1]["Content-Length"]) == len(body) or method == "HEAD"
        return int(told[0][:3]), told[1]["Content-Type"], body

    return ask


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("object", (200, "application/json", b'{"a":[1,null]}')),
        ("list", (200, "application/json", b"[1,2]")),
        ("nothing", (200, "application/json", b"null")),
        ("typed", (203, "application/hal+json", b'{"a":1}')),
        ("answer", (200, "text/plain; charset=UTF-8", b"plain")),
    ],
)
def test_what_a_view_returns_is_its_answer(ask, name, answer):
    assert ask("GET", f"/{name}") == answer


@pytest.mark.parametrize("method", ["GET", "POST", "REPORT"])
def test_the_view_of_the_method_answers(ask, method):
    assert ask(method, "/thing") == (
        200,
        "application/json",
        json.dumps({"asked": method}, separators=(",", ":")).encode(),
    )


def test_whoever_may_get_may_ask_for_the_head_and_no_other_method_is_taken(ask):
    assert ask("HEAD", "/thing")[0] == 200
    assert [ask(method, "/thing")[0] for method in ("PUT", "DELETE", "BREW")] == [404, 404, 404]


NAMES = st.text(st.sampled_from('a:"\\{,é'), max_size=3)
TREES = st.recursive(
    st.none() | st.integers(-9, 9) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple),
    max_leaves=12,
)


def written(tree):
    """Return ``tree`` as JSON; a tuple of pairs is an object, whatever its names."""
    if isinstance(tree, tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{written(value)}" for name, value in tree) + "}"
    return f"[{','.join(map(written, tree))}]" if isinstance(tree, list) else json.dumps(tree)


def repeats(tree):
    if isinstance(tree, tuple):
        names = [name for name, _value in tree]
        return len(set(names)) < len(names) or any(repeats(value) for _name, value in tree)
    return isinstance(tree, list) and any(map(repeats, tree))


@given(TREES)
@example((("a", ":"), ("a", 1)))
@example((("a", ((":", 1), (":", 2))), ("b", [()])))
def test_a_name_given_twice_is_refused_wherever_and_nothing_else_is(tree):
    text = written(tree)
    if repeats(tree):
        with pytest.raises(Malformed, match="given twice"):
            loads(text.encode())
    else:
        assert loads(text.encode()) == json.loads(text)
