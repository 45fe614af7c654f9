"""What the jobs of a service do: calibrate, import what the operator named, embed again, compare a list of pairs.

Each kind of work can be begun again after a crash: an import finds what it had enrolled, thresholds are measured
again, a re-enrolment changes nothing until its end, and a list of pairs goes on with those that are not decided.
Knows no request; see mien.service.jobs for the jobs.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mien.data.manifest_io import read_samples
from mien.data.sample import Problem
from mien.errors import CardError, SettingsError
from mien.gallery.enrolment import enrol_samples
from mien.gallery.gallery import Enrolment
from mien.gallery.reenrolment import reenrol_store
from mien.gallery.threshold_policies import parse_policy, resolve_without_gallery
from mien.progress import OnProgress, Progress, report_progress
from mien.service.answers import notes_answer, pair_answer, threshold_answer
from mien.service.engines import Engines
from mien.service.galleries import Galleries
from mien.service.jobs import Job, JobKind, Work
from mien.service.pair_results import KeptPair, PairNames, PairResults
from mien.units import convert
from mien.verify.deciding import decide_pairs
from mien.verify.decisions import PairDecision
from mien.verify.pair_list import AskedPair, PairList, read_pair_list

REFUSALS = 100
"""Maximum number of refused files that a result names."""
TOGETHER = 32
"""Pairs that are decided, and kept, together."""


@dataclass(frozen=True, slots=True)
class LongWork:
    """The work of all jobs of a service.

    Attributes:
        galleries: of the service.
        engines: its models.
        imports: folders and manifests by the names that the operator gave them.
        pairs: keeps decisions on lists.
    """

    galleries: Galleries
    engines: Engines
    imports: Mapping[str, Path]
    pairs: PairResults

    def by_kind(self) -> dict[JobKind, Work]:
        """What does each kind of job."""
        return {"calibrate": self.calibrate, "import": self.enrol, "reenrol": self.reenrol, "verify": self.verify}

    def calibrate(self, job: Job, on_progress: OnProgress) -> Mapping[str, Any]:
        """Measure the thresholds of policies on the gallery's own people."""
        found, rows = self.galleries.find(job.gallery), []
        policies = [parse_policy(one) for one in job.given["policies"]]
        for policy in report_progress(policies, "measuring", len(policies), on_progress):
            row: dict[str, Any] = {"policy": str(policy), "threshold": None}
            try:
                chosen = found.threshold(policy, measure=True)
                row["threshold"] = threshold_answer(str(policy), chosen, self.engines.card).model_dump()
                row["notes"] = notes_answer(chosen.notes, "en")
            except CardError as reason:
                row["notes"] = [str(reason)]
            rows.append(row)
        return {"thresholds": rows}

    def enrol(self, job: Job, on_progress: OnProgress) -> Mapping[str, Any]:
        """Enrol a folder or manifest; the names of files are relative to what the operator named."""
        found, path = self.galleries.find(job.gallery), self._source(job.given["source"])
        problems: list[Problem] = []
        samples = read_samples(path, problems.append)
        results = enrol_samples(
            found.gallery, samples, self.engines.pipeline, self.engines.card, strict=job.given["strict"]
        )
        counts: Counter[str] = Counter()
        refused: list[dict[str, str]] = []
        for one in report_progress(results, "enrolling", len(samples), on_progress):
            counts[one.status] += 1
            if not one and len(refused) < REFUSALS:
                refused.append(_refusal(one, path))
        return {"counts": dict(counts), "refused": refused, "rows_left_out": len(problems)}

    def reenrol(self, job: Job, on_progress: OnProgress) -> Mapping[str, Any]:
        """Embed all portraits again, and exchange all embeddings in one step."""
        found = self.galleries.find(job.gallery)
        done = reenrol_store(found.gallery.store, self.engines.recognizer, on_progress=on_progress)
        found.forget_index()
        return {"samples": done.templates, "contract": done.identity.contract}

    def verify(self, job: Job, on_progress: OnProgress) -> Mapping[str, Any]:
        """Decide the pairs of a list; those that were decided before a crash are not compared again."""
        given, card = job.given, self.engines.card
        columns = None if given["columns"] is None else (given["columns"][0], given["columns"][1])
        asked = read_pair_list(self._source(given["source"]), columns)
        chosen = resolve_without_gallery(parse_policy(given["threshold"]), card)
        names = {pair.row: _names(pair) for pair in asked.pairs}
        before = [one for one in self.pairs.all(job.id) if one.names == names.get(one.row)]
        counts = Counter(str(one.decision["outcome"]) for one in before)
        to_review, known = sum(one.review for one in before), {one.row for one in before}
        todo = iter([pair for pair in asked.pairs if pair.row not in known])
        while part := list(islice(todo, TOGETHER)):
            images = {path: None for pair in part if not pair.problem for path in (pair.first, pair.second)}
            decided = decide_pairs(part, list(map(Path, images)), self.engines.pipeline, chosen, card)
            self.pairs.put(job.id, [_kept(one, asked, given, names[one.pair.row], card.unit) for one in decided])
            counts.update(one.outcome for one in decided)
            to_review += sum(one.review for one in decided)
            on_progress(Progress(stage="comparing", done=counts.total(), total=len(asked.pairs)))
        return {
            "pairs": len(asked.pairs),
            "counts": dict(counts),
            "to_review": to_review,
            "threshold": threshold_answer(given["threshold"], chosen, card).model_dump(),
            "notes": notes_answer(chosen.notes, given["language"]),
        }

    def _source(self, name: str) -> Path:
        """Where a source is; a restarted service may have been given others."""
        if name not in self.imports:
            raise SettingsError(
                f"the source {name} is not there any more: start the service with --import {name}=PATH"
            )
        return self.imports[name]


def _refusal(one: Enrolment, folder: Path) -> dict[str, str]:
    place = one.sample.path
    name = str(place.relative_to(folder)) if folder.is_dir() and place.is_relative_to(folder) else place.name
    return {"file": name, "status": one.status, "detail": one.detail.replace(str(place), name)}


def _names(pair: AskedPair) -> PairNames:
    return PairNames(id=pair.id, a=pair.a, b=pair.b, first=pair.first, second=pair.second)


def _kept(one: PairDecision, asked: PairList, given: Mapping[str, Any], names: PairNames, unit: str) -> KeptPair:
    """A decision as it is kept: without paths of the server."""
    answer = pair_answer(one, given["language"]).model_dump() | {"unit": unit}
    review = answer.pop("review")
    for place, shown in ((names.first, "PATH"), (names.second, "PATH"), (str(asked.path), given["source"])):
        for reason in answer["reasons"] if place else ():
            reason["message"] = reason["message"].replace(place, shown)
    decision, near = one.decision, None
    if decision is not None:
        limit = convert(decision.threshold.value, decision.threshold.unit, decision.score.unit, unit_length=False)
        near = abs(decision.score.value - limit)
    return KeptPair(row=one.pair.row, names=names, decision=answer, review=review, near=near)
