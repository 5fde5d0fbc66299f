"""What every training is told, checked, and written into the run's config.json."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self, get_args

from keras_cv_course.errors import RunError
from keras_cv_course.training.device import Precision
from keras_cv_course.training.optimizers import OPTIMIZERS, OptimizerName


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """Settings that all trainings share.

    Attributes:
        epochs: passes over the training pictures.
        batch_size: pictures a step, over all GPUs together.
        optimizer: ``sgd`` (Nesterov momentum 0.9), ``adam`` or ``muon``; the last two want rates of some thousandths.
        learning_rate: the highest; it rises to it evenly during the warm-up and falls to 0 along a half cosine.
        warmup_epochs: length of the rise; at most half of the epochs.
        weight_decay: of convolution and dense kernels, relative to the learning rate; biases and batch norms have none.
        precision: float32, bfloat16, float16, or auto for what suits the machine.
        seed: of all that is drawn in training, 0 to 2**32 - 1.
    """

    epochs: int
    batch_size: int
    optimizer: OptimizerName
    learning_rate: float
    warmup_epochs: float = 3.0
    weight_decay: float = 5e-4
    precision: Precision = "auto"
    seed: int = 0

    # Fields that are settings themselves, by name.
    NESTED: ClassVar[dict[str, type]] = {}

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require("epochs", self.epochs >= 1, "at least 1")
        self._require("batch_size", self.batch_size >= 1, "at least 1")
        self._require("optimizer", self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}")
        self._require("learning_rate", self.learning_rate > 0, "above 0")
        self._require("warmup_epochs", self.warmup_epochs >= 0, "0 or more")
        self._require("weight_decay", self.weight_decay >= 0, "0 or more")
        self._require("precision", self.precision in get_args(Precision), f"one of {', '.join(get_args(Precision))}")
        self._require("seed", 0 <= self.seed < 2**32, "from 0 to 4294967295")

    def _require(self, name: str, satisfied: bool, expected: str) -> None:
        if not satisfied:
            raise RunError(f"{name} must be {expected}. Received: {getattr(self, name)!r}.")

    def to_json(self) -> dict[str, Any]:
        """Give the settings as JSON types; :meth:`from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Self:
        """Build from what :meth:`to_json` gave.

        Raises:
            RunError: a setting that this version does not know. One that is missing, as in runs of former versions, has
                its default.
        """
        try:
            nested = {name: kind(**settings[name]) for name, kind in cls.NESTED.items() if settings.get(name)}
            return cls(**{**settings, **nested})
        except TypeError as error:
            raise RunError(f"Expected the settings of {cls.__name__}. Received: {error}.") from error
