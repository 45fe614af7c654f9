"""Train recognizers: crops, backbones, heads, fine-tuning and its guard. Knows nothing of detectors."""
