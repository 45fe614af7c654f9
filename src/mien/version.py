"""The one place that says which mien this is: the package, reports, logs and the API read it here."""

__version__ = "0.5.0"
