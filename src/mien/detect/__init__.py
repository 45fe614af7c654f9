"""Face detectors: one file a family, one interface."""
