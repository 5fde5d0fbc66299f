"""Folders of assignments: found, read, and refused where they cannot be used."""

from pathlib import Path

import pytest

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.assignment import Assignment, assignment_names, load_assignment

ABOUT = 'title = "T"\n[[question]]\nfunction = "f"\ntitle = "F"\nlimits = { seconds = 3 }\n'
CHECK = (
    "from keras_cv_course.grading import check_of\n"
    "@check_of('f', title='C', points=2, hint='H')\ndef {name}(subject, draw):\n    pass\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "01_small"
    folder.mkdir()
    (folder / "assignment.toml").write_text(ABOUT)
    (folder / "checks.py").write_text(CHECK.format(name="public"))
    (folder / "hidden_checks.py").write_text("from .checks import public\n" + CHECK.format(name="hidden"))
    return folder


def test_assignment_has_its_questions_limits_and_checks(folder: Path) -> None:
    assignment = load_assignment(folder)
    (question,) = assignment.questions
    assert (assignment.name, assignment.title, question.function, question.title) == ("01_small", "T", "f", "F")
    assert question.limits.seconds == 3
    assert [(check.name, check.visibility, check.points, check.hint) for check in question.checks] == [
        ("checks.public", "public", 2, "H"),
        ("hidden_checks.hidden", "hidden", 2, "H"),
    ]
    (question,) = load_assignment(folder, public_only=True).questions
    assert [check.name for check in question.checks] == ["checks.public"]


def test_private_checks_are_hidden_and_may_use_the_public_ones(folder: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "mine", tmp_path / "all" / "01_small"):
        place.mkdir(parents=True)
        (place / "more.py").write_text("from .checks import public\n" + CHECK.format(name="more"))
        (question,) = load_assignment(folder, private=tmp_path / place.relative_to(tmp_path).parts[0]).questions
        assert [(check.name, check.visibility) for check in question.checks][2:] == [("private.more.more", "hidden")]


def test_changed_checks_are_read_again(folder: Path) -> None:
    load_assignment(folder)
    (folder / "checks.py").write_text(CHECK.format(name="renamed_check"))
    (folder / "hidden_checks.py").unlink()
    (question,) = load_assignment(folder).questions
    assert [check.name for check in question.checks] == ["checks.renamed_check"]


def test_inputs_depend_on_seed_and_name_alone(folder: Path) -> None:
    first, second = load_assignment(folder).questions[0].checks
    draws = [check.draw(seed).random() for check, seed in ((first, 1), (first, 1), (first, 2), (second, 1))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("assignment.toml", "title = ", "cannot be read"),
        ("assignment.toml", 'title = "T"', r"at least one \[\[question\]\]"),
        ("assignment.toml", ABOUT.replace("seconds", "hours"), "hours"),
        ("assignment.toml", ABOUT.replace('"f"', '"g"'), "Without: g; checks of no question: f"),
        ("checks.py", "import nothing_of_this_name", "checks.py cannot be imported: ModuleNotFoundError"),
        ("checks.py", "def f(:", "checks.py cannot be imported: SyntaxError"),
    ],
)
def test_unusable_assignment_is_told(folder: Path, name: str, content: str, told: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(GradingError, match=told):
        load_assignment(folder)


def test_empty_folder_of_private_checks_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(GradingError, match="There is none"):
        load_assignment(folder, private=tmp_path / "empty")


def test_assignments_are_found_by_the_beginning_of_their_names() -> None:
    assert "03_car_detection" in assignment_names()
    assert load_assignment("03").name == "03_car_detection"
    with pytest.raises(GradingError, match="03_car_detection"):
        load_assignment("99")


def test_car_detection_has_enough_checks_of_each_function(car_detection: Assignment) -> None:
    functions = ["yolo_filter_boxes", "iou", "yolo_non_max_suppression", "yolo_eval"]
    assert [question.function for question in car_detection.questions] == functions
    for question in car_detection.questions:
        assert len(question.checks) >= 3
        assert {check.visibility for check in question.checks} == {"public", "hidden"}
