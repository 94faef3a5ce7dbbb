"""``mite journey run`` and ``mite journey test``."""

from __future__ import annotations

from mite import plan, specs
from mite.cli import load
from mite.cli.options import RunOptions, Words
from mite.datapools import DataPool, SingleRunDataPoolWrapper
from mite.exitcodes import ExitCode
from mite.scenario import VolumeModel
from mite.volume import oneshot_vm


def run(words: Words, options: RunOptions) -> ExitCode:
    """Run the journey once."""
    pool = _datapool(words)
    once = None if pool is None else SingleRunDataPoolWrapper(pool)
    return _run(words, options, once, oneshot_vm(stop_scenario=True))


def test(words: Words, options: RunOptions) -> ExitCode:
    """Run the journey over and over, so many at once as ``--volume`` says, until interrupted."""
    return _run(words, options, _datapool(words), lambda start, end: options.volume)  # noqa: ARG005


def _run(words: Words, options: RunOptions, pool: DataPool | None, volume: VolumeModel) -> ExitCode:
    spec = words["JOURNEY_SPEC"]
    return load.run(spec, lambda _config, _bus: plan.from_journey(spec, pool, volume), options)


def _datapool(words: Words) -> DataPool | None:
    spec = words["DATAPOOL_SPEC"]
    return None if spec is None else specs.datapool(spec)
