"""Honest evaluation: protocols over embeddings or scores, their intervals, and reports."""
