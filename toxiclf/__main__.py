"""Run the command line as ``python -m toxiclf``."""

from toxiclf.cli import main

main()
