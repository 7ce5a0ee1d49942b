"""`python -m embodied` is the command line."""

from embodied.cli import main

main()
