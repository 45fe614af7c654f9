"""Detectors: their networks, losses and data, trained by the same loop as recognizers."""
