"""Run the command line as ``python -m toxiclf``."""

from toxiclf._entry import main

if __name__ == "__main__":
    main()
