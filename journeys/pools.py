"""Two pools in one journey: a slow origin waits in its own queue, not in front of a fast one.

mite demo-target &
mite journey test --volume=20 journeys.pools:browse
"""

from mite import Context, ensure_fixed_separation
from mite_http import mite_http


@mite_http(name="shop", max_connects=25)
@mite_http(name="reports", max_connections=5, timeout=30)
async def browse(ctx: Context) -> None:
    """Look at the goods over one pool, wait for a slow report over another."""
    target = ctx.config.get("base_url", "http://127.0.0.1:8080")
    async with ensure_fixed_separation(1):
        async with ctx.transaction("goods"):
            await ctx.shop.get(f"{target}/items")
        async with ctx.transaction("report"):
            await ctx.reports.get(f"{target}/delay/200")
