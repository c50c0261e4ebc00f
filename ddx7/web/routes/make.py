"""Routes of the view "make"."""

from starlette.routing import Route

ROUTES: tuple[Route, ...] = ()
