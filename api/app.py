"""The HTTP application: stateless, any number of processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Response
from starlette.middleware.cors import CORSMiddleware

from api import health, openapi, problems
from api.answers import KeptAnswers
from api.catalog.routes import router as catalog
from api.catalog.stream_routes import router as catalog_stream
from api.errors import RouteNotFound
from api.explorer.routes import router as explorer
from api.graphql.routes import router as graphql
from api.identity.routes import router as identity
from api.ingestion.routes import UPLOAD_PATH
from api.ingestion.routes import router as ingestion
from api.middleware import BodyLimit, HeadAsGet, RequestContext
from api.problems import ContractError, ProblemType
from api.resources import open_resources
from api.rights.ancestry_routes import router as ancestry
from api.rights.routes import router as rights
from stemma.settings import Settings

_DESCRIPTION = """
A song goes in; six stems, their rights and their money come out.

Every error is an RFC 9457 problem document with a stable `code`; `GET /problems` lists all of them. Every read of the
catalog says how true it is: `asOf {chainId, block, hash, finality}`.
"""
_EXPOSED_HEADERS = ["ETag", "Location", "X-Request-Id", "Stemma-As-Of", "Content-Range", "Accept-Ranges", "Retry-After"]

problem_routes = APIRouter(tags=["problems"])


@problem_routes.get("/problems", operation_id="listProblems", summary="All error codes")
async def list_problems(response: Response) -> list[ProblemType]:
    """Return every code that this API answers with."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    return list(problems.registry().values())


@problem_routes.get("/problems/contracts", operation_id="listContractErrors", summary="All errors of the contracts")
async def list_contract_errors(response: Response) -> list[ContractError]:
    """Return what the contracts revert with, by the first four bytes of the revert data."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    return list(problems.contract_errors())


@problem_routes.get(
    "/problems/{code}",
    operation_id="getProblem",
    summary="One error code",
    responses=problems.documented(RouteNotFound),
)
async def get_problem(code: str, response: Response) -> ProblemType:
    """Return what a code means; the `type` of a problem document leads here."""
    known = problems.registry().get(code)
    if known is None:
        raise RouteNotFound(f"there is no error code {code!r}")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return known


def create_app(settings: Settings) -> FastAPI:
    """Return the application; it opens its connections when it starts and closes them when it stops.

    Raises, at start:
        ValueError: a setting that the API needs is missing.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(settings) as resources:
            app.state.resources = resources
            yield

    app = FastAPI(
        title="Stemma",
        summary="Stems, their rights and their money",
        description=_DESCRIPTION,
        version=version("stemma"),
        license_info={"name": "MIT", "identifier": "MIT"},
        lifespan=lifespan,
        docs_url=None,  # a page would have to load its script from somebody else's server
        redoc_url=None,
    )
    for router in (
        identity,
        ingestion,
        catalog_stream,
        catalog,
        rights,
        ancestry,
        graphql,
        explorer,
        problem_routes,
        health.router,
    ):
        app.include_router(router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BodyLimit, exempt=UPLOAD_PATH)
    app.add_middleware(KeptAnswers)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestContext)
    app.add_middleware(  # the outermost, so that a browser may read the problems of the other two as well
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "Range", "X-Request-Id"],
        expose_headers=_EXPOSED_HEADERS,
        max_age=3600,
    )
    return app
