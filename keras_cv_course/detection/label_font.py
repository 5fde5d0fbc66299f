"""A font that has every letter of the class names, whatever their script."""

from functools import lru_cache
from pathlib import Path

from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font

# These come with matplotlib and have Latin, Greek, Cyrillic, Arabic, Hebrew, Armenian and Georgian letters.
_FONTS = Path(get_data_path()) / "fonts" / "ttf"
REGULAR, BOLD = str(_FONTS / "DejaVuSans.ttf"), str(_FONTS / "DejaVuSans-Bold.ttf")
_LAST_RESORT = "Last Resort"  # matplotlib's own; has a placeholder for everything


def font_file(text: str, bold: bool) -> str:
    """Give the path of a font with all characters of `text`.

    That is the one that comes with matplotlib, or else the first of the system's fonts that has them. Where there is
    none, it is matplotlib's again, and what it lacks is drawn as empty boxes.
    """
    return _font_file(frozenset(text), BOLD if bold else REGULAR)


@lru_cache(maxsize=64)
def _font_file(characters: frozenset[str], usual: str) -> str:
    if _has_all(usual, characters):
        return usual
    from matplotlib import font_manager  # looks for the system's fonts when imported, which can take seconds

    installed = (font.fname for font in font_manager.fontManager.ttflist if _LAST_RESORT not in font.name)
    return next((file for file in installed if _has_all(file, characters)), usual)


def _has_all(file: str, characters: frozenset[str]) -> bool:
    known = FT2Font(file).get_charmap()
    return all(ord(character) in known for character in characters)
