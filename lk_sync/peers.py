"""Peers: can the sources and sinks that the settings name be used, and what protects the way to them?"""

from __future__ import annotations

from lk_sync import mapping, registry
from lk_sync.config import Config
from lk_sync.contracts import Channel, Sink, Source, Wanted
from lk_sync.flow import layout


def source(config: Config, name: str) -> tuple[Source, list[Wanted]]:
    """The source and its wishes. Raises SettingsError and Unprotected with nothing sent."""
    setting, file = config.sources[name], config.folder / "sources" / f"{name}.yaml"
    wanted = mapping.all_wanted(file, setting)
    built = registry.source(setting.source, setting.connection, file)
    registry.check_options(built, wanted, file)
    built.channel()
    return built, wanted


def sink(config: Config, name: str) -> Sink:
    """The sink. Raises SettingsError and Unprotected with nothing sent."""
    setting, file = config.sinks[name], config.folder / "sinks" / f"{name}.yaml"
    built = registry.sink(setting.sink, setting.connection, file)
    layout.all_checked(setting.exports.by_kind)
    built.channel()
    return built


def look_at_source(config: Config, name: str, *, connect: bool) -> str:
    """What an operator wants to know of the source; `connect`: also that it answers and has the columns."""
    built, wanted = source(config, name)
    if connect:
        with built.connect() as session:
            for asked in (each for wish in wanted for each in wish.looked_at):
                session.columns(asked)
    return _said(built.channel(), "соединение установлено, столбцы на месте" if connect else f"наборов: {len(wanted)}")


def look_at_sink(config: Config, name: str, *, connect: bool) -> str:
    """As `look_at_source`; `connect`: also that files could be laid there."""
    built = sink(config, name)
    if connect:
        built.probe()
    return _said(built.channel(), "соединение установлено, папки на месте" if connect else "")


def _said(channel: Channel, done: str) -> str:
    return "; ".join(filter(None, (f"{channel.peer} — {channel.protection}", done)))
