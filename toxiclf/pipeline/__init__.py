"""From labeled comments to a trained model and its report."""
