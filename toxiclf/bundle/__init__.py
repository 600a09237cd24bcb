"""Bundles: a trained model as JSON and one ONNX graph; saved atomically, verified before anything is parsed (base install)."""
