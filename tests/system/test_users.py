"""Users who share connections share nothing else: each finds its own basket, and only its own."""

from pathlib import Path

from mite.exitcodes import ExitCode
from tests.servers.target import Target
from tests.system.command import Mite
from tests.system.report import Report

SHOPPERS = """
from journeys.shop import users
from mite import MiteError
from mite.volume_model import Constant
from mite_http import mite_http


@mite_http
async def shopper(ctx, user, password):
    shop = ctx.config.get("base_url")
    if (await ctx.http.get(f"{shop}/basket")).status_code != 401:
        raise MiteError("came in with somebody's cookie")
    await ctx.http.post(f"{shop}/login", json={"user": user, "password": password})
    wanted = ctx.random.sample(range(1, 101), 3)
    for item in wanted:
        await ctx.http.post(f"{shop}/basket", json={"item": item})
    basket = (await ctx.http.get(f"{shop}/basket")).json()
    if (basket["user"], [line["id"] for line in basket["lines"]]) != (user, wanted):
        raise MiteError("found another basket")


def scenario():
    return [("shoppers:shopper", users, Constant(tps=20, duration=2))]
"""


def test_users_on_shared_connections_never_mix(target: Target, tmp_path: Path) -> None:
    (tmp_path / "shoppers.py").write_text(SHOPPERS)
    for url in (target.http, target.https):
        done = Mite(target.environment(url), tmp_path)("scenario", "test", "shoppers:scenario")
        assert (done.code, done.err) == (ExitCode.OK, ""), done.out
        shopped, errors = Report(done.out).transactions["shoppers:shopper"]
        assert shopped > 40
        assert errors == 0
