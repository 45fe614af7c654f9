"""The models on this machine, and how more get there: list, import, pull, quantize, verify."""
