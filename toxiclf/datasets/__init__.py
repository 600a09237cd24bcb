"""From files of labelled comments to training, validation and test sets."""
