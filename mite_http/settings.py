"""Where an option's value comes from: the decorator, else the run's config, else the environment.

Each option has a variable, ``MITE_HTTP_MAX_CONNECTS``, and a key of the config of the same name in
lower case, ``mite_http_max_connects``; the time limits have one each (``MITE_HTTP_POOL_TIMEOUT``),
and ``MITE_HTTP_POOL_ENABLED=0`` stands for ``connections="request"``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

import acurl
from acurl.timeouts import DEFAULT_TIMEOUT, Timeout, as_timeout, seconds
from acurl.values import shown
from mite_http.buckets import BUCKET_VARIABLES, buckets_of
from mite_http.options import ALIAS, NAMES, PoolOptions, without_alias

PREFIX = "MITE_HTTP_"
IDLE_TIMEOUT = "MITE_HTTP_POOL_IDLE_TIMEOUT"
CLEANUP_INTERVAL = "MITE_HTTP_POOL_CLEANUP_INTERVAL"
MEMORY_LIMIT = "MITE_HTTP_POOL_MEMORY_LIMIT"
OTHER_VARIABLES = (
    "MITE_HTTP_HISTOGRAM_BUCKETS",
    IDLE_TIMEOUT,
    CLEANUP_INTERVAL,
    MEMORY_LIMIT,
)
"""Variables that are no options of a pool."""

_PHASES = {f"{phase.name}_timeout": phase.name for phase in fields(Timeout)}
_OWN_OF_DECORATORS = {"name"}  # one for all journeys would make no sense
_SETTINGS = (
    *(name for name in NAMES if name not in _OWN_OF_DECORATORS),
    ALIAS,
    *_PHASES,
    "pool_enabled",
)

_WHOLE = re.compile(r"[+-]?[0-9]+")
_TRUE_OR_FALSE = {"1": True, "true": True, "0": False, "false": False}


def _number(text: str) -> object:
    if _WHOLE.fullmatch(text) and len(text) < 100:
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _switch(text: str) -> object:
    return _TRUE_OR_FALSE.get(text.lower(), text)


def _structure(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(text: str) -> object:
    return text


Reader = Callable[[str], object]
_READERS: dict[str, Reader] = {
    **dict.fromkeys(
        ("trust_env", "tls_resumption", "early_data", "low_memory", "discard_body", "cert_info"),
        _switch,
    ),
    **dict.fromkeys(("verify", "pool_enabled"), _switch),
    **dict.fromkeys(("resolve", "connect_to", "tcp_keepalive", "cert", "adaptive"), _structure),
    "prewarm": _structure,
    **dict.fromkeys(
        ("connections", "http_version", "tls_min", "tls_max", "ciphers", "interface"), _text
    ),
    **dict.fromkeys(("unix_socket", "proxy", "user_agent"), _text),
}
_PAIRS = ("tcp_keepalive", "cert")
_HINTS: dict[Reader, str] = {
    _structure: " (write it as JSON)",
    _switch: " (write 1 or true, 0 or false)",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A value, under the name that its writer gave it."""

    source: str
    raw: object
    value: object

    def __str__(self) -> str:
        secret = "proxy" in self.source.lower()
        raw = "..." if secret else self.raw if isinstance(self.raw, str) else shown(self.raw)
        return f"{self.source}={raw}"


Layer = dict[str, Found]


def from_environment(environment: Mapping[str, str] = os.environ) -> Layer:
    """The settings in the environment. Raises RequestError for the first that is not allowed."""
    named = {name: text for name, text in environment.items() if name.startswith(PREFIX)}
    for variable in OTHER_VARIABLES:
        named.pop(variable, None)
    return _layer(named, PREFIX)


def from_config(config: Mapping[str, Any]) -> Layer:
    """The settings in a run's config. Raises RequestError for the first that is not allowed."""
    prefix = PREFIX.lower()
    named = {
        key: value
        for key, value in config.items()
        if isinstance(key, str) and key.startswith(prefix)
    }
    return _layer(named, prefix)


def known_config(config: object) -> Mapping[str, Any]:
    """A context's config, an empty one in place of what is none."""
    return config if isinstance(config, Mapping) else {}


def resolve(given: Mapping[str, Any], environment: Layer, config: Layer) -> PoolOptions:
    """The options of a pool: what was ``given`` wins over ``config``, that over ``environment``.

    Raises RequestError when values from different places do not go together.
    """
    given = without_alias(given)
    layers = environment | config
    used = {name: found for name, found in layers.items() if _settles(name) not in given}
    if not used:
        return PoolOptions(**given)
    merged = {
        name: found.value for name, found in used.items() if name in NAMES and name != "timeout"
    }
    if "timeout" not in given and any(_settles(name) == "timeout" for name in used):
        merged["timeout"] = _timeout(environment, config)
    if _switched_off(used, config):
        merged["connections"] = "request"
    _yield_to_given(merged, given)
    try:
        return PoolOptions(**{**merged, **given})
    except acurl.RequestError as error:
        raise acurl.RequestError(f"{error} (with {', '.join(map(str, used.values()))})") from error


