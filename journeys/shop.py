"""A visit to a shop: transactions, a session cookie, checks, and users out of a datapool.

mite demo-target &
mite journey test journeys.shop:visit journeys.shop:users
"""

from typing import Any

from mite import Context, MiteError, ensure_average_separation
from mite.datapools import RecyclableIterableDataPool
from mite_http import mite_http

users = RecyclableIterableDataPool([(f"user{n}", f"pass{n}") for n in range(1, 1001)])


@mite_http
async def visit(ctx: Context, user: str, password: str) -> None:
    """Look around, sign in, choose one thing and buy it, in about a second."""
    shop = ctx.config.get("base_url", "http://127.0.0.1:8080")
    async with ensure_average_separation(1):
        async with ctx.transaction("browse"):
            goods = expect(await ctx.http.get(f"{shop}/items"), 200)["items"]
            item = ctx.random.choice(goods)["id"]
            expect(await ctx.http.get(f"{shop}/items/{item}"), 200)
        async with ctx.transaction("sign in"):
            who = {"user": user, "password": password}
            expect(await ctx.http.post(f"{shop}/login", json=who), 200)
        async with ctx.transaction("buy"):
            expect(await ctx.http.post(f"{shop}/basket", json={"item": item}), 201)
            expect(await ctx.http.post(f"{shop}/checkout"), 201)


def expect(response: Any, status: int) -> Any:
    """The answer's JSON; another status than expected counts as this transaction's error."""
    if response.status_code != status:
        raise MiteError(f"the shop answered {response.status_code}, not {status}")
    return response.json()
