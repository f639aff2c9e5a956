"""``python -m stepdown`` is the command line."""

from stepdown.cli import main

main()
