"""What a batch has graded so far, in one SQLite file that survives a kill at any moment.

SQLite's rollback journal, not its write-ahead log: there is one writer and no reader beside it, the state stays one
file that can be copied, and it works on network drives, where the log does not. A result is committed before the next
one is taken, so a kill loses at most what was being graded.
"""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.submission_folder import FoundSubmission

_TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    submission TEXT PRIMARY KEY, digest TEXT NOT NULL, result TEXT NOT NULL
) WITHOUT ROWID;
"""


class BatchState:
    """The results of a batch, kept on disk; a context manager. One process at a time may have it open."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin it.

        Raises:
            GradingError: another batch has it open, or it is none of ours.
        """
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            # An exclusive lock goes with the process that holds it, however that ends.
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("BEGIN EXCLUSIVE")
            for statement in _TABLES.split(";"):
                self._database.execute(statement)
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._database.close()
            raise GradingError(
                f"{path} cannot be used ({error}). Does another batch write into this folder?"
            ) from error
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise GradingError(
                f"Expected the state of a batch in {path}. Received: something else ({error}). Name another folder."
            ) from error

    def __enter__(self) -> "BatchState":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def settings(self) -> dict[str, str]:
        """Give what the batch was begun with; nothing if it is new."""
        return dict(self._database.execute("SELECT name, value FROM settings"))

    def begin(self, settings: Mapping[str, str]) -> None:
        """Note what the batch is begun with."""
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
        self._database.execute("COMMIT")

    def put(self, submission: FoundSubmission, result: Result) -> None:
        """Keep a result, in place of an earlier one of the same name."""
        row = (submission.name, submission.digest, json.dumps(result.to_dict()))
        self._database.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", row)

    def names(self) -> list[str]:
        """Name all submissions that were ever graded, also those that are no longer there."""
        return [name for (name,) in self._database.execute("SELECT submission FROM results ORDER BY submission")]

    def get(self, submission: FoundSubmission) -> Result | None:
        """Give the result of exactly this content; None if it has none, or the grader failed at it."""
        row = self._database.execute(
            "SELECT result FROM results WHERE submission = ? AND digest = ?", (submission.name, submission.digest)
        ).fetchone()
        result = None if row is None else Result.from_dict(json.loads(row[0]))
        return result if result is not None and result.status == "graded" else None
