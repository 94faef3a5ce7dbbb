"""Joins the engine's C files into the extension module acurl._engine; no code of its own."""

from pathlib import Path

from cffi import FFI

SOURCES = ["admission", "block", "buffer", "chain", "connection", "deadline", "dispatch"]
SOURCES += ["engine", "events", "exchange", "fifo", "form", "jar", "lane", "libcurl", "limits"]
SOURCES += ["lines", "origin", "profile", "receive", "record", "tls", "transfer"]

ROOT = Path(__file__).resolve().parent.parent
CSRC = Path("acurl") / "csrc"

ffibuilder = FFI()
ffibuilder.cdef((ROOT / CSRC / "engine_api.h").read_text(encoding="utf-8"))
ffibuilder.set_source(
    "acurl._engine",
    '#include "internal.h"',
    sources=[str(CSRC / f"{name}.c") for name in SOURCES],
    include_dirs=[str(CSRC)],
    libraries=["dl", "pthread"],
    extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra"],
    py_limited_api=True,
)
