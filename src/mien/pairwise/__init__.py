"""All comparisons of a set of embeddings, and the error rates that they show. Knows no file, no model and no report.

`all_pairs` compares every sample with every other, `rates_at` gives FMR and FNMR at a threshold, `operating_points`
the thresholds for the rates that a set can show, `strata` the rates within and between groups. Evaluations use it on
sets, and galleries on their own people.
"""
