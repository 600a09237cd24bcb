"""From labelled comments to a trained model and its report."""
