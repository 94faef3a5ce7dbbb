"""The volume models, under the name that scenarios import them by."""

from mite.volume import Compound, Constant, Nothing, Ramp, oneshot_vm

__all__ = ["Compound", "Constant", "Nothing", "Ramp", "oneshot_vm"]
