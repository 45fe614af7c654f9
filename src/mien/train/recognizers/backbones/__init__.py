"""Networks from crops to embeddings, one file a layout. Importing this package needs torch."""
