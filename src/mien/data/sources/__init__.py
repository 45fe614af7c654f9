"""One file for each foreign data set; see mien.data.sources.known."""
