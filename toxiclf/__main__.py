"""``python -m toxiclf`` is the command line."""

from toxiclf.cli import main

main()
