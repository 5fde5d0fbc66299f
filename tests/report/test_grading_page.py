from pathlib import Path

import pytest
from test_classification_page import Page

from keras_cv_course.report.class_page import write_class_page
from keras_cv_course.report.grading_page import describe_sandbox, show_points, write_grading_page

SECRET = "the hidden check's own message"


def check(title="Shapes", status="passed", points=1.0, earned=None, visibility="public", message=""):
    earned = points * (status == "passed") if earned is None else earned
    return locals()


def question(*checks, function="iou", title="Intersection over union", problem=""):
    return {"checks": list(checks), "function": function, "title": title, "problem": problem, "seconds": 0.5}


def result(*questions, submission="alice.ipynb", status="graded", problem=""):
    checks = [one for question in questions for one in question["checks"]]
    return {
        "submission": submission,
        "assignment": "03_cars",
        "seed": 7,
        "status": status,
        "problem": problem,
        "questions": list(questions),
        "layers": {"seccomp": True, "landlock": "an old kernel"},
        "seconds": 1.25,
        "points": sum(one["points"] for one in checks),
        "earned": sum(one["earned"] for one in checks),
    }


def page(path: Path, content: dict) -> Page:
    write_grading_page(path / "page.html", content, title="Car <detection>")
    return Page((path / "page.html").read_text())


def class_page(path: Path, *results: dict, pages: dict[str, str] | None = None) -> Page:
    write_class_page(path / "class.html", results, title="Cars", pages=pages or {}, facts={"Seed": "7"})
    return Page((path / "class.html").read_text())


def test_shows_each_check_with_what_is_to_be_mended(tmp_path):
    shown = page(
        tmp_path,
        result(
            question(
                check("Overlap"),
                check("No overlap", "partly", 1.0, 0.5, message="expected <b>0.0</b>\nreceived -1"),
                check("Fresh boxes", "failed", 2.0, visibility="hidden", message=SECRET),
                problem="Code cell 3 raised NameError.",
            )
        ),
    )
    assert "1.5 of 4" in shown.text
    assert "expected <b>0.0</b> received -1" in shown.text
    assert "Code cell 3 raised NameError." in shown.text
    assert "Fresh boxes hidden check" in shown.text
    assert SECRET not in shown.text
    assert shown.headings == ["Intersection over union", "Facts"]
    assert "seccomp; not active: landlock (an old kernel)" in shown.text
    assert "everything is right" not in shown.text


def test_says_that_everything_is_right(tmp_path):
    assert "1 of 1 points: everything is right" in page(tmp_path, result(question(check()))).text


def test_no_score_where_the_grader_failed(tmp_path):
    shown = page(tmp_path, result(status="grader failed", problem="It fell over."))
    assert "There is no score: the grader failed." in shown.text
    assert "It fell over." in shown.text
    assert "0 of 0" not in shown.text


@pytest.mark.parametrize(("points", "text"), [(0, "0"), (10.0, "10"), (1 / 3, "0.33"), (2.5, "2.5")])
def test_points(points, text):
    assert show_points(points) == text


def test_sandbox_without_any_layer():
    assert describe_sandbox({}) == "none"


def test_class_distribution_median_and_hardest_checks(tmp_path):
    right, wrong = check("Overlap"), check("Overlap", "failed", message="iou is negative")
    hidden = check("Fresh", "failed", visibility="hidden")
    results = [
        result(question(right, check("Fresh", visibility="hidden")), submission="a.ipynb"),
        result(question(wrong, hidden), submission="b.ipynb"),
        result(question(right, hidden), submission="c.ipynb"),
    ]
    shown = class_page(tmp_path, *results, pages={"a.ipynb": "feedback/a b.html"})
    assert "50.0 % of the points on average, and 50.0 % as the median; 1 of 3 has all" in shown.text
    assert "100 % 1 90 to 99 % 0" in shown.text
    assert "50 to 59 % 1" in shown.text
    assert "0 to 9 % 1" in shown.text
    assert shown.text.index("Fresh iou hidden 1 of 3 passed") < shown.text.index("Overlap iou 2 of 3 passed")
    assert [a["href"] for tag, a in shown.tags if tag == "a"] == ["feedback/a%20b.html"]


def test_class_report_counts_a_message_once_for_each_submission(tmp_path):
    twice = question(*(check(title, "failed", message="same mistake") for title in ("one", "two")))
    assert "Most frequent messages" not in class_page(tmp_path, result(twice)).headings
    assert "iou 2 submissions same mistake" in class_page(tmp_path, result(twice), result(twice)).text


def test_class_report_counts_a_mistake_whatever_its_numbers(tmp_path):
    said = [
        "iou: expected 0.5, received 1.\nHint: one.",
        "iou: expected 0.125, received -2e-05.\nHint: two.",
        "iou: expected [[0.1, 2.], [3, nan]], received 7.",
        "iou: expected a tensor, received 7.",
    ]
    results = [
        result(question(check(status="failed", message=text)), submission=f"{number}.ipynb")
        for number, text in enumerate(said)
    ]
    shown = class_page(tmp_path, *reversed(results)).text
    assert f"iou 2 submissions {said[0]}".replace("\n", " ") in shown  # with the numbers of the first by name
    assert said[1].split("\n")[0] not in shown
    assert "a tensor" not in shown


def test_the_page_says_whose_it_is(tmp_path):
    assert (
        "Car <detection> <alice>.ipynb 1 of 1"
        in page(tmp_path, result(question(check()), submission="<alice>.ipynb")).text
    )


def test_class_report_tells_a_problem_of_the_whole_submission_once(tmp_path):
    unread = result(
        *(question(check(status="not run"), function=name) for name in ("iou", "yolo_head")),
        problem="no JSON",
    )
    shown = class_page(tmp_path, unread, unread)
    assert "the whole submission 2 submissions no JSON" in shown.text
    assert shown.text.count("no JSON") == 1 + 2


def test_what_befell_a_question_is_said_once(tmp_path):
    said = "iou used more than 2.0 GB of memory."
    assert page(tmp_path, result(question(check(status="failed", message=said), problem=said))).text.count(said) == 1


def test_class_report_names_what_was_not_graded(tmp_path):
    bad = result(submission="<z>.ipynb", status="grader failed", problem="The check fell over.")
    shown = class_page(tmp_path, result(question(check())), bad)
    assert "1 of 2 submissions: the grader failed" in shown.text
    assert shown.text.index("<z>.ipynb") < shown.text.index("alice.ipynb")
    assert "1 of 1 has all" in shown.text
    assert "Hardest checks" not in shown.headings


def test_class_of_nobody_graded(tmp_path):
    shown = class_page(tmp_path, result(status="grader failed", problem="x"))
    assert "on average" not in shown.text
