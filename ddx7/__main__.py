"""``python -m ddx7``: the command line."""

from ddx7.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
