"""The ASGI application: routes of the shop, and routes that test an HTTP client."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from mite.demo import body
from mite.demo.refusal import RefusalError
from mite.demo.shop import MAX_QUANTITY, Shop
from mite.demo.traffic import UNMATCHED, Traffic

COOKIE = "session"
MAX_DELAY_MS = 60_000
MAX_BYTES = 256 * 1024 * 1024
BLOCK = bytes(range(256)) * 256
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

Handler = Callable[[Request], Awaitable[Response]]


class ShopPages:
    """Answers for one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        goods = [item.as_dict() for item in shop.items.values()]
        self._list = json.dumps({"items": goods}).encode()

    async def items(self, _request: Request) -> Response:
        """All goods."""
        return Response(self._list, media_type="application/json")

    async def item(self, request: Request) -> Response:
        """One of them."""
        number = body.whole_number(request.path_params["id"], "the item id", 1, 10**9)
        return JSONResponse(self._shop.item(number).as_dict())

    async def login(self, request: Request) -> Response:
        """A session cookie for a user and password."""
        given = await body.fields(request)
        user = body.text_field(given, "user")
        token = self._shop.login(user, body.text_field(given, "password"))
        response = JSONResponse({"user": user})
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure)
        return response

    async def basket(self, request: Request) -> Response:
        """What the customer has chosen."""
        return JSONResponse(self._shop.describe(self._shop.basket(request.cookies.get(COOKIE))))

    async def add(self, request: Request) -> Response:
        """Choose an item, `quantity` of it (1)."""
        token = request.cookies.get(COOKIE)
        self._shop.basket(token)
        given = await body.fields(request)
        number = body.whole_number(given.get("item"), "field 'item'", 1, 10**9)
        quantity = body.whole_number(given.get("quantity", 1), "field 'quantity'", 1, MAX_QUANTITY)
        basket = self._shop.add(token, number, quantity)
        return JSONResponse(self._shop.describe(basket), status_code=201)

    async def checkout(self, request: Request) -> Response:
        """Buy it."""
        return JSONResponse(self._shop.checkout(request.cookies.get(COOKIE)), status_code=201)


async def echo(request: Request) -> Response:
    """The request as it came; repeated headers are joined, a body that is not UTF-8 is base64."""
    content = await body.read(request)
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    seen: dict[str, object] = {
        "method": request.method,
        "path": request.url.path,
        "query": request.url.query,
        "http_version": request.scope["http_version"],
        "headers": headers,
    }
    try:
        seen["body"] = content.decode()
    except UnicodeDecodeError:
        seen["body_base64"] = base64.b64encode(content).decode()
    return JSONResponse(seen)


async def status(request: Request) -> Response:
    """An answer with that status; redirects point at /echo."""
    code = body.whole_number(request.path_params["code"], "the status", 200, 599)
    if code in (301, 302, 303, 307, 308):
        return RedirectResponse("/echo", status_code=code)
    if code in (204, 205, 304):
        return Response(status_code=code)
    return JSONResponse({"status": code}, status_code=code)


async def some_bytes(request: Request) -> Response:
    """A body of that many bytes: 0 to 255, over and over."""
    size = body.whole_number(request.path_params["n"], "the number of bytes", 0, MAX_BYTES)
    if size <= len(BLOCK):
        return Response(BLOCK[:size], media_type="application/octet-stream")
    headers = {"content-length": str(size)}
    return StreamingResponse(_blocks(size), media_type="application/octet-stream", headers=headers)


async def _blocks(size: int) -> AsyncIterator[bytes]:
    whole, rest = divmod(size, len(BLOCK))
    for _ in range(whole):
        yield BLOCK
    if rest:
        yield BLOCK[:rest]


async def nowhere(request: Request) -> Response:
    """Everything else."""
    raise RefusalError(
        404, f"no route for {request.method} {request.url.path:.100}: GET / lists them"
    )


def make_app(shop: Shop, traffic: Traffic, closing: asyncio.Event) -> Router:
    """The application over this shop.

    Everything it is asked, /stats apart, is counted in `traffic`. `closing` ends delays early.
    """
    pages = ShopPages(shop)
    served: list[tuple[str, list[str], Handler]] = [
        ("/items", ["GET"], pages.items),
        ("/items/{id}", ["GET"], pages.item),
        ("/login", ["POST"], pages.login),
        ("/basket", ["GET"], pages.basket),
        ("/basket", ["POST"], pages.add),
        ("/checkout", ["POST"], pages.checkout),
        ("/echo", METHODS, echo),
        ("/status/{code}", METHODS, status),
        ("/bytes/{n}", ["GET"], some_bytes),
    ]

    async def delay(request: Request) -> Response:
        given = request.path_params["ms"]
        wait = body.whole_number(given, "the delay in milliseconds", 0, MAX_DELAY_MS)
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), wait / 1000)
            raise RefusalError(503, "the target is stopping")
        return JSONResponse({"delayed_ms": wait})

    async def front(_request: Request) -> Response:
        listing = [f"{'|'.join(methods)} {path}" for path, methods, _ in served]
        return JSONResponse({"routes": [*listing, "GET /stats"]})

    async def stats(_request: Request) -> Response:
        return JSONResponse(traffic.snapshot())

    served += [("/delay/{ms}", ["GET"], delay), ("/", ["GET"], front)]
    routes = [
        Route(path, _counted(traffic, path, handler), methods=methods)
        for path, methods, handler in served
    ]
    routes.append(Route("/stats", stats, methods=["GET"]))
    routes.append(Route("/{path:path}", _counted(traffic, UNMATCHED, nowhere), methods=METHODS))
    return Router(routes=routes, redirect_slashes=False)


def _counted(traffic: Traffic, path: str, handler: Handler) -> Handler:
    async def endpoint(request: Request) -> Response:
        route = path if path is UNMATCHED else f"{request.method} {path}"
        traffic.received(route, request.scope["http_version"])
        try:
            response = await handler(request)
        except RefusalError as refusal:
            response = JSONResponse({"error": str(refusal)}, status_code=refusal.status)
        traffic.answered(route, response.status_code)
        return response

    return endpoint
