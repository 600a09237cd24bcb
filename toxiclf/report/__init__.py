"""What a report looks like: figures, HTML, Markdown; functions over the report's data."""
