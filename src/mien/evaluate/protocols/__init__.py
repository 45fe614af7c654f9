"""One file for each protocol: an embedded set in, a report out."""
