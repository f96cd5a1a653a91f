"""A registry for each test: a database, a store, and the models of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.core import migrate
from schema.core.database import Database
from tests import models
from tests.adapters import BASE, MILD, write_lora
from tests.models import write_decoder, write_text_adapter
from training.registry.publish import RegistryFolders


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def places(tmp_path: Path) -> RegistryFolders:
    return RegistryFolders(models=models.FOLDER, store=tmp_path / "adapters")


@pytest.fixture
def mild(tmp_path: Path) -> Path:
    """An adapter that changes no words, with the name of its base model."""
    return write_lora(tmp_path / "mild", MILD, base_model=BASE, precision="float32")


@pytest.fixture(scope="session")
def small_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decoder(tmp_path_factory.mktemp("decoder"))


@pytest.fixture
def text_adapter(small_decoder: Path, tmp_path: Path) -> Path:
    return write_text_adapter(small_decoder, tmp_path / "text")
