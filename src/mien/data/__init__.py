"""Data sets: foreign formats into manifests, manifests into packs of aligned crops."""
