"""The HTTP API: one module for each view, and three for what all views share."""

from starlette.routing import Route

from ddx7.web.routes import instruments, library, make, match, render, send, session, voice

ROUTES: tuple[Route, ...] = (
    *session.ROUTES,
    *render.ROUTES,
    *match.ROUTES,
    *voice.ROUTES,
    *library.ROUTES,
    *make.ROUTES,
    *instruments.ROUTES,
    *send.ROUTES,
)
"""All routes of the API."""
