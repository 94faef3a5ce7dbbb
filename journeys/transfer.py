"""Large bodies both ways: an upload of a form with a file, a download that is never held in memory.

mite demo-target &
mite journey run journeys.transfer:transfer
"""

from collections.abc import AsyncIterator

from mite import Context, MiteError
from mite_http import mite_http

SIZE = 5_000_000


@mite_http
async def transfer(ctx: Context) -> None:
    """Send a picture in a form, stream a film there, and another one back."""
    shop = ctx.config.get("base_url", "http://127.0.0.1:8080")
    async with ctx.transaction("form"):
        fields = {"title": "A picture", "tag": ["small", "round"]}
        files = {"picture": ("round.png", bytes(100_000), "image/png")}
        await ctx.http.post(f"{shop}/echo", data=fields, files=files)
    async with ctx.transaction("upload"):
        await ctx.http.put(f"{shop}/echo", data=film(), discard_body=True)
    async with ctx.transaction("download"):
        came = 0
        async with await ctx.http.get(f"{shop}/bytes/{SIZE}", stream=True) as answer:
            async for piece in answer.stream():
                came += len(piece)
        if came != SIZE:
            raise MiteError(f"{came} bytes came, not {SIZE}")


async def film() -> AsyncIterator[bytes]:
    """The pieces of a body, made while the one before is on its way."""
    for _ in range(100):
        yield bytes(SIZE // 100)
