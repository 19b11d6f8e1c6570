"""Settings: where does the supplier publish its files, how do we prove who we are, and how much may come?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from yarl import URL

from connectors import tls
from connectors.tls import Trust
from lk_sync.contracts import Channel
from lk_sync.errors import SettingsError, Unprotected
from lk_sync.setting import Positive, Secret, Strict

_WAYS: Final = ("archive", "manifest", "files")


class HttpsSettings(Strict, frozen=True, kw_only=True):
    """`url`: what the other addresses start from. One of: `archive`, a ZIP whose members are the files; `manifest`, a
    list of files (JSON, or as `sha256sum` writes it); `files`, names of files that lie beside each other. `sidecar`:
    what lies beside a file or archive that is not in a manifest.

    At most one of `username` with `password`, and `token`. `silence_seconds`: how long the server may keep silent;
    `deadline_seconds`: how long one file may take in all. `tries`: how often an interrupted file is asked for again.
    """

    url: str
    archive: str | None = None
    manifest: str | None = None
    files: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...] = ()
    sidecar: Literal[".ok", ".sha256", ".md5"] | None = None
    username: Annotated[str, msgspec.Meta(pattern="^[^:]+$")] | None = None
    password: Secret | None = None
    token: Secret | None = None
    ca: Path | None = None
    public_ca: bool = False
    certificate: Path | None = None
    key: Path | None = None
    one_set: bool = True
    connect_seconds: Positive = 20
    silence_seconds: Positive = 60
    deadline_seconds: Positive = 3600
    tries: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5
    max_file_bytes: Positive = 4 * 1024**3
    max_members: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 2000

    @property
    def trust(self) -> Trust:
        return Trust(ca=self.ca, public_ca=self.public_ca, certificate=self.certificate, key=self.key)


def root(settings: HttpsSettings) -> URL:
    """The address that others start from. Raises Unprotected and SettingsError."""
    url = tls.address(settings.url)
    if url.query_string or url.fragment:
        raise SettingsError("connection.url: лишнее после «?» или «#»; нужен адрес папки: https://сервер/папка/")
    return url if url.path.endswith("/") else url.with_path(url.path + "/")


def within(settings: HttpsSettings, relative: str, key: str) -> URL:
    """An address below `url`, or another one of the same server. Raises as `same_server`."""
    base = root(settings)
    try:
        return same_server(base, base.join(URL(relative)), f"connection.{key}")
    except ValueError as error:
        raise SettingsError(f"connection.{key}: это не адрес") from error


def same_server(base: URL, url: URL, what: str) -> URL:
    """Raises Unprotected for an address of another server, or without TLS: who vouches for it has not been said."""
    if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port) or url.user or url.password:
        raise Unprotected(
            f"{what}: ведёт на {url.scheme}://{url.host}:{url.port}, а доверяем мы только https://{base.host}:{base.port}"
            "; ничего туда не отправлено. Укажите в connection.url тот сервер, на котором лежат файлы"
        )
    return url


def channel(settings: HttpsSettings) -> Channel:
    """What protects the way there. Raises Unprotected and SettingsError with nothing sent."""
    url = root(settings)
    tls.checked(settings.trust)
    _checked(settings)
    for key in _WAYS[:2]:
        if relative := getattr(settings, key):
            within(settings, relative, key)
    return Channel(peer=f"https://{url.host}:{url.port}{url.path}", protection=tls.protection(settings.trust))


def _checked(settings: HttpsSettings) -> None:
    if sum(bool(getattr(settings, key)) for key in _WAYS) != 1:
        raise SettingsError(f"connection: нужен ровно один из ключей {', '.join(_WAYS)}")
    if (settings.username is None) != (settings.password is None):
        raise SettingsError("connection: username и password указывают вместе")
    if settings.username is not None and settings.token is not None:
        raise SettingsError("connection: входят или по username и password, или по token; уберите одно")
    if settings.manifest is not None and settings.sidecar is not None:
        raise SettingsError("connection.sidecar: контрольные суммы файлов уже стоят в manifest; уберите")
