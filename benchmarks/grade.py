"""Seconds to grade a submission of the car-detection assignment: `grade_batch`, nbgrader, and plain execution.

All three grade the same notebooks in one run, so many at a time (-j): ours with `grade_batch`, from the start of its
processes to the gradebook, the import of TensorFlow included; `nbgrader autograde`, which grades one after another, in
so many courses side by side; and nbclient, which only executes the notebooks, in so many threads. What is executed for
the latter two has the assignment's graded functions and, behind each, a cell of assertions; one notebook in four has a
wrong `iou`. nbgrader is also timed as it comes, in one process, since that is what an instructor would run.
TensorFlow is imported once before anything is timed, so that who is first does not pay for reading it from the disk.

Run from the checkout, with `pip install '.[bench]'`: python benchmarks/grade.py [--submissions 40] [-j 2] [--ours]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from keras_cv_course.grading.assignment import find_assignment
from keras_cv_course.grading.batch import grade_batch

ASSIGNMENT = "03_car_detection"
IMPORTS = "import numpy as np\nimport tensorflow as tf\nimport keras"
GRADED = {
    "yolo_filter_boxes": """# GRADED FUNCTION: yolo_filter_boxes

def yolo_filter_boxes(boxes, box_confidence, box_class_probs, threshold=0.6):
    box_scores = box_confidence * box_class_probs
    box_classes = tf.math.argmax(box_scores, axis=-1)
    box_class_scores = tf.math.reduce_max(box_scores, axis=-1)
    mask = box_class_scores >= threshold
    scores = tf.boolean_mask(box_class_scores, mask)
    return scores, tf.boolean_mask(boxes, mask), tf.boolean_mask(box_classes, mask)
""",
    "iou": """# GRADED FUNCTION: iou

def iou(box1, box2):
    left, top = max(box1[0], box2[0]), max(box1[1], box2[1])
    right, bottom = min(box1[2], box2[2]), min(box1[3], box2[3])
    shared = max(right - left, 0) * max(bottom - top, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (box1, box2)]
    return shared / (sum(areas) - shared)
""",
    "yolo_non_max_suppression": """# GRADED FUNCTION: yolo_non_max_suppression

def yolo_non_max_suppression(scores, boxes, classes, max_boxes=10, iou_threshold=0.5):
    kept = tf.constant([], tf.int32)
    for name in tf.unique(classes)[0]:
        own = tf.where(classes == name)[:, 0]
        best = tf.image.non_max_suppression(tf.gather(boxes, own), tf.gather(scores, own), max_boxes, iou_threshold)
        kept = tf.concat([kept, tf.cast(tf.gather(own, best), tf.int32)], 0)
    kept = tf.gather(kept, tf.argsort(tf.gather(scores, kept), direction="DESCENDING")[:max_boxes])
    return tf.gather(scores, kept), tf.gather(boxes, kept), tf.gather(classes, kept)
""",
    "yolo_eval": """# GRADED FUNCTION: yolo_eval

def yolo_eval(yolo_outputs, image_shape=(720, 1280), max_boxes=10, score_threshold=0.6, iou_threshold=0.5):
    box_xy, box_wh, box_confidence, box_class_probs = yolo_outputs
    boxes = yolo_boxes_to_corners(box_xy, box_wh)
    scores, boxes, classes = yolo_filter_boxes(boxes, box_confidence, box_class_probs, score_threshold)
    boxes = scale_boxes(boxes, image_shape)
    return yolo_non_max_suppression(scores, boxes, classes, max_boxes, iou_threshold)
""",
}
WRONG_IOU = GRADED["iou"].replace("max(right - left, 0) * max(bottom - top, 0)", "(right - left) * (bottom - top)")
ASSERTIONS = {
    "yolo_filter_boxes": """tf.random.set_seed(10)
confidence = tf.random.normal([19, 19, 5, 1], mean=1, stddev=4, seed=1)
boxes = tf.random.normal([19, 19, 5, 4], mean=1, stddev=4, seed=1)
probabilities = tf.random.normal([19, 19, 5, 80], mean=1, stddev=4, seed=1)
scores, boxes, classes = yolo_filter_boxes(boxes, confidence, probabilities, threshold=0.5)
assert scores.shape[0] == boxes.shape[0] == classes.shape[0] > 0
assert float(tf.reduce_min(scores)) >= 0.5""",
    "iou": """assert np.isclose(iou((2, 1, 4, 3), (1, 2, 3, 4)), 1 / 7)
assert iou((1, 2, 3, 4), (5, 6, 7, 8)) == 0
assert iou((1, 1, 2, 2), (2, 2, 3, 3)) == 0
assert iou((1, 3, 2, 4), (5, 1, 7, 2)) == 0
assert iou((1, 1, 2, 2), (5, 5, 3, 9)) == 0""",
    "yolo_non_max_suppression": """tf.random.set_seed(10)
scores = tf.random.normal([54], mean=1, stddev=4, seed=1)
boxes = tf.random.normal([54, 4], mean=1, stddev=4, seed=1)
classes = tf.random.normal([54], mean=1, stddev=4, seed=1)
scores, boxes, classes = yolo_non_max_suppression(scores, boxes, classes)
assert scores.shape == (10,) and boxes.shape == (10, 4) and classes.shape == (10,)""",
    "yolo_eval": """tf.random.set_seed(10)
