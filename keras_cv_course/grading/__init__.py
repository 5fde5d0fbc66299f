"""Grades learners' notebooks: fast, and without trusting them.

Every public name loads its module when it is first used: neither TensorFlow nor Keras is imported, and a check's
module may import from here.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "assignment": ("Assignment", "Check", "Question", "assignment_names", "check_of", "load_assignment"),
    "in_place": ("check",),
    "results": ("CheckResult", "Limits", "QuestionResult", "Result"),
    "scoring": ("grade",),
    "server": ("WorkerServer",),
    "subject": ("Subject",),
    "submission": ("read_submission",),
    "wire": ("Array", "Input", "Layer", "Model", "Named", "Tensor"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted([*_MODULE_OF, "compare"])


def __getattr__(name: str) -> Any:
    if name == "compare":
        return import_module(f"{__name__}.compare")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
