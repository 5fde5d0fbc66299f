"""Changes to other packages that can all be taken back."""

import sys
from collections.abc import Callable, MutableMapping
from types import ModuleType
from typing import Any, NamedTuple

_ABSENT = object()


class Patches:
    """A list of changes, undone in reverse order."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a module or class, whether it has one of this name or not."""
        # Not getattr: an inherited attribute must not become the owner's own when it is put back.
        before = vars(owner).get(name, _ABSENT)
        setattr(owner, name, value)
        if before is _ABSENT:
            self._undo.append(lambda: delattr(owner, name))
        else:
            self._undo.append(lambda: setattr(owner, name, before))

    def add(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute that the owner does not have, and leave one that it has."""
        if name not in vars(owner):
            self.set(owner, name, value)

    def set_item(self, mapping: MutableMapping[str, Any], key: str, value: Any) -> None:
        """Set an item of a mapping."""
        before = mapping.get(key, _ABSENT)
        mapping[key] = value
        if before is _ABSENT:
            self._undo.append(lambda: mapping.pop(key, None))
        else:
            self._undo.append(lambda: mapping.__setitem__(key, before))

    def module(self, name: str, contents: dict[str, Any]) -> None:
        """Make a module that can be imported, with a new one for each of its parents that is not there.

        A module that is there already keeps what it has and gets the rest.
        """
        parent, _, last = name.rpartition(".")
        if parent and parent not in sys.modules:
            self.module(parent, {})
        if name in sys.modules:
            for key, value in contents.items():
                self.add(sys.modules[name], key, value)
            return
        made = ModuleType(name, "A module of former versions, filled from today's.")
        made.__path__ = []  # it may have submodules, which are in sys.modules too
        vars(made).update(contents)
        self.set_item(sys.modules, name, made)
        if parent:
            self.set(sys.modules[parent], last, made)

    def on_undo(self, action: Callable[[], None]) -> None:
        """Remember how to take back a change that was made otherwise."""
        self._undo.append(action)

    def undo(self) -> None:
        """Take back everything."""
        while self._undo:
            self._undo.pop()()


class Shim(NamedTuple):
    """An answer to one change.

    Attributes:
        construct: what notebooks of the course's time write.
        change: why it fails today.
        apply: makes it work.
    """

    construct: str
    change: str
    apply: Callable[[Patches], None]


def public(*modules: ModuleType) -> dict[str, Any]:
    """Collect the public names of modules; where two have the same, the first wins."""
    return {
        name: thing for module in reversed(modules) for name, thing in vars(module).items() if not name.startswith("_")
    }