def check(config: Mapping[str, Any]) -> None:
    """Raise RequestError, a ValueError, for a setting in config or environment that is wrong."""
    resolve({}, from_environment(), from_config(config))
    for variable in (IDLE_TIMEOUT, CLEANUP_INTERVAL):
        seconds_of(variable, 1.0)
    bytes_of(MEMORY_LIMIT)
    for variable in BUCKET_VARIABLES:
        buckets_of(variable)


def _layer(named: Mapping[str, object], prefix: str) -> Layer:
    layer: Layer = {}
    for source, raw in named.items():
        setting = source.removeprefix(prefix)
        setting = setting.lower() if prefix.isupper() else setting
        if setting not in _SETTINGS:
            raise acurl.RequestError(_unknown(source, prefix))
        found = Found(source, raw, _value(setting, raw))
        _check_alone(setting, found)
        if setting == ALIAS:
            setting = "max_connects"
            _check_agreement(found, layer.get(setting))
        layer[setting] = found
    return layer


def _unknown(source: str, prefix: str) -> str:
    known = [*_SETTINGS, *(variable.removeprefix(PREFIX).lower() for variable in OTHER_VARIABLES)]
    near = get_close_matches(source.removeprefix(prefix).lower(), known, 1)
    name = f"{prefix}{(near or ['max_connects'])[0]}"
    name = name.upper() if prefix.isupper() else name
    meant = f"; did you mean {name}?" if near else f"; there is {name}, for instance"
    return f"{source}: there is no such setting{meant}"


def _value(setting: str, raw: object) -> object:
    """What a setting's text means; what is no text came from a config's own loader."""
    if not isinstance(raw, str):
        return tuple(raw) if isinstance(raw, list) and setting in _PAIRS else raw
    text = raw.strip()
    if text.lower() == "none":
        return None
    value = _READERS.get(setting, _number)(text)
    return tuple(value) if isinstance(value, list) and setting in _PAIRS else value


def _check_alone(setting: str, found: Found) -> None:
    """Raise RequestError, with the name that its writer gave it, for a value that is wrong."""
    if setting == "pool_enabled":
        if type(found.value) is not bool and found.value not in {0, 1}:
            raise acurl.RequestError(f"{found}: must be 1 or true, 0 or false")
        return
    try:
        if setting in _PHASES:
            Timeout(**{_PHASES[setting]: found.value})  # type: ignore[arg-type]
        else:
            PoolOptions(**_alone(setting, found.value))
    except acurl.RequestError as error:
        raise acurl.RequestError(_renamed(setting, found, str(error))) from error


def _alone(setting: str, value: Any) -> Any:
    # The one limit that is measured against another.
    more = {"max_connects": value} if setting == "min_connects" and isinstance(value, int) else {}
    return {setting: value, **more}


def _renamed(setting: str, found: Found, message: str) -> str:
    """A message of acurl's under the name that the value was written with."""
    name, colon, allowed = message.partition(": ")
    own = name.startswith((setting, "max_connects", "timeout"))
    hint = _HINTS.get(_READERS.get(setting, _number), "") if isinstance(found.raw, str) else ""
    return f"{found}: {allowed if colon and own else message}{hint}"


def _check_agreement(one: Found, other: Found | None) -> None:
    if other is not None and one.value != other.value:
        raise acurl.RequestError(f"{one} and {other} are the same limit: give one of them")


def _settles(setting: str) -> str:
    """The option that a setting is about."""
    if setting in _PHASES:
        return "timeout"
    return "connections" if setting == "pool_enabled" else setting


def _timeout(*layers: Layer) -> Timeout:
    """Time limits, each phase from the last layer that says something of it."""
    limits = {phase: getattr(DEFAULT_TIMEOUT, phase) for phase in _PHASES.values()}
    for layer in layers:
        if "timeout" in layer:
            whole: Any = layer["timeout"].value
            limits = {phase: getattr(as_timeout(whole), phase) for phase in limits}
        limits |= {
            phase: layer[setting].value for setting, phase in _PHASES.items() if setting in layer
        }
    return Timeout(**limits)


def _switched_off(used: Layer, config: Layer) -> bool:
    """Whether pooling is off, and nothing nearer says how connections are to be used."""
    enabled = used.get("pool_enabled")
    if enabled is None or enabled.value:
        return False
    return "connections" not in used or ("pool_enabled" in config) >= ("connections" in config)


def _yield_to_given(merged: dict[str, Any], given: Mapping[str, Any]) -> None:
    """What stands in code wins also over limits elsewhere that contradict it."""
    if given.get("adaptive"):
        merged.pop("max_connects", None)
    if "max_connects" in given:
        merged.pop("adaptive", None)


def seconds_of(variable: str, default: float) -> float:
    """Seconds that the environment may set. Raises RequestError for what are none."""
    text = os.environ.get(variable)
    if text is None:
        return default
    try:
        found = seconds(variable, _value(variable, text))
    except acurl.RequestError:
        found = None
    if found is None:
        raise acurl.RequestError(f"{variable}={text}: must be a number of seconds above 0")
    return found


def bytes_of(variable: str) -> int | None:
    """Bytes that the environment may set. Raises RequestError for what are none."""
    text = os.environ.get(variable)
    if text is None:
        return None
    if not _WHOLE.fullmatch(text) or len(text) > 20 or int(text) <= 0:
        raise acurl.RequestError(f"{variable}={text}: must be a number of bytes above 0")
    return int(text)