shapes = [19, 19, 5, 2], [19, 19, 5, 2], [19, 19, 5, 1], [19, 19, 5, 80]
outputs = tuple(tf.random.normal(shape, mean=1, stddev=4, seed=1) for shape in shapes)
scores, boxes, classes = yolo_eval(outputs)
assert scores.shape == (10,) and boxes.shape == (10, 4) and classes.shape == (10,)""",
}


def notebook(number: int, *, wrong: bool) -> dict:
    """Write a submission with nbgrader's metadata; the number makes each another file."""
    given = (find_assignment(ASSIGNMENT) / "given.py").read_text()
    cells = [cell(f"{IMPORTS}\n\nsubmission = {number}"), cell(given)]
    for function, source in GRADED.items():
        source = WRONG_IOU if wrong and function == "iou" else source
        cells += [
            cell(source, grade_id=function, solution=True, grade=False, locked=False),
            cell(ASSERTIONS[function], grade_id=f"test_{function}", solution=False, grade=True, locked=True, points=1),
        ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": kernel}, "cells": cells}


def cell(source: str, **nbgrader: object) -> dict:
    metadata = {"nbgrader": {"schema_version": 3, "task": False, **nbgrader}} if nbgrader else {}
    return {"cell_type": "code", "metadata": metadata, "source": source, "execution_count": None, "outputs": []}


def write_submissions(folder: Path, count: int) -> None:
    """Write one notebook for each student, as an LMS hands them out."""
    for number in range(count):
        path = folder / f"student{number:03}" / "cars.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook(number, wrong=number % 4 == 3)))


def time_ours(submissions: Path, out: Path, jobs: int) -> tuple[float, int]:
    started = time.perf_counter()
    batch = grade_batch(submissions, ASSIGNMENT, out, seed=0, processes=jobs)
    return time.perf_counter() - started, sum(result.is_perfect for result in batch.results)


def time_nbgrader(submissions: Path, folder: Path, jobs: int) -> tuple[float, int]:
    """Time `nbgrader autograde`, in as many courses side by side as there are jobs; what prepares them is not timed."""
    students = sorted(submissions.iterdir())
    courses = [folder / f"course{job}" for job in range(jobs)]
    for job, course in enumerate(courses):
        source = course / "source" / "cars" / "cars.ipynb"
        source.parent.mkdir(parents=True)
        source.write_text(json.dumps(notebook(0, wrong=False)))
        (course / "nbgrader_config.py").write_text(
            "c = get_config()\nc.CourseDirectory.course_id = 'bench'\nc.ExecutePreprocessor.timeout = 120\n"
        )
        run(course, "generate_assignment", "cars", "--create", "--force")
        for student in students[job::jobs]:
            target = course / "submitted" / student.name / "cars" / "cars.ipynb"
            target.parent.mkdir(parents=True)
            target.write_bytes((student / "cars.ipynb").read_bytes())
    started = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda course: run(course, "autograde", "cars", "--create"), courses))
    seconds = time.perf_counter() - started
    full = 0
    for course in courses:
        run(course, "export")
        full += sum(line.endswith(",4.0,0.0,4.0,4.0") for line in (course / "grades.csv").read_text().splitlines())
    return seconds, full


def run(course: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},  # it calls alembic
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and arguments[0] != "autograde":  # which ends with 1 where an assertion failed
        raise SystemExit(f"nbgrader {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")


def time_nbclient(submissions: Path, jobs: int) -> tuple[float, int]:
    """Time the execution of the notebooks, each in a kernel of its own."""
    import nbformat
    from nbclient import NotebookClient

    def execute(path: Path) -> bool:
        opened = nbformat.read(path, as_version=4)
        NotebookClient(opened, timeout=120, kernel_name="python3", allow_errors=True).execute()
        outputs = [output for one in opened.cells for output in one.get("outputs", ())]
        return not any(output.output_type == "error" for output in outputs)

    started = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        full = sum(pool.map(execute, sorted(submissions.glob("*/*.ipynb"))))
    return time.perf_counter() - started, full


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--ours", action="store_true", help="leave out the others")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        submissions = folder / "submissions"
        write_submissions(submissions, options.submissions)
        print(f"{options.submissions} submissions of {ASSIGNMENT}, {os.cpu_count()} cores")
        print(f"{'':<32}{'seconds':>9}{'each':>9}{'full marks':>12}{'times ours':>12}")
        subprocess.run([sys.executable, "-c", "import tensorflow, keras"], check=True, capture_output=True)
        ours: float | None = None
        ways: dict[str, Callable[[], tuple[float, int]]] = {
            f"grade_batch -j {options.jobs}": lambda: time_ours(submissions, folder / "ours", options.jobs)
        }
        if not options.ours:
            ways |= {
                f"nbgrader, {options.jobs} at a time": lambda: time_nbgrader(submissions, folder / "nb", options.jobs),
                "nbgrader": lambda: time_nbgrader(submissions, folder / "nb1", 1),
                f"nbclient, {options.jobs} at a time": lambda: time_nbclient(submissions, options.jobs),
            }
        for name, measure in ways.items():
            seconds, full = measure()
            ours = ours or seconds
            each = seconds / options.submissions
            print(f"{name:<32}{seconds:>9.1f}{each:>9.2f}{full:>12}{seconds / ours:>12.1f}", flush=True)


if __name__ == "__main__":
    main()
