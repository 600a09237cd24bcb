"""Word vectors, and features made of them."""
