"""What `kcc doctor` says of the sandbox."""

import pytest
from rich.table import Table

from keras_cv_course.cli import doctor
from keras_cv_course.cli.console import say_table
from keras_cv_course.errors import GradingError
from keras_cv_course.grading import server


class OfLayers:
    """A server of workers that has the given layers, or fails to start."""

    def __init__(self, layers: dict[str, bool | str] | None) -> None:
        self.layers = layers

    def __call__(self, **settings: object) -> "OfLayers":
        if self.layers is None:
            raise GradingError("no workers today")
        return self

    def __enter__(self) -> "OfLayers":
        return self

    def __exit__(self, *exception: object) -> None:
        pass


def test_layers_of_this_machine_are_named() -> None:
    first, *others = doctor._sandbox()
    assert first.subject == "sandbox"
    assert all(finding.state == "note" and finding.found for finding in others)


@pytest.mark.parametrize(
    ("layers", "state", "found"),
    [
        (dict.fromkeys(("landlock", "seccomp", "resource limits"), True), "ok", "landlock, seccomp, resource limits"),
        ({"landlock": "Function not implemented", "seccomp": True, "resource limits": True}, "note", "files"),
        (None, "note", "no workers today"),
    ],
)
def test_what_is_not_protected_is_said(
    monkeypatch: pytest.MonkeyPatch, layers: dict[str, bool | str] | None, state: str, found: str
) -> None:
    monkeypatch.setattr(server, "WorkerServer", OfLayers(layers))
    first, *others = doctor._sandbox()
    assert first.state == state
    assert found in first.found
    assert [finding.found for finding in others] == [why for why in (layers or {}).values() if why is not True]


def test_a_table_is_whole_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    url = "https://example.org/" + "long/" * 60
    table = Table("what", "found")
    table.add_row("weights", f"downloaded from {url}")
    say_table(table)
    assert f"downloaded from {url}" in capsys.readouterr().out
