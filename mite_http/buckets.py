"""Bounds of histogram buckets, as the environment may set them."""

from __future__ import annotations

import math
import os

import acurl
from acurl.values import shown

BUCKET_VARIABLES = ("MITE_HTTP_HISTOGRAM_BUCKETS", "MITE_DNS_HISTOGRAM_BUCKETS")

_DEFAULT = "0.0001,0.001,0.01,0.05,0.1,0.2,0.4,0.8,1,2,4,8,16,32,64"


def buckets_of(variable: str) -> list[float]:
    """Upper bounds in seconds. Raises acurl.RequestError, a ValueError, for what are none."""
    text = os.environ.get(variable, _DEFAULT)
    try:
        bounds = [float(bound) for bound in text.split(",")]
    except ValueError:
        bounds = [math.nan]
    if not all(map(math.isfinite, bounds)):
        raise acurl.RequestError(
            f"{variable}={shown(text)}: must be bucket bounds in seconds with commas between them, "
            "such as 0.01,0.1,1"
        )
    return bounds
