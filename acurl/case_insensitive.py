"""Mappings whose keys are strings in any case, as header names are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import TypeVar

V = TypeVar("V")


class CaseInsensitiveDict(MutableMapping[str, V]):
    """Finds keys in any case and keeps the case in which each was last set."""

    __slots__ = ("_entries",)

    def __init__(self, items: Mapping[str, V] | Iterable[tuple[str, V]] = (), **more: V) -> None:
        self._entries: dict[str, tuple[str, V]] = {}
        self.update(items, **more)

    def __getitem__(self, key: str) -> V:
        return self._entries[key.lower()][1]

    def __setitem__(self, key: str, value: V) -> None:
        self._entries[key.lower()] = (key, value)

    def __delitem__(self, key: str) -> None:
        del self._entries[key.lower()]

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        lowered = {str(key).lower(): value for key, value in other.items()}
        return {key: value for key, (_, value) in self._entries.items()} == lowered

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self.items())!r})"

    def copy(self) -> CaseInsensitiveDict[V]:
        """A shallow copy."""
        return CaseInsensitiveDict(self.items())


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

    def __getitem__(self, key: str) -> V:
        if key.lower() not in self._entries:
            self[key] = self.default_factory()
        return super().__getitem__(key)
