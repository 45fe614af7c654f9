"""The catalogue: models by others that can be pulled, with where their files are and what their licences allow.

Owns the schema and the file that ships. Fetches nothing. Published thresholds are shown as their publishers' and
never used: a threshold counts only where it was measured with mien's own pipeline.
"""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from mien.errors import CardError, ModelNotFoundError
from mien.models.card import Name, PortraitModelSpec, Scale, Strict, checked_template
from mien.templates import TemplateSpec
from mien.units import ModelMetric

Digest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96})$")]
"""A checksum as the publisher gives it."""

Commercial = Literal["yes", "no", "disputed"]
"""Whether the weights may be used commercially: yes; no; or the weights may, and the training data is disputed."""

RECOMMENDED = "recommended"
"""What `mien models pull` takes for the models that do better than the embedded ones."""


class SourceFile(Strict):
    """One file of a model, and where it is.

    A file without an address can only come from a folder or a bundle.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    digest: Digest
    size: int | None = Field(default=None, gt=0)
    """Bytes of the file, where its publisher says so."""
    url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """The address of the file, or of the zip archive that holds it."""
    package: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.]*$")
    """A package of the package index whose wheel holds the file; it is fetched and never imported."""
    member: str | None = None
    """The file's path in the archive or the wheel."""

    @model_validator(mode="after")
    def _one_place(self) -> "SourceFile":
        if self.url and self.package:
            raise ValueError("a file has a url or a package, not both")
        if self.package and not self.member:
            raise ValueError("a file in a package needs its path there as member")
        return self

    @property
    def algorithm(self) -> str:
        """Of the checksum: sha256 or sha384."""
        return self.digest.partition(":")[0]

    @property
    def checksum(self) -> str:
        """The checksum in hexadecimal digits."""
        return self.digest.partition(":")[2]

    @property
    def fetchable(self) -> bool:
        """Whether it can be fetched over the network."""
        return self.url is not None or self.package is not None


Source = tuple[SourceFile, ...]
"""The files that make a network: one ONNX or tflite file, or the .xml and .bin of OpenVINO IR."""


class EntryInput(Strict):
    """How pixels enter: (pixel - mean) / scale in the given colour order."""

    colour: Literal["RGB", "BGR"]
    mean: float = 0.0
    scale: Scale = 1.0


class EntryEmbedding(Strict):
    """How a recognizer's embeddings are made and compared."""

    metric: ModelMetric = "cosine"
    mirror: bool = False
    template: TemplateSpec = "arcface"

    @field_validator("template")
    @classmethod
    def _known(cls, template: TemplateSpec) -> TemplateSpec:
        return checked_template(template)


class CatalogueEntry(Strict):
    """One model that can be pulled."""

    kind: Literal["recognizer", "detector", "expert"]
    family: Name
    summary: str
    use: str
    """What a person would take it for, in a few words."""
    licence: str
    commercial: Commercial
    training_data: str
    input: EntryInput
    embedding: EntryEmbedding | None = None
    expert: PortraitModelSpec | None = None
    published: str = ""
    """Accuracy as the publisher gives it."""
    published_thresholds: str = ""
    """Thresholds of others: shown, never used."""
    record: str
    """Where addresses, checksums and terms are on record."""
    sources: tuple[Source, ...] = ()
    """Ways to get it, the best first; without any, `record` says where its publisher has it."""

    @field_validator("sources")
    @classmethod
    def _files(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        if not all(sources):
            raise ValueError("a source without files")
        return sources

    @model_validator(mode="after")
    def _kind(self) -> "CatalogueEntry":
        if (self.kind == "recognizer") != (self.embedding is not None):
            raise ValueError("a recognizer needs [embedding], and other models have none")
        if (self.kind == "expert") != (self.expert is not None):
            raise ValueError("a model for portraits needs [expert], and other models have none")
        return self

    @property
    def size(self) -> int | None:
        """Bytes of the first source; None where they are not known."""
        sizes = [file.size for file in self.sources[0]] if self.sources else [None]
        return None if None in sizes else sum(size for size in sizes if size)


class Recommendation(Strict):
    """The models that do better than the embedded ones, and the settings that make them the default."""

    models: tuple[Name, ...]
    settings: dict[str, str] = Field(default_factory=dict)


class Catalogue(Strict):
    """Entries by name, and what is recommended."""

    models: dict[Name, CatalogueEntry]
    recommended: Recommendation | None = None

    def entry(self, name: str) -> CatalogueEntry:
        """The entry of this name.

        Raises:
            ModelNotFoundError: there is none.
        """
        if name not in self.models:
            raise ModelNotFoundError(f"the catalogue has no '{name}'; it has {', '.join(self.models)}")
        return self.models[name]


def read_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue that ships with mien, or one of the user's own.

    Raises:
        CardError: malformed; the message names the first wrong key.
    """
    where = str(path or "the catalogue")
    try:
        text = (path or resources.files("mien.library") / "catalogue.toml").read_text(encoding="utf-8")
        return Catalogue.model_validate(_shaped(tomllib.loads(text)))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as reason:
        raise CardError(f"{where} cannot be read as a catalogue: {reason}") from reason
    except ValidationError as reason:
        first = reason.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if part != "models")
        raise CardError(f"{where}: {key}: {first['msg'].removeprefix('Value error, ')}") from reason


def _shaped(values: dict[str, Any]) -> dict[str, Any]:
    """The file keeps entries at its top level, so that a person reads [NAME]."""
    recommended = values.pop(RECOMMENDED, None)
    return {"models": values, **({RECOMMENDED: recommended} if recommended is not None else {})}
