"""Main: how is the portal started, and how does it stop?

`lk-portal` checks what could make it unsafe or useless before it listens, then serves with one or several
processes on the same port. SIGTERM and SIGINT end it: what is in hand is answered, within 10 seconds.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import ipaddress
import logging
import os
import signal
import socket
import sqlite3
import ssl
import time
from pathlib import Path
from typing import Final, NoReturn

import click
import uvloop

from lk_sync import databases, logs, supervisor
from lk_sync.cache.reader import CacheReader
from lk_sync.commands.speech import Command
from lk_sync.config import Config, Portal
from lk_sync.errors import LkError, SettingsError
from lk_sync.reports import complain
from lk_sync.store.database import Store
from portal.app import make_app
from portal.connections import Door, allow_files, limits
from portal.memory import give_back
from portal.origin import Origin
from portal.server import Service, listener

# Without CBC suites; TLS 1.3 chooses its own.
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
RESTART_SECONDS: Final = 1

log: Final = logging.getLogger("portal")


@click.command(cls=Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("config"),
    envvar="LK_CONFIG",
    metavar="ПАПКА",
    help="Папка настроек (config): lk.yaml, letters/, legal/.",
)
@click.version_option(
    package_name="lk-sync", prog_name="lk-portal", message="%(prog)s %(version)s", help="Показать версию."
)
def main(folder: Path) -> None:
    """Личный кабинет абонента: сайт."""
    logs.configure()
    logs.through_structlog()
    serve(Config(folder))


def serve(config: Config) -> None:
    """Until a stop signal. Raises SettingsError for settings with which nobody should be served."""
    portal = config.lk.portal
    _refuse_open_doors(portal)
    tls = tls_context(portal)
    files = allow_files()
    bound = _bind(portal)
    _say_where(config, bound[0], files)
    if len(bound) == 1:
        _run(config, bound[0], tls, files)
    else:
        _Crew(config, bound, tls, files).work()


def tls_context(portal: Portal) -> ssl.SSLContext | None:
    if portal.tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(portal.tls.certificate, portal.tls.key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"portal.tls: сертификат {portal.tls.certificate} и ключ {portal.tls.key} не подходят ({error})"
        ) from error
    return context


def _refuse_open_doors(portal: Portal) -> None:
    """Passwords travel here: beyond this machine only over TLS, ours or a proxy's."""
    origin = Origin(portal)
    if not origin.secure and not _is_loopback(origin.hostname):
        raise SettingsError(
            f"portal.base_url: {portal.base_url} – адрес для абонентов должен начинаться с https:// "
            "(http:// годится только для 127.0.0.1)"
        )
    if not _is_loopback(portal.listen) and portal.tls is None and not portal.trusted_proxies:
        raise SettingsError(
            f"portal.listen: {portal.listen} виден из сети, а соединение не зашифровано; "
            "задайте portal.tls (сертификат и ключ) или portal.trusted_proxies (прокси, который снимает TLS)"
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bind(portal: Portal) -> list[socket.socket]:
    """A socket for each worker. Raises SettingsError when the port is taken."""
    try:
        first = listener(portal.listen, portal.port, shared=False)
        if portal.workers == 1:
            return [first]
        # Only now is it certain that no other program has the port; SO_REUSEPORT would share it silently.
        port = first.getsockname()[1]
        first.close()
        return [listener(portal.listen, port, shared=True) for _ in range(portal.workers)]
    except OSError as error:
        raise SettingsError(_why_not_bound(portal, error)) from error


def _why_not_bound(portal: Portal, error: OSError) -> str:
    where = f"{portal.listen}:{portal.port}"
    if error.errno == errno.EADDRINUSE:
        return f"порт занят другой программой: {where}. Остановите её или задайте другой portal.port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"нет права слушать {where}. Задайте portal.port больше 1023 или запустите с нужными правами"
    return f"слушать {where} нельзя: {error.strerror}. Проверьте portal.listen и portal.port"


def _say_where(config: Config, bound: socket.socket, files: int) -> None:
    host, port = bound.getsockname()[:2]
    log.info("личный кабинет занял %s:%s, адрес для абонентов %s", host, port, config.lk.portal.base_url)
    log.info("открытых файлов можно держать %s", files)
    if not databases.cache(config).is_begun():
        log.warning("данные ещё не загружены: запустите lk-sync pull")


def _run(config: Config, bound: socket.socket, tls: ssl.SSLContext | None, files: int) -> None:
    """One process: its own connections to the store and the cache, its own loop."""
    with bound:
        store, cache = _open(config)
        try:
            uvloop.run(_until_stopped(config, store, cache, bound, tls, files))
        finally:
            store.close()
            cache.close()


def _open(config: Config) -> tuple[Store, CacheReader]:
    """Raises SettingsError when either cannot be used."""
    store = databases.open_store(config)
    try:
        return store, databases.cache(config).reader()
    except sqlite3.Error as error:
        store.close()
        raise SettingsError(
            f"{config.lk.cache_path}: кэш не открывается ({error}); удалите его и выполните lk-sync pull --full"
        ) from error


async def _until_stopped(
    config: Config, store: Store, cache: CacheReader, bound: socket.socket, tls: ssl.SSLContext | None, files: int
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = make_app(config, store=store, cache=cache)
    service = Service(app, Door(limits(config.lk.portal, files=files)), tls)
    await service.start(bound)
    gc.collect()
    give_back()
    gc.freeze()  # templates, routes and catalogues live as long as the process: no collection looks at them again
    supervisor.tell("READY=1")
    log.info("готов отвечать")
    await stop.wait()
    log.info("останавливаемся, отвечаем на то, что уже пришло")
    await service.stop()


class _Crew:
    """Several processes on one port. One that dies is replaced; a stop signal goes to all of them."""

    def __init__(self, config: Config, bound: list[socket.socket], tls: ssl.SSLContext | None, files: int) -> None:
        self._config = config
        self._bound = bound
        self._tls = tls
        self._files = files
        self._posts: dict[int, socket.socket] = {}
        self._stopping = False

    def work(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for bound in self._bound:
            self._begin(bound)
        while self._posts:
            self._replace(*os.wait())

    def _begin(self, bound: socket.socket) -> None:
        child = os.fork()
        if child:
            self._posts[child] = bound
        else:
            self._work_and_leave(bound)

    def _work_and_leave(self, bound: socket.socket) -> NoReturn:
        code, self._posts = 1, {}  # the others are not this process's to stop
        try:
            for other in self._bound:
                if other is not bound:
                    other.close()
            _run(self._config, bound, self._tls, self._files)
            code = 0
        except LkError as error:
            complain(f"Ошибка: {error}")
            code = error.exit_code
        finally:
            logging.shutdown()
            os._exit(code)

    def _replace(self, child: int, status: int) -> None:
        bound = self._posts.pop(child)
        if self._stopping:
            return
        code = os.waitstatus_to_exitcode(status)
        if code > 1:  # wrong settings: the next one would fail just the same
            self._stop(signal.SIGTERM, None)
            return
        log.warning("процесс %s закончился (%s), начинаем новый", child, code)
        time.sleep(RESTART_SECONDS)
        self._begin(bound)

    def _stop(self, number: int, _: object) -> None:
        self._stopping = True
        for child in self._posts:
            os.kill(child, signal.SIGTERM)
