"""Runs a fuzz target in Python under atheris, with libFuzzer's arguments.

python tests/fuzz/guided.py TARGET -max_total_time=60 CORPUS...
"""

import sys

import atheris

with atheris.instrument_imports(include=["acurl", "json", "codecs"]):
    from tests.fuzz.targets import FUNCTIONS

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], FUNCTIONS[sys.argv[1]])
    atheris.Fuzz()
