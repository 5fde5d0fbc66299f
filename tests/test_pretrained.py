"""The registry of trained weights: entries, files, and downloads from a server that is really there."""

import dataclasses
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from keras_cv_course import pretrained
from keras_cv_course.cache import CACHE_VARIABLE
from keras_cv_course.errors import WeightsError
from keras_cv_course.pretrained import DarknetDetector, find_weights, weights_path

CONTENT = bytes(range(256)) * 5000  # over the size of one piece
GOOD = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """Run a server on this machine; its `paths` are what was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            if self.path == "/gone":
                self.send_error(404)
                return
            self.send_response(200)
            body = CONTENT
            if self.path == "/truncated":
                self.send_header("Content-Length", str(len(CONTENT)))
                body = CONTENT[:-1000]
            elif self.path == "/longer":
                body = CONTENT + b"!"
            elif self.path == "/page":
                body = b"<html>Log in to this network first</html>"
            if self.path == "/good":
                self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    paths: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.paths = paths  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name an empty cache; gives the folder for weights in it, which is not there yet."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


def entry_at(server: ThreadingHTTPServer, place: str, size: int | None, sha256: str | None) -> DarknetDetector:
    return DarknetDetector(
        name="m",
        file="m.weights",
        sha256=sha256,
        size=size,
        url=f"http://127.0.0.1:{server.server_address[1]}/{place}",
        input_size=(32, 32),
        class_names=("a",),
        trained_on="nothing",
        recipe="none",
        score={},
        network="yolov2",
        anchors=((1.0, 1.0),),
    )


@pytest.mark.parametrize("place", ["good", "without-a-length"])
@pytest.mark.parametrize(("size", "sha256"), [(len(CONTENT), GOOD), (len(CONTENT), None), (None, None)])
def test_a_file_is_downloaded_once(
    server: ThreadingHTTPServer,
    cache: Path,
    place: str,
    size: int | None,
    sha256: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = entry_at(server, place, size, sha256)
    assert find_weights(entry) is None
    assert weights_path(entry) == cache / "m.weights"
    assert (cache / "m.weights").read_bytes() == CONTENT
    shown = capsys.readouterr()
    assert "Downloading m.weights" in shown.err
    assert shown.out == ""
    assert weights_path(entry) == find_weights(entry) == cache / "m.weights"
    assert server.paths == [f"/{place}"]  # type: ignore[attr-defined]
    assert [path.name for path in cache.iterdir()] == ["m.weights"]


@pytest.mark.parametrize(
    ("place", "size", "sha256", "problem"),
    [
        ("gone", len(CONTENT), GOOD, "HTTP Error 404: Not Found"),
        ("gone", None, None, "HTTP Error 404: Not Found"),
        ("truncated", len(CONTENT), GOOD, "expected 1280000 bytes, received 1279000"),
        ("truncated", None, None, "expected 1280000 bytes, received 1279000"),
        ("good", len(CONTENT) + 1, None, "expected 1280001 bytes, received 1280000"),
        ("longer", len(CONTENT), None, "expected 1280000 bytes, received more"),
        ("page", len(CONTENT), None, "expected 1280000 bytes, received 41"),
        ("good", len(CONTENT), "0" * 64, f"expected sha256 {'0' * 64}. Received: {GOOD}"),
    ],
)
def test_a_download_that_fails_leaves_nothing(
    server: ThreadingHTTPServer, cache: Path, place: str, size: int | None, sha256: str | None, problem: str
) -> None:
    entry = entry_at(server, place, size, sha256)
    with pytest.raises(WeightsError) as caught:
        weights_path(entry)
    message = str(caught.value)
    assert problem in message
    for part in ("weights of m", str(entry.url), str(cache / "m.weights"), CACHE_VARIABLE):
        assert part in message
    assert list(cache.iterdir()) == []


def test_offline_the_error_says_what_to_fetch_and_where_to_put_it(server: ThreadingHTTPServer, cache: Path) -> None:
    entry = entry_at(server, "good", len(CONTENT), None)
    server.shutdown()
    server.server_close()
    with pytest.raises(WeightsError, match=r"cannot be downloaded \(.*refused.*\)"):
        weights_path(entry)

    cache.mkdir(exist_ok=True)
    (cache / "m.weights").write_bytes(CONTENT)
    assert weights_path(entry) == cache / "m.weights"


def test_a_damaged_file_in_the_cache_is_named(server: ThreadingHTTPServer, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "m.weights").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=r"m\.weights: expected 1280000 bytes\. Received: 1279999\..*remove it"):
        weights_path(entry_at(server, "good", len(CONTENT), None))


def test_a_file_in_the_weights_folder_comes_first(
    server: ThreadingHTTPServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "weights"
    shipped.mkdir()
    monkeypatch.setattr(pretrained, "WEIGHT_FOLDERS", (tmp_path / "nowhere", shipped))
    (shipped / "manifest.json").write_text("{}")
    cache.mkdir(parents=True)
    for folder in (shipped, cache):
        (folder / "m.weights").write_bytes(CONTENT)
    assert weights_path(entry_at(server, "good", len(CONTENT), GOOD)) == shipped / "m.weights"
    assert server.paths == []  # type: ignore[attr-defined]


def test_every_shipped_file_is_there_small_and_whole() -> None:
    shipped = [entry for entry in pretrained.registry().values() if entry.url is None]
    assert shipped
    for entry in shipped:
        assert entry.sha256 is not None
        assert weights_path(entry).stat().st_size <= 25_000_000
        assert entry.score


def test_published_detectors_are_those_of_the_networks() -> None:
    from keras_cv_course.models.yolov2 import NETWORKS

    published = {
        name: entry for name, entry in pretrained.detectors().items() if isinstance(entry, pretrained.DarknetDetector)
    }
    assert published.keys() == NETWORKS.keys()
    for name, entry in published.items():
        network = NETWORKS[entry.network]
        assert (entry.anchors, entry.class_names) == (network.anchors, network.class_names)
        assert entry.input_size == network.input_shape[:2]
        assert entry.file == f"{name}.weights"
        assert entry.url == f"https://pjreddie.com/media/files/{entry.file}"
        assert entry.score == {}  # nobody here has run them


def test_kinds_are_kept_apart() -> None:
    assert "signs-resnet50" in pretrained.classifiers()
    assert "yolov2" in pretrained.detectors()
    assert "road-windows" in pretrained.window_classifiers()
    assert "face-landmarks" in pretrained.landmark_models()
    assert "road-localizer" in pretrained.localizers()
    assert "road-segmenter" in pretrained.segmenters()
    kinds = [*pretrained.classifiers(), *pretrained.detectors(), *pretrained.window_classifiers()]
    kinds += [*pretrained.landmark_models(), *pretrained.localizers(), *pretrained.segmenters()]
    assert sorted(kinds) == sorted(pretrained.registry())


def test_a_shipped_file_that_is_not_as_registered_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    monkeypatch.setattr(pretrained, "WEIGHT_FOLDERS", (tmp_path,))
    entry = pretrained.PretrainedClassifier(
        name="m",
        file="m.h5",
        sha256="",
        size=7,
        input_size=(64, 64),
        class_names=("0", "1"),
        trained_on="nothing",
        recipe="none",
        score={"test_accuracy": 0.0},
        depth=50,
    )
    with pytest.raises(WeightsError, match=r"Expected the weights of m at .*m\.h5"):
        weights_path(entry)
    (tmp_path / "m.h5").write_bytes(b"weights!")
    with pytest.raises(WeightsError, match=r"expected 7 bytes\. Received: 8"):
        weights_path(entry)
    (tmp_path / "m.h5").write_bytes(b"weights")
    with pytest.raises(WeightsError, match="sha256"):
        weights_path(entry)
    right = dataclasses.replace(entry, sha256=pretrained.sha256(tmp_path / "m.h5"))
    assert weights_path(right) == tmp_path / "m.h5"


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(WeightsError, match=r"signs-resnet50.*yolov2.*Received: 'resnet-9000'"):
        pretrained.pretrained("resnet-9000")
