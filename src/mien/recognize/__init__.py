"""Aligned crops to embeddings."""
