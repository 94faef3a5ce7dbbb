"""A session: the requests and the cookies of one simulated user."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

from acurl._engine import lib
from acurl.cookies import Cookie, Jar, cookie_dict, session_cookie_for_url
from acurl.driver import NULL, Driver, Finished
from acurl.errors import (
    AcurlError,
    EngineClosed,
    ProtocolError,
    RequestError,
    TooManyRedirects,
)
from acurl.failure import failure
from acurl.profile import HttpVersion, Settings
from acurl.request import Data, Headers, Request, build_request, kept_plain_get, plain_get
from acurl.response import COOKIE_LEN, REDIRECT_LEN, _Response, part, unpack_record
from acurl.timeouts import SESSION_TIMEOUT, Timeout, as_timeout
from acurl.urls import without_password

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from acurl.wrapper import CurlWrapper, RequestOptions

Reply = Coroutine[Any, Any, _Response]

_submit = lib.acurl_submit
_FAILED: int = lib.ACURL_FLAG_FAILED
_REDIRECT: int = lib.ACURL_FLAG_REDIRECT
_COOKIES: int = lib.ACURL_FLAG_COOKIES


async def _refused(error: Exception) -> _Response:
    raise error


def _no_http(request: Request) -> NoReturn:
    raise RequestError(
        f"url {without_password(request.url)!r}: http_version='2' is negotiated by TLS; "
        "for http:// use '2-prior-knowledge'"
    )


class Session:
    """Sends requests for one user. Made by `CurlWrapper.session()`; cheap, so one per journey.

    Connections are shared with the other sessions of the wrapper; each has cookies of its own.
    """

    __slots__ = (
        "__weakref__",
        "_driver",
        "_jar",
        "_settings",
        "_wrapper",
        "error_callback",
        "response_callback",
    )

    def __init__(self, wrapper: CurlWrapper, driver: Driver, settings: Settings) -> None:
        self._wrapper = wrapper
        self._driver: Driver | None = driver
        self._settings = settings
        self._jar: Jar | None = None
        self.response_callback: Callable[[_Response], Any] | None = None
        self.error_callback: Callable[[AcurlError], Any] | None = None

    def __repr__(self) -> str:
        state = "closed" if self._driver is None else self._settings.options.http_version
        return f"<Session {state} cookies={'yes' if self._jar else 'no'}>"

    def get(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """GET. See `request` for the options."""
        if options:
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
        headers: Headers | None = None,
        cookies: Mapping[str, str | Cookie] | None = None,
        auth: tuple[str, str] | None = None,
        data: Data | None = None,
        json: Any = None,
        cert: tuple[str, str] | None = None,
        timeout: Timeout | float | None = SESSION_TIMEOUT,
        verify: bool | str | None = None,
        http_version: HttpVersion | None = None,
        allow_redirects: bool = True,
        max_redirects: int = 5,
    ) -> Reply:
        """Send one request; awaiting gives the response, redirects followed.

        `data` is bytes, str or a dict (sent as a form), `json` anything that JSON can carry,
        `auth` (user, password), `cert` (key file, certificate file), `timeout` seconds or a
        Timeout. `cookies` stay in the session. Options not given are the session's.

        Raises RequestError for what is refused before sending, TooManyRedirects, and the other
        errors of `acurl.errors` for what fails; cancelling the awaiting task ends the transfer.
        """
        try:
            if type(max_redirects) is not int or max_redirects < 0:
                raise RequestError(f"max_redirects={max_redirects!r}: must be a whole number")
            request = build_request(method, url, headers, cookies, auth, data, json, cert)
            self._specialise(request, timeout, verify, http_version)
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
        return Session(self._wrapper, self._driver, self._settings)

    def close(self) -> None:
        """Give up cookies and engine; later requests raise EngineClosed. Harmless twice."""
        self._driver = None
        self._jar = None

    async def _follow(self, request: Request, redirects_left: int) -> _Response:
        """Send the request and, unless `redirects_left` is below zero, follow redirects."""
        while True:
            driver = self._driver
            if driver is None:
                raise EngineClosed("the session is closed")
            settings = request.settings or self._settings
            jar = self._jar
            slot = _submit(
                driver.engine,
                settings.https if request.is_https else settings.http or _no_http(request),
                NULL if jar is None else jar.pointer,
                request.wire_method,
                request.wire_url,
                request.wire_headers,
                request.wire_headers_len,
                request.body,
                request.body_len,
                settings.total_us,
                NULL,
            )
            future = driver.adopt(slot)
            try:
                result = await future
            except BaseException:
                driver.abandon(slot, future)
                raise
            target = None
            if isinstance(result, bytes):
                response = _Response(result, request, jar)
            else:
                response, target = self._settle(result, request)
            if self.response_callback is not None:
                self.response_callback(response)
            if target is None or redirects_left < 0:
                return response
            redirects_left -= 1
            if redirects_left < 0:
                shown = without_password(target)
                raise TooManyRedirects(f"too many redirects, the last one to {shown}")
            try:
                request = request.redirected(response, target)
            except RequestError as error:
                raise ProtocolError(f"the server redirects to no URL: {error}") from error

    def _settle(self, result: Finished, request: Request) -> tuple[_Response, str | None]:
        """The response and the redirect's target of what left the plain path; raises failures."""
        flags, record, held = result
        if flags & _COOKIES:
            self._keep_cookies(part(record, unpack_record(record), COOKIE_LEN))
        if flags & _FAILED:
            error = failure(record, request if self._jar is None else request.with_jar(self._jar))
            try:
                if self.error_callback is not None:
                    self.error_callback(error)
                raise error
            finally:
                del error  # or it and this frame would refer to each other
        response = _Response(record, request, self._jar, held)
        target = None
        if flags & _REDIRECT:
            target = part(record, unpack_record(record), REDIRECT_LEN).decode(errors="replace")
        return response, target

    def _open_jar(self) -> Jar:
        if self._jar is None:
            if self._driver is None:
                raise EngineClosed("the session is closed")
            self._jar = Jar(self._driver)
        return self._jar

    def _keep_cookies(self, lines: bytes) -> None:
        if self._driver is not None:
            jar = self._open_jar()
            for line in lines.splitlines():
                jar.add(line)

    def _add_cookies(self, url: str, cookies: Mapping[str, str | Cookie]) -> None:
        for name, value in cookies.items():
            cookie = session_cookie_for_url(url, name, value)
            self._open_jar().add(cookie.format())

    def _specialise(
        self,
        request: Request,
        timeout: Timeout | float | None,
        verify: bool | str | None,
        http_version: HttpVersion | None,
    ) -> None:
        """Give the request its own settings where its options differ from the session's."""
        changes: dict[str, Any] = {}
        if timeout is not SESSION_TIMEOUT:
            changes.update(asdict(as_timeout(timeout)))
        if verify is not None:
            changes["verify"] = verify
        if http_version is not None:
            changes["http_version"] = http_version
        if request.cert is not None:
            changes["cert"] = request.cert
        if changes:
            options = self._settings.options.with_changes(**changes)
            request.settings = self._wrapper.settings(options)
