"""Run `kcc` as a user would."""

import os
import subprocess
import sys
from pathlib import Path

KCC = (str(Path(sys.executable).with_name("kcc")),)


def kcc(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k != "KERAS_CV_COURSE_DATA"}
    return subprocess.run(
        [*KCC, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**clean, "COLUMNS": "200", **environment},
    )
