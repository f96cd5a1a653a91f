"""The tests. pytest rewrites the asserts of test files and conftests by default; helper modules are registered here."""

from pathlib import Path

import pytest

# The package `tests` itself is already being imported, so the names are those one level below it.
pytest.register_assert_rewrite(
    *(
        f"tests.{path.stem}"
        for path in Path(__file__).parent.iterdir()
        if not path.name.startswith("__") and (path.suffix == ".py" or (path / "__init__.py").exists())
    )
)
