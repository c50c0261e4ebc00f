"""Routes of the view "library"."""

from starlette.routing import Route

ROUTES: tuple[Route, ...] = ()
