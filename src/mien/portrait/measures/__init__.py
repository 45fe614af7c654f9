"""Numbers taken from one portrait: size, pose, light, colour, coverings, detail. Knows no rule, folder or report."""
