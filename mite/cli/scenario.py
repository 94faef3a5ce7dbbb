"""``mite scenario test``."""

from __future__ import annotations

from mite import plan
from mite.cli import load
from mite.cli.options import RunOptions, Words
from mite.exitcodes import ExitCode


def test(words: Words, options: RunOptions) -> ExitCode:
    """Run the scenario to its end."""
    spec = words["SCENARIO_SPEC"]
    return load.run(spec, lambda config, bus: plan.from_scenario(spec, config, bus), options)
