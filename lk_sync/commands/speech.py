"""Speech: how does a command line speak to the person who types it?

In Russian: help, wrong usage and faults alike. A fault that a person can mend ends with its sentence and its exit
code, never with a traceback.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Final, NoReturn

import click

from lk_sync.errors import LkError
from lk_sync.reports import complain, say
from lk_sync.settings_fault import hint

USAGE: Final = 2
INTERRUPTED: Final = 130


class Command(click.Command):
    """A command with its help in Russian."""

    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **{"options_metavar": "[КЛЮЧИ]"} | extra)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix="Вызов: ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = (parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option))
        records = [option.get_help_record(ctx) for option in options]
        with formatter.section("Ключи"):
            formatter.write_dl([record for record in records if record is not None])

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "Показать эту справку."
        return option

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """The whole program; ends the process with the number that the command returned."""
        code = self._walk(*args, **{**extra, "standalone_mode": False})
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _say_no_more()
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # caught here, for click would end with code 1
            _say_no_more()

    def _walk(self, *args: Any, **extra: Any) -> int:
        try:
            return super().main(*args, **extra) or 0
        except click.exceptions.NoArgsIsHelpError as error:
            say(error.format_message())
            return USAGE
        except click.UsageError as error:
            complain(f"Ошибка: {told(error)}")
            return USAGE
        except click.Abort:
            complain("Прервано.")
            return INTERRUPTED
        except LkError as error:
            complain(f"Ошибка: {error}")
            return error.exit_code


class Commands(Command, click.Group):
    """A command of commands."""

    command_class = Command

    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **{"subcommand_metavar": "КОМАНДА [ЧТО]…"} | extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        Command.format_options(self, ctx, formatter)
        commands = [(name, self.commands[name].get_short_help_str(80)) for name in self.list_commands(ctx)]
        with formatter.section("Команды"):
            formatter.write_dl(commands)


class Noun(Commands):
    """A command of commands that does its `usual` one when none of them is named: `runs`, `runs show 7`."""

    def __init__(self, *args: Any, usual: click.Command, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.add_command(usual, "list")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        chosen = args and (args[0] in self.commands or args[0] in self.get_help_option_names(ctx))
        return super().parse_args(ctx, args if chosen else ["list", *args])


def _say_no_more() -> None:
    """Whoever read our output has seen enough: what is left of it goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def told(error: click.UsageError) -> str:
    """What is wrong with the words that were typed."""
    match error:
        case click.NoSuchOption():
            return f"нет ключа {error.option_name}{_near(error.possibilities)}"
        case click.exceptions.NoSuchCommand():
            known = error.ctx.command.commands if error.ctx and isinstance(error.ctx.command, click.Group) else ()
            return f"нет команды «{error.command_name}»{hint(error.command_name, known)}"
        case click.BadOptionUsage():
            return f"ключу {error.option_name} нужно значение"
        case click.MissingParameter():
            return f"не указано: {_name(error.param)}"
        case click.BadParameter():
            return f"{_name(error.param)}: {_wanted(error)}"
    if extra := re.search(r"extra arguments? \((.*)\)", error.message):
        return f"лишнее: {extra[1]}"
    return error.format_message()


def _near(possibilities: list[str] | None) -> str:
    return f"; может быть, {possibilities[0]}?" if possibilities else ""


def _name(parameter: click.Parameter | None) -> str:
    if isinstance(parameter, click.Option):
        return parameter.opts[-1]
    return parameter.human_readable_name.strip("[]…") if parameter else "?"


def _wanted(error: click.BadParameter) -> str:
    match error.param and error.param.type:
        case click.IntRange() as kind:
            return f"нужно целое число от {kind.min} до {kind.max}"
        case click.types.IntParamType():
            return "нужно целое число"
        case click.Path() as kind:
            return "нужна папка, а это не папка" if kind.dir_okay else "нужен файл, а это папка"
    return error.message
