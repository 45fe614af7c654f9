"""A folder of portraits as one data set: its files, people, duplicates, labels and balance. Writes no report."""
