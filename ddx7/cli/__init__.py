"""How a person reaches ddx7 from a terminal: one module for each command, `main` to choose among them."""

from ddx7.cli.app import main as main
