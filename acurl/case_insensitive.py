"""Dicts whose keys are strings in any case, as header names are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

V = TypeVar("V")
D = TypeVar("D")


class CaseInsensitiveDict(dict[str, V]):
    """Finds keys in any case; keeps them, and shows them, in lower case."""

    __slots__ = ()

    def __init__(self, items: Mapping[str, V] | Iterable[tuple[str, V]] = (), **more: V) -> None:
        super().__init__()
        self.update(items, **more)

    def __getitem__(self, key: str) -> V:
        return super().__getitem__(key.lower())

    def __setitem__(self, key: str, value: V) -> None:
        super().__setitem__(key.lower(), value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key.lower())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and super().__contains__(key.lower())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self) == {str(key).lower(): value for key, value in other.items()}

    __hash__ = None

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __or__(self, other: Any) -> Any:
        joined = self.copy()
        joined.update(other)
        return joined

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()})"

    @overload
    def get(self, key: str, default: None = None, /) -> V | None: ...
    @overload
    def get(self, key: str, default: D, /) -> V | D: ...
    def get(self, key: str, default: Any = None, /) -> Any:
        """The value of a key, the default where there is none."""
        return super().get(key.lower(), default)

    def pop(self, key: str, /, *default: Any) -> Any:
        """Take a key out and give its value."""
        return super().pop(key.lower(), *default)

    def setdefault(self, key: str, default: Any = None, /) -> Any:
        """The value of a key, set to the default where there is none."""
        return super().setdefault(key.lower(), default)

    def update(self, items: Any = (), /, **more: V) -> None:
        """Set all of these keys."""
        pairs = items.items() if isinstance(items, Mapping) else items
        for key, value in [*pairs, *more.items()]:
            self[key] = value

    def copy(self) -> CaseInsensitiveDict[V]:
        """A shallow copy."""
        return CaseInsensitiveDict(self)


class CaseInsensitiveDefaultDict(CaseInsensitiveDict[V]):
    """A CaseInsensitiveDict that makes a missing value with `default_factory`."""

    __slots__ = ("default_factory",)

    def __init__(
        self,
        default_factory: Callable[[], V],
        items: Mapping[str, V] | Iterable[tuple[str, V]] = (),
        **more: V,
    ) -> None:
        self.default_factory = default_factory
        super().__init__(items, **more)

    def __missing__(self, key: str) -> V:
        self[key] = value = self.default_factory()
        return value
