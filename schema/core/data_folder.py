"""Where everything is that has no setting of its own."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class DataFolder(BaseSettings):
    """The setting that the command line needs to find a running stack."""

    model_config = SettingsConfigDict(env_prefix="MINUTEBOOK_", extra="ignore")

    data_dir: Path = Path("var")
    """The folder for everything that has no setting of its own: the database, Redis' data, models, adapters, files."""
