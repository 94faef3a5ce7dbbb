"""Asked by setup.py before the engine is compiled: are a C compiler and Python's headers here?

A missing one is named in one line, in place of the compiler's own pages of output.
"""

import os
import shlex
import shutil
import sysconfig
from pathlib import Path


def missing_tools() -> str | None:
    """One sentence that names what is missing and how to install it; None when all is there."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    headers = Path(sysconfig.get_path("include"), "Python.h")
    missing = []
    if shutil.which(compiler) is None:
        missing.append(f"a C compiler ({compiler!r} is not on PATH)")
    if not headers.exists():
        missing.append(f"Python's headers ({headers} does not exist)")
    if not missing:
        return None
    return (
        f"mite-http needs {' and '.join(missing)}: install with 'apt-get install gcc python3-dev' "
        "(Debian, Ubuntu), 'dnf install gcc python3-devel' (Fedora) or the like, then try again"
    )
