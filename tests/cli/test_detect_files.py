"""Which files are looked at, and where what is drawn goes."""

from pathlib import Path

import pytest

from keras_cv_course.cli.detect_files import find_sources
from keras_cv_course.errors import DataNotFoundError, RunError

OUT = Path("out")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a tree of empty files and go there."""
    names = ["1.jpg", "a/1.JPG", "a/film.mp4", "a/deep/1.png", "a/.hidden/2.png", "a/.3.png", "a/notes.txt", "b/1.jpg"]
    for name in [*names, "c/x.bmp", "c/x.tiff", "c/x.png", "c/film.avi", "c/odd[1].gif", "d/no.txt"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def targets(*given: str) -> dict[str, str]:
    return {str(source.path): str(source.target.relative_to(OUT)) for source in find_sources(given, OUT)}


@pytest.mark.usefixtures("here")
class TestFindSources:
    """All from the same tree."""

    def test_a_folder_keeps_its_places(self) -> None:
        assert targets("a") == {"a/1.JPG": "1.JPG", "a/deep/1.png": "deep/1.png", "a/film.mp4": "film.mp4"}

    def test_names_that_meet_get_numbers_whatever_their_letters(self) -> None:
        assert targets("1.jpg", "a/1.JPG", "b/1.jpg") == {"1.jpg": "1.jpg", "a/1.JPG": "1-2.JPG", "b/1.jpg": "1-3.jpg"}

    def test_formats_that_nobody_draws_to_become_png_and_mp4(self) -> None:
        assert targets("c") == {
            "c/film.avi": "film.mp4",
            "c/odd[1].gif": "odd[1].png",
            "c/x.bmp": "x.png",
            "c/x.png": "x-2.png",
            "c/x.tiff": "x-3.png",
        }

    def test_patterns_also_across_folders(self) -> None:
        assert list(targets("*/1.jpg")) == ["b/1.jpg"]
        assert list(targets("**/1.png")) == ["a/deep/1.png"]
        assert list(targets("c/odd[1].gif")) == ["c/odd[1].gif"]  # a file of that name comes before a pattern

    @pytest.mark.parametrize("given", [".", "**/*.*"])
    def test_earlier_drawings_are_no_sources(self, given: str) -> None:
        before = targets(given, "1.jpg")
        for path in ("out/1.jpg", "out/a/1.JPG"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
        assert targets(given, "1.jpg") == before
        assert list(targets("b", "out/a/1.JPG")) == ["b/1.jpg", "out/a/1.JPG"]  # but one that is named

    def test_a_folder_within_the_one_for_drawings_is_searched(self) -> None:
        for given in ("b", "b/*.jpg"):
            (source,) = find_sources([given], Path("b/.."))
            assert source.path == Path("b/1.jpg")

    def test_each_file_once(self) -> None:
        assert list(targets("b", "b/1.jpg", "./b/../b/1.jpg", "b/*")) == ["b/1.jpg"]

    def test_named_files_are_taken_as_they_are(self) -> None:
        assert targets("gone.jpg", "a/notes.txt") == {"gone.jpg": "gone.jpg", "a/notes.txt": "notes.png"}

    def test_videos_are_told_by_their_suffix(self) -> None:
        assert [source.is_video for source in find_sources(["a/film.mp4", "c/film.avi", "1.jpg"], OUT)] == [1, 1, 0]

    @pytest.mark.parametrize("given", ["d", "*.webp", "d/*.jpg"])
    def test_what_stands_for_nothing(self, given: str) -> None:
        with pytest.raises(DataNotFoundError, match=r"Received: (none|one without)"):
            find_sources([given], OUT)

    @pytest.mark.parametrize(("given", "out"), [("b", "b"), ("b/1.jpg", "a/../b"), ("b/1.jpg", "."), ("a", "b/../a")])
    def test_no_source_is_replaced(self, given: str, out: str) -> None:
        with pytest.raises(RunError, match="would be replaced"):
            find_sources([given, "1.jpg"], Path(out))
