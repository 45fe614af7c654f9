"""How often a 95% interval contains the true rate, on simulated subjects whose true rates are known.

FNMR: each subject has its own rate (logit-normal) and 1 to m comparisons. FMR: a comparison's score is the sum of two
subjects' effects and of chance, so comparisons that share a subject are dependent; the true rate follows from the
normal distribution. mien's intervals are compared with the percentile bootstrap over subjects.

    python benchmarks/coverage.py [--rounds 2000]
"""

import sys
from statistics import NormalDist

import numpy as np

import command
from mien.pairwise.rates_at import count_matches
from mien.rates import rate_of_pairs, rate_of_subjects

FNMR = ((100, 10, 1.0, -3.0), (300, 10, 1.0, -4.0), (1000, 4, 1.5, -6.0), (60, 20, 1.5, -3.0), (1680, 10, 2.0, -7.0))
"""Subjects, maximum comparisons per subject, deviation and mean of the logit of the subjects' rates."""
FMR = (
    (200, 0.0, 1e-2),
    (200, 0.2, 1e-2),
    (200, 0.2, 1e-3),
    (200, 0.5, 1e-2),
    (200, 0.5, 1e-3),
    (600, 0.3, 1e-3),
    (600, 0.3, 1e-4),
    (600, 0.5, 1e-3),
    (600, 0.5, 1e-4),
)
"""Subjects with one sample each, the subjects' share of a score's deviation, the true rate."""
ZERO = ((100, 3.0), (1000, 3.0))
"""Subjects with one comparison each, and the expected number of errors: cases of the rule of three."""
RESAMPLES = 200


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=2000, help="simulated sets per case")
    given = parser.parse_args()
    rounds = 4 if given.smoke else given.rounds
    generator = np.random.default_rng(7)
    rows = [fnmr(generator, rounds, *case) for case in FNMR]
    rows += [
        fmr(generator, rounds if given.smoke else max(200, rounds // 2), *case)
        for case in FMR[:: 4 if given.smoke else 1]
    ]
    rows += [zero(generator, rounds, *case) for case in ZERO]
    command.finish("coverage", {"rounds": rounds, "cases": rows}, smoke=given.smoke)


def report(kind: str, settings: dict, held: dict[str, int], rounds: int, errors: float) -> dict:
    row = {"rate": kind, **settings, "rounds": rounds, "errors per round": round(errors, 1)}
    row |= {f"{name}, % held": round(100 * count / rounds, 1) for name, count in held.items()}
    print(row, file=sys.stderr, flush=True)
    return row


def fnmr(
    generator: np.random.Generator, rounds: int, subjects: int, max_each: int, spread: float, mean: float
) -> dict:
    truth = float((1 / (1 + np.exp(-(mean + spread * generator.standard_normal(4_000_000))))).mean())
    held, total = {"mien": 0, "percentile bootstrap": 0}, 0
    for _ in range(rounds):
        trials = generator.integers(1, max_each + 1, subjects)
        rates = 1 / (1 + np.exp(-(mean + spread * generator.standard_normal(subjects))))
        errors = generator.binomial(trials, rates)
        total += int(errors.sum())
        rate = rate_of_subjects(errors, trials)
        held["mien"] += rate.low <= truth <= rate.high
        draws = generator.multinomial(subjects, np.full(subjects, 1 / subjects), RESAMPLES)
        low, high = np.percentile((draws @ errors) / (draws @ trials), [2.5, 97.5])
        held["percentile bootstrap"] += low <= truth <= high
    settings = {
        "subjects": subjects,
        "max comparisons per subject": max_each,
        "spread": spread,
        "truth": round(truth, 5),
    }
    return report("FNMR", settings, held, rounds, total / rounds)


def fmr(generator: np.random.Generator, rounds: int, subjects: int, share: float, truth: float) -> dict:
    limit = NormalDist().inv_cdf(1 - truth) * np.sqrt(2 * share**2 + 1)
    first, second = np.triu_indices(subjects, 1)
    pairs = float(len(first))
    samples, comparisons = np.ones(subjects), np.full(subjects, subjects - 1.0)
    held, total = {"mien": 0, "percentile bootstrap": 0}, 0
    for _ in range(rounds):
        own = share * generator.standard_normal(subjects)
        chosen = own[first] + own[second] + generator.standard_normal(len(first)) >= limit
        who = np.column_stack([first[chosen], second[chosen]])
        total += len(who)
        rate = rate_of_pairs(count_matches(who, samples, comparisons, pairs))
        held["mien"] += rate.low <= truth <= rate.high
        shares = []
        for _ in range(RESAMPLES):
            draws = np.bincount(generator.integers(0, subjects, subjects), minlength=subjects)
            shares.append((draws[who[:, 0]] * draws[who[:, 1]]).sum() / pairs)
        low, high = np.percentile(shares, [2.5, 97.5])
        held["percentile bootstrap"] += low <= truth <= high
    settings = {"subjects": subjects, "subjects' share": share, "truth": truth}
    return report("FMR", settings, held, rounds, total / rounds)


def zero(generator: np.random.Generator, rounds: int, subjects: int, expected: float) -> dict:
    """At the rate given by the rule of three, 95% of the sets must show an error."""
    truth = expected / subjects
    errors = generator.binomial(1, truth, (rounds, subjects)).sum(axis=1)
    rule = rate_of_subjects(np.zeros(subjects), np.ones(subjects)).high
    held = {
        "mien": int(((errors > 0) | (truth <= rule)).sum()),
        "shows an error at the rule's rate": int((errors > 0).sum()),
    }
    return report("rule of three", {"subjects": subjects, "truth": truth}, held, rounds, float(errors.mean()))


if __name__ == "__main__":
    main()
