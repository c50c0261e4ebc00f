"""The HTTP API: one module for each view that needs the server, and two for what all views share."""

from starlette.routing import Route

from ddx7.web.routes import instruments, library, make, match, render, session, voice

ROUTES: tuple[Route, ...] = (
    *session.ROUTES,
    *render.ROUTES,
    *match.ROUTES,
    *voice.ROUTES,
    *make.ROUTES,
    *library.ROUTES,
    *instruments.ROUTES,
)
"""All routes of the API."""
