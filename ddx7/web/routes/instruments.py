"""Routes of the view "instruments"."""

from starlette.routing import Route

ROUTES: tuple[Route, ...] = ()
