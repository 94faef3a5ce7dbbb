"""What can be wrong with a wish for a target."""


class TargetError(Exception):
    """The target cannot be served as asked; the message says why in one sentence.

    You get it for a bad option, a busy port, an unusable directory; not for a bug in the target,
    which shows its traceback.
    """
