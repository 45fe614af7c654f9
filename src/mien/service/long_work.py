"""What the jobs of a service do in a gallery: calibrate, import what the operator named, embed again.

Each kind of work can be begun again after a crash: an import finds what it had enrolled, thresholds are measured
again, and a re-enrolment changes nothing until its end. Knows no request; see mien.service.jobs for the jobs.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.data.manifest_io import read_samples
from mien.data.sample import Problem
from mien.errors import CardError, SettingsError
from mien.gallery.enrolment import enrol_samples
from mien.gallery.gallery import Enrolment
from mien.gallery.reenrolment import reenrol_store
from mien.gallery.threshold_policies import parse_policy
from mien.progress import OnProgress, report_progress
from mien.service.answers import notes_answer, threshold_answer
from mien.service.engines import Engines
from mien.service.galleries import Galleries
from mien.service.jobs import JobKind, Work

REFUSALS = 100
"""Maximum number of refused files that a result names."""


@dataclass(frozen=True, slots=True)
class LongWork:
    """The work of all jobs of a service.

    Attributes:
        galleries: of the service.
        engines: its models.
        imports: folders and manifests by the names that the operator gave them.
    """

    galleries: Galleries
    engines: Engines
    imports: Mapping[str, Path]

    def by_kind(self) -> dict[JobKind, Work]:
        """What does each kind of job."""
        return {"calibrate": self.calibrate, "import": self.enrol, "reenrol": self.reenrol}

    def calibrate(self, gallery: str, given: Mapping[str, Any], on_progress: OnProgress) -> Mapping[str, Any]:
        """Measure the thresholds of policies on the gallery's own people."""
        found, rows = self.galleries.find(gallery), []
        policies = [parse_policy(one) for one in given["policies"]]
        for policy in report_progress(policies, "measuring", len(policies), on_progress):
            row: dict[str, Any] = {"policy": str(policy), "threshold": None}
            try:
                chosen = found.threshold(policy)
                row["threshold"] = threshold_answer(str(policy), chosen, self.engines.card).model_dump()
                row["notes"] = notes_answer(chosen.notes, "en")
            except CardError as reason:
                row["notes"] = [str(reason)]
            rows.append(row)
        return {"thresholds": rows}

    def enrol(self, gallery: str, given: Mapping[str, Any], on_progress: OnProgress) -> Mapping[str, Any]:
        """Enrol a folder or manifest; the names of files are relative to what the operator named."""
        found, path = self.galleries.find(gallery), self._source(given["source"])
        problems: list[Problem] = []
        samples = read_samples(path, problems.append)
        results = enrol_samples(
            found.gallery, samples, self.engines.pipeline, self.engines.card, strict=given["strict"]
        )
        counts: Counter[str] = Counter()
        refused: list[dict[str, str]] = []
        for one in report_progress(results, "enrolling", len(samples), on_progress):
            counts[one.status] += 1
            if not one and len(refused) < REFUSALS:
                refused.append(_refusal(one, path))
        return {"counts": dict(counts), "refused": refused, "rows_left_out": len(problems)}

    def reenrol(self, gallery: str, given: Mapping[str, Any], on_progress: OnProgress) -> Mapping[str, Any]:
        """Embed all portraits again, and exchange all embeddings in one step."""
        found = self.galleries.find(gallery)
        done = reenrol_store(found.gallery.store, self.engines.recognizer, on_progress=on_progress)
        found.forget_index()
        return {"samples": done.templates, "contract": done.identity.contract}

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
