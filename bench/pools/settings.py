"""What a run is asked to do, read from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.pools.clients import NAMES
from bench.settings import number, words

PARTS = ("peers", "sharing", "micro", "queueing")


@dataclass(frozen=True, slots=True)
class Settings:
    """`rounds` passes over all there is to measure, `seconds` in each; some clients, some parts."""

    rounds: int
    seconds: float
    peers: tuple[str, ...]
    parts: tuple[str, ...]


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from ROUNDS, SECONDS, PEERS and PARTS; raises SettingError."""
    return Settings(
        rounds=int(number(environ, "ROUNDS", 3, 1, 100)),
        seconds=number(environ, "SECONDS", 1, 0.2, 60),
        peers=words(environ, "PEERS", NAMES) or NAMES,
        parts=words(environ, "PARTS", PARTS) or PARTS,
    )
