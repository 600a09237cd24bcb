"""Bundles: trained models as JSON files and one ONNX graph, saved atomically and verified before they are parsed.

These modules need only the base install.
"""
