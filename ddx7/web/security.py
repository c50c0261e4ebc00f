"""What every request must show, and what every answer carries.

The server listens on 127.0.0.1, but any page in the same browser can send requests there. So a request counts only if
it names this server as its host (a foreign name that resolves to 127.0.0.1 does not), if it comes from this server's
own page, and if it carries the token that only the printed address holds.
"""

import hmac
import secrets
import traceback
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), midi=(self), camera=(), geolocation=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Headers of every answer."""

PAGE = "/"
_FAILED = "this failed inside ddx7; the terminal shows the details"
_PUBLIC = "/static/"  # files of the package, the same for everybody


def new_token() -> str:
    """A secret that cannot be guessed: 256 bits."""
    return secrets.token_urlsafe(32)


class Guard:
    """ASGI middleware that refuses requests which do not come from this server's page.

    Attributes:
      app: the application behind it.
      token: the secret of this server.
      hosts: values of the header `Host` that name this server.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str]) -> None:
        self.app = app
        self.token = token
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                own = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in own),
                    *([] if b"cache-control" in own else [(b"cache-control", b"no-store")]),
                ]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            try:
                await self.app(scope, receive, send_guarded)
            except Exception:
                traceback.print_exc()
                if not begun:
                    await JSONResponse({"error": _FAILED}, 500)(scope, receive, send_guarded)
            return
        status, sentence = refusal
        plain = scope["path"] == PAGE
        response = PlainTextResponse(sentence, status) if plain else JSONResponse({"error": sentence}, status)
        await response(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence of a refusal; None for a request that counts."""
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        hosts = [host.decode("latin-1").lower() for host in headers.get(b"host", [])]
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return 403, "this server answers at 127.0.0.1 only, under the address that ddx7 ui printed"
        for origin in headers.get(b"origin", []):
            if origin.decode("latin-1").lower() != f"http://{hosts[0]}":
                return 403, "the request comes from another page and is refused"
        foreign = any(site not in (b"same-origin", b"none") for site in headers.get(b"sec-fetch-site", []))
        # The printed address may be opened from a link in a terminal or a note; nothing else may be.
        if foreign and not (scope["path"] == PAGE and headers.get(b"sec-fetch-mode") == [b"navigate"]):
            return 403, "the request comes from another page and is refused"
        path = scope["path"]
        if path.startswith(_PUBLIC):
            return None
        if path == PAGE:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            shown = query.get("token", [""])[-1]
            sentence = "open the address that ddx7 ui printed in the terminal: it holds the key to this page"
        else:
            shown = _bearer(headers.get(b"authorization", []))
            sentence = "the token is missing or belongs to another run; open the address that ddx7 ui printed"
        if not hmac.compare_digest(shown.encode(), self.token.encode()):
            return 401 if path != PAGE else 403, sentence
        return None


def _bearer(values: list[bytes]) -> str:
    kind, _, token = (values[0].decode("latin-1") if len(values) == 1 else "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
