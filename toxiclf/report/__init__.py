"""Renderings of a report: figures, HTML, Markdown, LaTeX; functions over the report's data."""
