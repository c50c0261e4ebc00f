"""Requests that do not come from the server's own page are refused."""

import http.client

import httpx
import pytest
from serving import TOKEN

from ddx7.web.security import new_token

API = "/api/health"


def test_the_page_opens_under_its_whole_address_alone(server):
    assert "<main" in httpx.get(server.address).text
    for address in (
        server.url,
        f"{server.url}/?token=",
        f"{server.url}/?token={TOKEN}x",
        f"{server.url}/?token=a&token=b",
    ):
        refused = httpx.get(address)
        assert refused.status_code == 403
        assert "open the address" in refused.text
        assert "<" not in refused.text


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é", f"Bearer {TOKEN},{TOKEN}"],
)
def test_the_api_needs_the_token(server, authorization):
    headers = [(b"authorization", authorization.encode("latin-1"))] if authorization else []
    answer = httpx.get(server.url + API, headers=headers)
    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}


def test_a_token_in_the_address_does_not_open_the_api(server):
    assert httpx.get(f"{server.url}{API}?token={TOKEN}").status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "[::1]:{port}"]
)
def test_foreign_hosts_are_refused(server, host):
    """A name that resolves to 127.0.0.1 (DNS rebinding) does not name this server."""
    answer = server.ask(API, Host=host.format(port=server.port))
    assert answer.status_code == 403
    assert "x-frame-options" in answer.headers


def test_localhost_names_the_server_too(server):
    assert server.ask(API, Host=f"localhost:{server.port}").status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", ""]
)
def test_foreign_origins_are_refused(server, origin):
    answer = server.ask("/api/sessions", "POST", Origin=origin.format(port=server.port))
    assert answer.status_code == 403
    assert server.ask(API, Origin=server.url).status_code == 200


def test_what_a_browser_marks_as_cross_site_is_refused(server):
    assert server.ask(API, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert server.ask("/static/icon.svg", **{"Sec-Fetch-Site": "same-site"}).status_code == 403
    assert server.ask(API, **{"Sec-Fetch-Site": "same-origin"}).status_code == 200
    link = httpx.get(server.address, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert link.status_code == 200


@pytest.mark.parametrize("path", ["/", API, "/static/js/app.js", "/api/nothing", "/static/../server.py"])
def test_every_answer_carries_the_strict_policy(server, path):
    headers = server.ask(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy  # no other host
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path",
    ["/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/server.py", "/static//etc/passwd", "/static/js"],
)
def test_no_path_leaves_the_static_folder(server, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)  # which sends the path as it is
    connection.request("GET", path)
    assert connection.getresponse().status in (404, 405, 307)
    connection.close()


def test_two_hosts_in_one_request_are_refused(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("GET", API, skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{server.port}")
    connection.putheader("Host", "evil.example")
    connection.putheader("Authorization", f"Bearer {TOKEN}")
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


def test_tokens_are_long_and_differ():
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 43
