"""The exit codes of every verb. Values only, so that they cost nothing to import."""

OK, NO, WRONG, FAILED, PARTLY, UNCERTAIN, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

EXIT_CODES = (
    "Exit codes: 0 done; 1 done, and the answer is no; 2 wrong command; 3 it could not be done; "
    "4 done, but some inputs failed; 5 done, and the answer is uncertain; 130 interrupted."
)
