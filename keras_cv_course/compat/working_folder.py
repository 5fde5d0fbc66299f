"""Files and folders that the course's machines had beside a notebook."""

import functools
import warnings
from pathlib import Path
from typing import Any

from matplotlib import get_data_path
from matplotlib.figure import Figure
from PIL import Image, ImageFont

from keras_cv_course.compat.patches import Patches, Shim

FALLBACK_FONT = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"  # comes with matplotlib


def replace_missing_fonts(patches: Patches) -> None:
    """Draw with another font where a file is not there."""
    original = ImageFont.truetype

    @functools.wraps(original)
    def truetype(font: Any = None, *args: Any, **kwargs: Any) -> ImageFont.FreeTypeFont:
        try:
            return original(font, *args, **kwargs)
        except OSError:
            if not isinstance(font, (str, Path)) or Path(font).exists():
                raise
            warnings.warn(f"No font at {font}: {FALLBACK_FONT.name} stands for it.", stacklevel=2)
            return original(str(FALLBACK_FONT), *args, **kwargs)

    patches.set(ImageFont, "truetype", truetype)


def make_missing_folders(patches: Patches) -> None:
    """Make the folder into which a picture is saved, below the working directory."""
    for owner, name in ((Image.Image, "save"), (Figure, "savefig")):
        patches.set(owner, name, _making_folder(getattr(owner, name)))


def _making_folder(original: Any) -> Any:
    @functools.wraps(original)
    def save(self: Any, file: Any, *args: Any, **kwargs: Any) -> Any:
        # An absolute path that is not there is more likely to be wrong than to be wanted.
        if isinstance(file, (str, Path)) and not Path(file).is_absolute():
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        return original(self, file, *args, **kwargs)

    return save


SHIMS = (
    Shim(
        'ImageFont.truetype("font/FiraMono-Medium.otf")',
        "the file lay beside the course's notebook; where it does not, another font is taken",
        replace_missing_fonts,
    ),
    Shim('image.save("out/test.jpg")', "the folder out was there on the course's machines", make_missing_folders),
)
