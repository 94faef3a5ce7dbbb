"""The one hook that setup.cfg cannot express; everything else is there."""

from setuptools import setup

setup(cffi_modules=["acurl/_build.py:ffibuilder"])
