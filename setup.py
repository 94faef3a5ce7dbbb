"""What setup.cfg cannot express: the C extension, and the check that it can be built here."""

from runpy import run_path

from setuptools import setup

problem = run_path("acurl/_toolchain.py")["missing_tools"]()
if problem is not None:
    raise SystemExit(problem)
setup(cffi_modules=["acurl/_build.py:ffibuilder"])
