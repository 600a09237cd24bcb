"""Train, search, evaluate and save: from labeled comments to a model with its report and bundle."""
