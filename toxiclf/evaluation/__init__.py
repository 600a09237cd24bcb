"""One evaluation for every model: rows first, pictures later."""
