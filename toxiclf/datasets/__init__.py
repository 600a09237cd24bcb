"""Read labeled comments and split them into training, validation and test sets."""
