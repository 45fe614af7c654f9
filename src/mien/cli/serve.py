"""mien serve: start the recognition service. Parses, calls and says where it listens."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.terminal import OK, WRONG, err, fail, out
from mien.errors import MissingExtraError
from mien.settings import load_settings


def serve(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Where the service keeps its data.", show_default="the folder `service` in mien's home"),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8470,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    language: options.Language = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="A host name by which clients call the service; repeat for several.", show_default=False
        ),
    ] = None,
    proxies: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy", help="Address of a proxy in front that speaks HTTPS; repeat for several.", show_default=False
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Certificate file for HTTPS.", show_default=False)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", help="Key file of the certificate.", show_default=False)
    ] = None,
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            help="A folder or manifest that may be imported, or a list of pairs that may be compared, as NAME=PATH; "
            "repeat for several.",
            show_default=False,
        ),
    ] = None,
    keep_pairs: Annotated[
        float,
        typer.Option(
            "--keep-pairs", min=0, max=24 * 366, help="Hours for which decisions on lists of pairs are kept; 0: none."
        ),
    ] = 24.0,
    vectors: Annotated[
        str | None,
        typer.Option(
            "--vectors",
            help="The database that keeps the vectors of galleries that are made from now on: postgresql://HOST/NAME "
            "or milvus://HOST.",
            show_default="the gallery files",
        ),
    ] = None,
    camera_networks: Annotated[
        list[str] | None,
        typer.Option(
            "--camera-network",
            help="A network in which cameras may be, such as 10.0.0.0/24; repeat for several.",
            show_default=False,
        ),
    ] = None,
    webhook_networks: Annotated[
        list[str] | None,
        typer.Option(
            "--webhook-network",
            help="A network to which webhooks may send events, such as 10.0.0.8; repeat for several. 0.0.0.0/0 is "
            "the Internet, and no private network.",
            show_default=False,
        ),
    ] = None,
    self_signed: Annotated[
        bool, typer.Option("--self-signed", help="Make a certificate for HTTPS; browsers warn of it once.")
    ] = False,
    log_format: Annotated[
        str, typer.Option("--log-format", help="Of the log on standard error: text or json.")
    ] = "text",
    opentelemetry: Annotated[
        bool,
        typer.Option("--opentelemetry", help="Make spans of requests for OpenTelemetry, which is configured itself."),
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Enrol two sample portraits for a first look.")] = False,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            help="Processes that answer requests; each has the models in memory and its share of the cores.",
        ),
    ] = 1,
    administrator: Annotated[
        str | None,
        typer.Option(
            "--make-administrator",
            help="Make an administrator of this name, ask for the password, and start nothing.",
            show_default=False,
        ),
    ] = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Start the recognition service: web pages and an HTTP API on this machine.

    It listens until Ctrl-C. /v1/openapi.json describes all operations; docs/guide/service.md shows them at work.
    Without accounts it serves this machine alone. Other machines need an administrator and HTTPS.

    Examples:

      mien serve

      mien serve --demo

      mien serve /srv/mien --workers 4

      mien serve --make-administrator An

      mien serve /srv/mien --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
    """
    try:
        from mien.service.config import ServiceConfig
        from mien.service.logs import FORMATS, set_up_logs
        from mien.service.serving import make_administrator
        from mien.service.serving import serve as serve_until_stopped
    except ModuleNotFoundError as reason:
        raise MissingExtraError(f"the service needs the package {reason.name}: pip install 'mien[serve]'") from None
    from mien.models.store import home

    chosen = folder or home() / "service"
    if administrator is not None:
        make_administrator(chosen, administrator, _ask_password())
        out.print(f"'{administrator}' is an administrator now: sign in with this name")
        return OK
    form = next((one for one in FORMATS if one == log_format), None)
    if form is None:
        fail(f"--log-format is one of {', '.join(FORMATS)}, not '{log_format}'", WRONG)
    set_up_logs(form)
    settings = load_settings()
    config = ServiceConfig(
        folder=chosen,
        host=host,
        port=port,
        detector=options.detector(detector),
        recognizer=options.recognizer(recognizer),
        portrait_models=settings.portrait_model_names,
        options=options.engine_options(engine, precision),
        language=options.language(language),
        names=tuple(names or ()),
        proxies=tuple(proxies or ()),
        tls_cert=tls_cert,
        tls_key=tls_key,
        self_signed=self_signed,
        demo=demo,
        opentelemetry=opentelemetry,
        workers=workers,
        scope=settings.scope,
        identification_fmr=settings.identification_fmr,
        keep_pairs=keep_pairs,
        log_format=form,
        vectors=vectors,
        camera_networks=tuple(camera_networks or ()),
        webhook_networks=tuple(webhook_networks or ()),
        imports={name: Path(path) for name, path in options.named(imports, "--import", "NAME=PATH").items()},
    )
    err.print("mien: opening the models")
    serve_until_stopped(config, lambda address: out.print(f"mien listens on {address} (Ctrl-C stops it)"))
    return OK


def _ask_password() -> str:
    """The password of the new administrator: typed twice, or the first line of what is piped in."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password (10 characters or more)", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
