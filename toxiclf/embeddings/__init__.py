"""Word vectors: how they are trained, held in memory, stored on disk and loaded."""
