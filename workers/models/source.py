"""Resolves a model reference to a local folder.

A reference is a folder, a hub name, or `package:NAME` for a model inside a PyPI package, which is converted into the
cache once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schema.core.errors import BrokenModel, UnknownModel
from workers.models.cache import remedy, verify_sums

PACKAGE_PREFIX = "package:"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """One kind of model: how to get it, and which files it must have."""

    convert: Callable[[str, Path], Path]
    """(name of a bundled model, cache folder) → its folder, which is converted the first time. Raises UnknownModel."""
    hub_patterns: Sequence[str]
    needed: Sequence[str]
    hub_example: str
    package_example: str

    def resolve(self, reference: str, cache_dir: Path) -> Path:
        """Return the folder of *reference* after checking its files.

        Raises UnknownModel (there is no such model, or it cannot be fetched) or BrokenModel (a file is missing or was
        changed).
        """
        folder = self._locate(reference, cache_dir)
        self._verify(folder, remedy(folder, cache_dir))
        return folder

    def _locate(self, reference: str, cache_dir: Path) -> Path:
        if reference.startswith(PACKAGE_PREFIX):
            return self.convert(reference.removeprefix(PACKAGE_PREFIX), cache_dir)
        if Path(reference).expanduser().is_dir():
            return Path(reference).expanduser()
        if reference.startswith((".", "/", "~")) or reference.count("/") != 1:
            raise UnknownModel(
                f"{reference!r} is not a folder. Give a folder, a hub name such as {self.hub_example}, "
                f"or {self.package_example}."
            )
        return self._downloaded(reference, cache_dir)

    def _downloaded(self, reference: str, cache_dir: Path) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        wanted = list(self.hub_patterns)
        try:
            return Path(snapshot_download(reference, cache_dir=cache_dir / "hub", allow_patterns=wanted))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            raise UnknownModel(
                f"{reference!r} is not a local folder and could not be fetched from the hub ({type(error).__name__}). "
                f"Check the name and the network, or use a local folder or {self.package_example}."
            ) from error

    def _verify(self, folder: Path, remedy: str) -> None:
        for name in self.needed:
            if not (folder / name).is_file():
                raise BrokenModel(f"{folder / name} is missing. {remedy}")
        if not any(folder.glob("*.safetensors")):
            raise BrokenModel(f"{folder} holds no *.safetensors weights. {remedy}")
        verify_sums(folder, remedy)
