"""Functions that render a report: as figures, HTML, Markdown, LaTeX, and tables for the terminal."""
