"""Upstream's threshold options: what makes a run end with exit status 1."""

from __future__ import annotations

from dataclasses import dataclass

from mite.histogram import Histogram
from mite.rates import Rates


@dataclass(frozen=True, slots=True)
class UpstreamThresholds:
    """Limits in milliseconds and requests per second; 0 means none, but no errors at all."""

    max_errors: int = 0
    max_response_time: int = 0
    mean_response_time: int = 0
    deviation_response_time: int = 0
    deviation_rate: int = 0
    percentiles: tuple[tuple[int, int], ...] = ()
    """Pairs of a percentile and its limit in milliseconds."""

    def exceeded(self, errors: int, times: Histogram, rates: Rates) -> list[str]:
        """A sentence for each limit that the run broke."""
        broken = []
        if errors > self.max_errors:
            broken.append(
                f"the number of errors, {errors:,}, is over "
                f"--max-errors-threshold={self.max_errors}"
            )
        measured = [
            (
                "--max-response-time-threshold=",
                "slowest response",
                times.max,
                self.max_response_time,
            ),
            (
                "--mean-response-time-threshold=",
                "mean response",
                times.mean,
                self.mean_response_time,
            ),
            (
                "--standard-deviation-response-time-threshold=",
                "standard deviation of the response times",
                times.deviation,
                self.deviation_response_time,
            ),
        ]
        for percent, limit in self.percentiles:
            name = f"p{percent} of the response times"
            option = f"--benchmark-percentiles={percent}:"
            measured.append((option, name, times.percentile(percent), limit))
        for option, name, seconds, limit in measured:
            if limit and seconds * 1000 > limit:
                broken.append(f"the {name}, {seconds * 1000:.1f} ms, is over {option}{limit}")
        if self.deviation_rate and rates.deviation > self.deviation_rate:
            broken.append(
                f"the standard deviation of requests per second, {rates.deviation:.1f}, "
                f"is over --standard-deviation-req-sec-threshold={self.deviation_rate}"
            )
        return broken
