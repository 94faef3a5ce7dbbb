"""Shows a run: ``figures`` are taken from it, ``live`` or ``lines`` show them while it goes on,
``report`` when it has ended.  Only ``live`` and ``report`` import rich.
"""
