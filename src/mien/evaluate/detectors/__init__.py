"""How well faces are found: matching, average precision, WIDER FACE, recall by size and attribute, landmarks."""
