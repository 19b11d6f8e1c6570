"""Handshake: which whole packets has a client of Firebird said so far, before the wire is encrypted?

They are told apart by their own lengths and not by whose turn it is: a server that answers in advance would otherwise
have a packet pass behind another one. Whatever is not part of a proof has no length that we know; it ends the talk.
"""

from __future__ import annotations

from typing import Final

OP_CONNECT, OP_DISCONNECT, OP_CONT_AUTH, OP_CRYPT = 1, 6, 92, 96
WORD: Final = 4
LONGEST: Final = 64 * 1024
CIPHERS: Final = frozenset({b"Arc4", b"ChaCha", b"ChaCha64"})
_VERSION_WORDS: Final = 5  # version, architecture, least and greatest type, weight
_TEXTS_OF_AUTH: Final = 4  # data, plugin, list of plugins, keys


class NotAProof(Exception):
    """The client is about to say something that must not be said in plain text."""


class Handshake:
    """Takes bytes as they come. `encrypted`: the packet that turns encryption on has been let through."""

    def __init__(self) -> None:
        self._held = bytearray()
        self.encrypted = False

    def passed(self, data: bytes) -> bytes:
        """What may leave now: whole packets; after the last of them anything. Raises NotAProof."""
        if self.encrypted:
            return data
        self._held += data
        leaving = self._whole()
        if len(self._held) - leaving > LONGEST:
            raise NotAProof
        out = bytes(self._held[:leaving])
        del self._held[:leaving]
        return out

    def _whole(self) -> int:
        """How many bytes whole packets take; all of them once encryption is turned on."""
        at = 0
        while size := self._packet(at):
            at += size
            if self.encrypted:
                return len(self._held)
        return at

    def _packet(self, at: int) -> int:
        """The size of the whole packet that begins there; 0 = it is not whole yet."""
        try:
            operation, end = self._number(at)
            if operation == OP_CONNECT:
                end = self._after_connect(end)
            elif operation == OP_CONT_AUTH:
                for _ in range(_TEXTS_OF_AUTH):
                    _, end = self._text(end)
            elif operation == OP_CRYPT:
                end = self._after_crypt(end)
            elif operation != OP_DISCONNECT:
                raise NotAProof
        except IndexError:
            return 0
        return end - at

    def _after_connect(self, at: int) -> int:
        _, end = self._text(at + 3 * WORD)
        versions, end = self._number(end)
        _, end = self._text(end)
        end += versions * _VERSION_WORDS * WORD
        if end > len(self._held):
            raise IndexError
        return end

    def _after_crypt(self, at: int) -> int:
        cipher, end = self._text(at)
        _, end = self._text(end)
        if cipher not in CIPHERS:
            raise NotAProof
        self.encrypted = True
        return end

    def _number(self, at: int) -> tuple[int, int]:
        if at + WORD > len(self._held):
            raise IndexError
        return int.from_bytes(self._held[at : at + WORD], "big"), at + WORD

    def _text(self, at: int) -> tuple[bytes, int]:
        """A text with its length before it, filled up to whole words."""
        length, start = self._number(at)
        end = start + length + -length % WORD
        if end > len(self._held):
            raise IndexError
        return bytes(self._held[start : start + length]), end
