"""The smallest journey: one request, ten times a second for each user.

mite demo-target &
mite journey run journeys.echo:echo
"""

from mite import Context, ensure_fixed_separation
from mite_http import mite_http


@mite_http
async def echo(ctx: Context) -> None:
    """Ask the target what it saw."""
    async with ensure_fixed_separation(0.1):
        await ctx.http.get(ctx.config.get("base_url", "http://127.0.0.1:8080") + "/echo")
