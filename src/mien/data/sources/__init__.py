"""One file for each foreign data set; registry.py lists them."""
