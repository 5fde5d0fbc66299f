"""A class on a Dask cluster of two processes on this machine."""

import sys

import cold_graders
import pytest
from tiny_assignment import BREAKS_THE_CHECK, RIGHT, WRONG, write_assignment, write_notebook

from keras_cv_course.errors import GradingError
from keras_cv_course.grading import local_graders
from keras_cv_course.grading.batch import GRADEBOOK, grade_batch

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install '.[cluster]'")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


def test_a_cluster_gives_the_same_gradebook(tmp_path, monkeypatch):
    monkeypatch.setattr(local_graders, "_work", cold_graders.work)
    assignment = write_assignment(tmp_path)
    folder = tmp_path / "class"
    for number in range(6):
        write_notebook(folder / f"student{number}" / "work.ipynb", RIGHT if number % 2 else WRONG)
    (folder / "breaks.py").write_text(BREAKS_THE_CHECK)
    (folder / "empty").mkdir()
    (folder / "long.py").write_text("#" * (40 * 2**20))
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster:
        address = cluster.scheduler_address
        with distributed.Client(address, set_as_default=False) as client:
            client.run(cold_graders.make_cold)
        there = grade_batch(folder, assignment, tmp_path / "there", seed=3, cluster=address)
        again = grade_batch(folder, assignment, tmp_path / "there", cluster=address)
        assert again.graded_before == 8  # all but the one at which the grader failed
    here = grade_batch(folder, assignment, tmp_path / "here", seed=3, processes=2)
    assert [(r.submission, r.status, r.problem, r.earned) for r in there.results] == [
        (r.submission, r.status, r.problem, r.earned) for r in here.results
    ]
    gradebooks = [(tmp_path / name / GRADEBOOK).read_bytes() for name in ("here", "there")]
    assert gradebooks[0] == gradebooks[1]


def test_no_cluster(tmp_path):
    assignment = write_assignment(tmp_path)
    write_notebook(tmp_path / "class" / "a.ipynb", RIGHT)
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(GradingError, match="Expected a Dask scheduler"),
    ):
        grade_batch(tmp_path / "class", assignment, tmp_path / "out", cluster="tcp://127.0.0.1:9")
