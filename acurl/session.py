"""A session: the requests and the cookies of one simulated user."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from acurl._engine import lib
from acurl.cookies import (
    Cookie,
    cookie_dict,
    read_cookie_file,
    session_cookie_for_url,
    write_cookie_file,
)
from acurl.defaults import Defaults
from acurl.driver import NULL, Driver, refusal
from acurl.errors import (
    AcurlError,
    EngineClosed,
    ProtocolError,
    RequestError,
    TooManyRedirects,
)
from acurl.failure import failure
from acurl.jar import Jar
from acurl.options import ConnectionOptions
from acurl.profile import Settings
from acurl.record import Finished
from acurl.request import Headers, Request, build_request, kept_plain_get, plain_get
from acurl.response import CODE, COOKIE_LEN, _Response, part, unpack_record
from acurl.stream import StreamedResponse
from acurl.urls import redirect_url, without_password
from acurl.values import check_choice, count

if TYPE_CHECKING:
    from typing import Unpack

    from acurl.auth import Auth
    from acurl.body import Data
    from acurl.exchange import Exchange
    from acurl.form import Files
    from acurl.urls import Params
    from acurl.wrapper import CurlWrapper, RequestOptions

Reply = Coroutine[Any, Any, _Response]

_submit = lib.acurl_submit
_FAILED: int = lib.ACURL_FLAG_FAILED
_REDIRECT: int = lib.ACURL_FLAG_REDIRECT
_COOKIES: int = lib.ACURL_FLAG_COOKIES
_HEAD: int = lib.ACURL_FLAG_HEAD
_MUST_REWIND = 65  # libcurl's: a body that it cannot send again by itself


async def _refused(error: Exception) -> _Response:
    raise error


def _no_http(request: Request, settings: Settings) -> NoReturn:
    version = settings.options.http_version
    raise RequestError(
        f"url {without_password(request.url)!r}: http_version={version!r} needs https://"
        + ("; for http:// use '2-prior-knowledge'" if version == "2" else "")
    )


class Session:
    """Sends requests for one user. Made by `CurlWrapper.session()`; cheap, so one per journey.

    Connections are shared with the other sessions of the wrapper; each has cookies of its own.
    """

    __slots__ = (
        "__weakref__",
        "_defaults",
        "_driver",
        "_jar",
        "_lane",
        "_settings",
        "_wrapper",
        "error_callback",
        "response_callback",
    )

    def __init__(
        self,
        wrapper: CurlWrapper,
        driver: Driver,
        settings: Settings,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self._wrapper = wrapper
        self._driver: Driver | None = driver
        self._settings = settings
        self._lane = wrapper.lane(settings.lanes) if settings.lanes else 0
        self._defaults = None if defaults is None else Defaults(**defaults)
        self._jar = Jar(driver, owns_connections=True) if settings.private else None
        self.response_callback: Callable[[_Response], Any] | None = None
        self.error_callback: Callable[[AcurlError], Any] | None = None

    def __repr__(self) -> str:
        state = "closed" if self._driver is None else self._settings.options.http_version
        return f"<Session {state} cookies={'yes' if self._jar else 'no'}>"

    def get(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """GET. See `request` for the options."""
        if options or self._defaults is not None:
            return self.request("GET", url, **options)
        try:
            request = kept_plain_get(url)
        except TypeError:  # not even a key of a dict
            request = None
        if request is None:
            try:
                request = plain_get(url)
            except RequestError as error:
                return _refused(error)
        return self._follow(request, 5)

    def head(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """HEAD. See `request` for the options."""
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """OPTIONS. See `request` for the options."""
        return self.request("OPTIONS", url, **options)

    def post(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """POST. See `request` for the options."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """PUT. See `request` for the options."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """PATCH. See `request` for the options."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """DELETE. See `request` for the options."""
        return self.request("DELETE", url, **options)

    def request(
        self,
        method: str | bytes,
        url: str,
        *,
        params: Params | None = None,
        headers: Headers | None = None,
        cookies: Mapping[str, str | Cookie] | None = None,
        auth: Auth | None = None,
        data: Data | None = None,
        json: Any = None,
        files: Files | None = None,
        stream: bool = False,
        allow_redirects: bool = True,
        max_redirects: int = 5,
        **options: Unpack[ConnectionOptions],
    ) -> Reply:
        """Send one request; awaiting gives the response, redirects followed.

        `params` go into the URL's query. `data` is bytes, str, a dict (sent as a form), a binary
        file, a Path, an iterator of bytes, plain or async, or a function that makes one (these
        are sent piece by piece); `json` anything that JSON can carry; `files` make it multipart.
        `auth` is (user, password), Digest or Bearer. `cookies` stay in the session. With `stream`
        the response comes with its head, and `response.stream()` gives the body. Other options
        are those of ConnectionOptions; what is not given is the session's.

        Raises RequestError for what is refused before sending, TooManyRedirects, and the other
        errors of `acurl.errors` for what fails; cancelling the awaiting task ends the transfer.
        """
        try:
            count("max_redirects", max_redirects, 0)
            check_choice("allow_redirects", allow_redirects, (True, False))
            if self._defaults is not None:
                url, headers, cookies, auth = self._defaults.merged(url, headers, cookies, auth)
            cert = options.get("cert")
            request = build_request(
                method, url, headers, cookies, auth, data, json, cert,
                params=params, files=files, stream=stream,
            )  # fmt: skip
            if options:
                request.settings = self._wrapper.specialised(self._settings, options)
            if cookies:
                self._add_cookies(url, cookies)
        except (AcurlError, MemoryError) as error:
            return _refused(error)
        return self._follow(request, max_redirects if allow_redirects else -1)

    def cookies(self) -> dict[str, str]:
        """Name to value of all cookies the session holds."""
        return cookie_dict(self._jar.lines()) if self._jar else {}

    def erase_all_cookies(self) -> None:
        """Forget all cookies."""
        if self._jar:
            self._jar.clear()

    def load_cookies(self, path: str | os.PathLike[str]) -> None:
        """Add the cookies of a Netscape file, such as curl and browsers' extensions write.

        Raises RequestError for a line that is no cookie, OSError for a file that cannot be read.
        """
        for cookie in read_cookie_file(path):
            self._open_jar().add(cookie.format())

    def save_cookies(self, path: str | os.PathLike[str]) -> None:
        """Write all cookies to a Netscape file that only its owner can read."""
        write_cookie_file(path, self._jar.lines() if self._jar else [])

    def set_response_callback(self, callback: Callable[[_Response], Any] | None) -> None:
        """Have `callback(response)` called for each answer, those of redirects included."""
        self.response_callback = callback

    def set_error_callback(self, callback: Callable[[AcurlError], Any] | None) -> None:
        """Have `callback(error)` called for each transfer that fails, before it is raised."""
        self.error_callback = callback

    def twin(self) -> Session:
        """Another user with the same options: no cookies, no callbacks. Cheaper than a new one."""
        if self._driver is None:
            raise EngineClosed("the session is closed")
        twin = Session(self._wrapper, self._driver, self._settings)
        twin._defaults = self._defaults
        return twin

    def close(self) -> None:
        """Give up cookies, connections of its own and engine. Harmless twice.

        Later requests raise EngineClosed.
        """
        if self._jar is not None and self._settings.private:
            self._jar.freeze()  # a response may hold it, but must not hold connections
        self._driver = None
        self._jar = None

    async def _follow(self, request: Request, max_redirects: int) -> _Response:
        """Send the request and, unless `max_redirects` is below zero, follow redirects."""
        while True:
            driver = self._driver
            if driver is None:
                raise EngineClosed("the session is closed")
            settings = request.settings or self._settings
            jar = self._jar
            slot = _submit(
                driver.engine,
                settings.https
                if request.is_https
                else settings.http or _no_http(request, settings),
                NULL if jar is None else jar.pointer,
                self._lane,
                request.wire_method,
                request.wire_url,
                request.wire_headers,
                request.wire_headers_len,
                request.body,
                request.body_len,
                settings.total_us,
                request.extras,
            )
            if slot < 0:
                raise self._refusal(slot, settings)
            exchange = None
            if request.extras is NULL or not request.has_exchange:
                future = driver.adopt(slot)
            else:
                exchange = driver.adopt_exchange(slot, request.source)
                future = exchange.head
            try:
                result = await future
            except BaseException:
                driver.abandon(slot, future)
                del future, exchange  # or the error and this frame would refer to each other
                raise
            if isinstance(result, bytes):
                response = _Response(result, request, jar)
                if self.response_callback is not None:
                    self.response_callback(response)
                return response
            outcome = self._settle(result, request, exchange, max_redirects)
            if not isinstance(outcome, Request):
                return outcome
            request = outcome

    def _refusal(self, result: int, settings: Settings) -> Exception:
        """The error for a submission that the engine did not take."""
        option = lib.acurl_refused_option(self._driver.engine) if self._driver else 0
        if result == lib.ACURL_EARGUMENT and option:
            return settings.refusal(option)
        return refusal(result)

    def _may_restart(self, result: Finished, request: Request) -> bool:
        """Whether libcurl needs a streamed body again which only its source can give. Counts it."""
        source, driver = request.source, self._driver
        if source is None or driver is None or not result.flags & _FAILED:
            return False
        if unpack_record(result.record)[CODE] != _MUST_REWIND or not source.can_restart:
            return False
        if request.restarts >= driver.max_retries:
            return False
        request.restarts += 1
        return True

    def _streamed(self, head: Finished, request: Request, exchange: Exchange) -> StreamedResponse:
        """The response whose head is there; what its end brings is told to the callbacks."""
        if head.flags & _COOKIES:
            self._keep_cookies(head.record)
        response = self._stream_of(head.record, request, exchange)
        alive = weakref.ref(response)

        def on_end(final: Finished) -> None:
            seen = alive()
            if seen is not None:
                seen.complete(final.record, final.held)
            # The cookies came with the head; other requests may have set newer ones since.
            ended = self._finished(final._replace(flags=final.flags & ~_COOKIES), request)
            if self.response_callback is not None:
                self.response_callback(seen or ended)

        exchange.attach(on_end)
        return response

    def _stream_of(self, record: bytes, request: Request, exchange: Exchange) -> StreamedResponse:
        settings = request.settings or self._settings
        most = settings.options.max_response_size or exchange.max_response_size
        return StreamedResponse(record, request, self._jar, exchange, most)

    def _settle(
        self, result: Finished, request: Request, exchange: Exchange | None, max_redirects: int
    ) -> _Response | Request:
        """The response, or the request to send next, of what left the plain path."""
        if exchange is not None and result.flags & _HEAD:
            return self._streamed(result, request, exchange)
        if self._may_restart(result, request):
            return request
        response = self._finished(result, request)
        goes_on = result.flags & _REDIRECT and max_redirects >= 0
        if exchange is not None and request.streams and not goes_on:
            exchange.final = result
            response = self._stream_of(result.record, request, exchange)
            response.complete(result.record, result.held)
        if self.response_callback is not None:
            self.response_callback(response)
        if not goes_on:
            return response
        target = redirect_url(response.redirect_url or "")
        if len(request.history) >= max_redirects:
            shown = without_password(target)
            too_many = TooManyRedirects(f"too many redirects, the last one to {shown}")
            too_many.request = request
            raise too_many
        try:
            return request.redirected(response, target)
        except RequestError as error:
            nowhere = ProtocolError(f"the server redirects to no URL: {error}")
            nowhere.request = request
            raise nowhere from error

    def _finished(self, result: Finished, request: Request) -> _Response:
        """The response of a last record; raises failures."""
        flags, record, held = result
        if flags & _COOKIES:
            self._keep_cookies(record)
        if flags & _FAILED:
            error = failure(record, request if self._jar is None else request.with_jar(self._jar))
            try:
                if self.error_callback is not None:
                    self.error_callback(error)
                raise error
            finally:
                del error  # or it and this frame would refer to each other
        return _Response(record, request, self._jar, held)

    def _open_jar(self) -> Jar:
        if self._jar is None:
            if self._driver is None:
                raise EngineClosed("the session is closed")
            self._jar = Jar(self._driver)
        return self._jar

    def _keep_cookies(self, record: bytes) -> None:
        if self._driver is not None:
            jar = self._open_jar()
            for line in part(record, unpack_record(record), COOKIE_LEN).splitlines():
                jar.add(line)

    def _add_cookies(self, url: str, cookies: Mapping[str, str | Cookie]) -> None:
        for name, value in cookies.items():
            cookie = session_cookie_for_url(url, name, value)
            self._open_jar().add(cookie.format())
