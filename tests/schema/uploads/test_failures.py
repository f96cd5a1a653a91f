"""Every reason for which an upload fails is a member of one enum, and the documentation explains it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import StatementError

from schema.core import migrate
from schema.core.database import Database
from schema.core.states import UploadState
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import add_upload
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("schema", "api", "workers")
BY_POSITION = {"DecodingFailed": 0, "_report": 1, "_give_up": -2}
"""Calls that take a reason, and its position among their arguments."""


@pytest.mark.parametrize("failure", UploadFailure)
def test_the_documentation_names_every_failure(failure: UploadFailure) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md")))
    assert f"`{failure.value}`" in pages


def reasons(tree: ast.Module) -> Iterator[ast.expr]:
    """The reasons in *tree*, given as keywords, in dictionaries, by position, or assigned to an attribute."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                yield from (keyword.value for keyword in node.keywords if keyword.arg == "reason")
                if name in BY_POSITION and len(node.args) > 1:
                    yield node.args[BY_POSITION[name]]
            case ast.Dict():
                yield from (
                    value
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == "reason"
                )
            case ast.Assign(targets=[ast.Attribute(attr="reason")]):
                yield node.value


def test_no_code_writes_the_reason_of_an_upload_as_a_string() -> None:
    found = []
    for path in sorted(path for package in SOURCES for path in (ROOT / package).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "schema.uploads" in source or "workers.ingest" in source or path.is_relative_to(ROOT / "schema/uploads"):
            given = [each for each in reasons(ast.parse(source)) if isinstance(each, (ast.Constant, ast.JoinedStr))]
            found += [f"{path.relative_to(ROOT)}:{each.lineno}" for each in given]
    assert found == []


def test_the_database_refuses_other_reasons(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    with database.write() as session:
        upload = add_upload(
            session, owner="local", name="talk.wav", new=NewUpload(), size_bytes=3, expires_s=60, open_limit=5
        )
    chosen = update(Upload).where(Upload.id == upload.id)
    with database.write() as session:
        session.execute(chosen.values(state=UploadState.FAILED, reason=UploadFailure.NO_AUDIO))
    with database.read() as session:
        stored = session.connection().exec_driver_sql("SELECT reason FROM uploads").scalar()
        assert (stored, session.get_one(Upload, upload.id).reason) == ("no_audio", UploadFailure.NO_AUDIO)
    with pytest.raises(StatementError, match="not among the defined enum values"), database.write() as session:
        session.execute(chosen.values(reason="of_no_kind"))
    database.close()
