"""From files of labeled comments to training, validation and test sets."""
