"""Train face detectors: annotated images, networks, losses. Knows nothing of recognizers."""
