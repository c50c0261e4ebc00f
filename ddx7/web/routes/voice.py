"""Routes of the view "voice"."""

from starlette.routing import Route

ROUTES: tuple[Route, ...] = ()
