"""Routes of the view "send"."""

from starlette.routing import Route

ROUTES: tuple[Route, ...] = ()
