"""The dashboard as an ASGI application: pages rendered on the server, events that say when they changed.

Leaves to others: what pages say (`dashboard.views`), who may change something (`dashboard.access`), what is
read (`dashboard.sources`), changes themselves (`dashboard.actions`).
Always: text is escaped; nothing is loaded from elsewhere; what cannot be read is told on its page.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from smallcraft.dashboard.access import COOKIE, Access
from smallcraft.dashboard.actions import ACTIONS, Action
from smallcraft.dashboard.asked import Asked, Site
from smallcraft.dashboard.guarding import Guard
from smallcraft.dashboard.live import tell_changes, wait_for_change
from smallcraft.dashboard.pages import PAGES, Page
from smallcraft.dashboard.printing import pages_environment
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import NotFoundError, SmallcraftError

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

Endpoint: TypeAlias = "Callable[[Request], Awaitable[Response]]"

_STATIC = Path(__file__).with_name("static")
_MOST_FORM_BYTES = 1 << 20
_LONGEST_WAIT_S = 20.0
_LONGEST_PREPARE_S = 2.0
_SAMPLE_S = 2.0


def make_app(
    project: Path,
    *,
    token: str | None = None,
    state: Path | None = None,
    hosts: tuple[str, ...] = (),
    must_sign_in: bool = False,
    polls: bool = False,
) -> Starlette:
    """The pages of a project.

    Args:
        project: The folder of `smallcraft.toml`, or the file.
        token: Whoever shows it may change something; None for pages that are read-only.
        state: Folder of the server's state; None for the usual one.
        hosts: Names that this server goes by, beside those of the loopback.
        must_sign_in: Whether reading needs the token too.
        polls: Whether what is in front passes whole replies alone, so that browsers ask instead of listening.
    """
    access = Access(token, must_sign_in=must_sign_in, hosts=hosts)
    desk = Desk(Sources(project, state=state), access, pages_environment(), polls=polls)
    routes = [
        *(Route(page.path, desk.show(page), name=page.template) for page in PAGES),
        *(Route(action.path, desk.act(action), methods=["POST"]) for action in ACTIONS),
        Route("/changes", desk.changes),
        Route("/sign-in", desk.sign_in, methods=["GET", "POST"]),
        Route("/report", desk.report),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    app = Starlette(
        routes=routes, middleware=[Middleware(Guard, access=access)], lifespan=lambda _: keep_ready(desk)
    )
    app.state.desk = desk
    return app


@dataclass(frozen=True)
class Desk:
    """What answers each address.

    Attributes:
        sources: The project.
        access: Who may change something.
        environment: The templates.
        polls: As `make_app` has it.
        is_ending: Set when the server ends, so that nobody is kept waiting.
    """

    sources: Sources
    access: Access
    environment: Environment
    polls: bool = False
    is_ending: threading.Event = field(default_factory=threading.Event)

    def show(self, page: Page) -> Endpoint:
        """An endpoint that renders a page."""

        async def endpoint(request: Request) -> Response:
            asked = Asked(dict(request.path_params), dict(request.query_params))
            return await run_in_threadpool(self._render, page, asked, request)

        return endpoint

    def act(self, action: Action) -> Endpoint:
        """An endpoint that changes something, then leads back to a page."""

        async def endpoint(request: Request) -> Response:
            form = await _read_form(request)
            refusal = self.access.refusal(request.headers, request.cookies, form)
            if refusal:
                return PlainTextResponse(refusal + "\n", status_code=403)
            asked = Asked(dict(request.path_params), form)
            try:
                leads_to = await run_in_threadpool(action.do, self.sources, asked)
            except SmallcraftError as error:
                return PlainTextResponse(f"{error}\n", status_code=409)
            return RedirectResponse(_root(request) + leads_to, status_code=303)

        return endpoint

    async def changes(self, request: Request) -> Response:
        """A stream of events about one page; with `poll=1` one answer in JSON."""
        path, known = request.query_params.get("page", "/"), request.query_params.get("known", "")
        page = _page_at(path)
        if page is None:
            return PlainTextResponse(f"there is no page {path[:80]!r}\n", status_code=404)

        async def stamp() -> str:
            return await run_in_threadpool(self._stamp, page)

        async def is_gone() -> bool:
            return self.is_ending.is_set() or await request.is_disconnected()

        if request.query_params.get("poll"):
            within_s = 0.0 if self.polls else _LONGEST_WAIT_S
            now = await wait_for_change(stamp, known, is_gone=is_gone, within_s=within_s)
            return JSONResponse({"changed": now != known, "stamp": now})
        stream = tell_changes(stamp, known, is_gone=is_gone)
        return StreamingResponse(stream, media_type="text/event-stream")

    async def sign_in(self, request: Request) -> Response:
        """Shows the token; the cookie that comes of it lasts as long as the server."""
        shown = request.query_params.get("token", "")
        if request.method == "POST":
            shown = (await _read_form(request)).get("token", "")
        if self.access.is_token(shown):
            answer = RedirectResponse(f"{_root(request)}/", status_code=303)
            answer.set_cookie(
                COOKIE, self.access.cookie, httponly=True, samesite="strict", path=f"{_root(request)}/"
            )
            return answer
        site = self._site(request, None)
        told = "that is not the token; it was printed when these pages were started" if shown else ""
        text = self.environment.get_template("sign-in.html.jinja").render(site=site, pages=PAGES, told=told)
        return HTMLResponse(text, status_code=403 if shown else 200)

    async def report(self, request: Request) -> Response:
        """The report of the last build, as the build wrote it."""
        del request
        path = self.sources.workspace.report
        if not path.is_file():
            return PlainTextResponse("no build has written a report yet; run `smallcraft build`\n", 404)
        return HTMLResponse(await run_in_threadpool(path.read_text, "utf-8"))

    def _site(self, request: Request, page: Page | None) -> Site:
        is_signed_in = self.access.is_signed_in(request.cookies)
        root = _root(request)
        return Site(
            project=self.sources.name(),
            root=root,
            path=request.url.path.removeprefix(root) or "/",
            may_write=is_signed_in,
            has_token=self.access.token is not None,
            csrf=self.access.csrf if is_signed_in else "",
            nonce="" if page is None else self._stamp(page),
            polls=self.polls,
        )

    def _stamp(self, page: Page) -> str:
        """Of what a page shows; empty where a file goes meanwhile, so that it is asked again."""
        try:
            return page.stamp(self.sources)
        except OSError:
            return ""

    def prepare(self) -> None:
        """Load and read what the first question needs, so that it need not wait for it."""
        for page in PAGES:
            if self.is_ending.is_set():
                return
            self.environment.get_template(page.template)  # compiles it
            if "{" not in page.path:
                # A file may go while it is read; who asks is told.
                with suppress(SmallcraftError, OSError):
                    page.stamp(self.sources)
                    page.read(self.sources, Asked())

    def _render(self, page: Page, asked: Asked, request: Request) -> Response:
        site, status = self._site(request, page), 200  # its stamp is older than what is read next
        try:
            view, problem = page.read(self.sources, asked), ""
        except NotFoundError as error:
            view, problem, status = None, str(error), 404
        except SmallcraftError as error:
            view, problem, status = None, str(error), 500
        except OSError as error:
            view, status = None, 500
            problem = f"a file of the project went, or could not be read ({error}); load this page again"
        name = page.template if view is not None else "problem.html.jinja"
        text = self.environment.get_template(name).render(
            site=site, page=page, pages=PAGES, view=view, asked=asked, problem=problem
        )
        return HTMLResponse(text, status_code=status)


@asynccontextmanager
async def keep_ready(desk: Desk) -> AsyncIterator[None]:
    """While the server runs: what pages need is read ahead, and the running server is asked now and then."""
    thread = threading.Thread(target=_beside, args=(desk,), name="dashboard-beside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        desk.is_ending.set()
        await run_in_threadpool(thread.join, _LONGEST_PREPARE_S)


def _beside(desk: Desk) -> None:
    desk.prepare()
    while not desk.is_ending.wait(_SAMPLE_S):
        with suppress(SmallcraftError, OSError):
            desk.sources.sample()


def _page_at(path: str) -> Page | None:
    """The page at an address, found as the router finds it."""
    from starlette.routing import compile_path

    for page in PAGES:
        if compile_path(page.path)[0].match(path):
            return page
    return None


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")


async def _read_form(request: Request) -> Mapping[str, str]:
    """Fields of a form that a browser sent, by name."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_FORM_BYTES:
            return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
