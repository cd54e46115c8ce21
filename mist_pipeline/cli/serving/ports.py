"""Addresses to listen on: one that somebody has, or that is none of this machine, is refused with the option that changes it."""

import errno
import socket

import typer

HIGHEST = 65_535


class PortTakenError(typer.BadParameter):
    """Somebody listens there already, which may end by itself."""


def listener(host: str, port: int, option: str = "--port", *, note: str = "") -> socket.socket:
    """A socket that listens; whoever has it closes it.

    Args:
        host: Address of this machine.
        port: 0 takes a free one.
        option: How the port is set.
        note: How else it is set.

    Raises:
        typer.BadParameter: Nothing can listen there.
    """
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(512)
    except OSError as error:
        made.close()
        raise refused(error, host, port, option, note) from None
    made.set_inheritable(True)
    return made


def free_port() -> int:
    """A port of this machine at which nothing listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def need_free(host: str, port: int, option: str = "--port") -> None:
    """Refuse a port before the processes are started that will listen there.

    Raises:
        PortTakenError: Somebody has it.
        typer.BadParameter: As `listener`.
    """
    listener(host, port, option).close()


def refused(error: OSError, host: str, port: int, option: str, note: str = "") -> typer.BadParameter:
    """Why nothing can listen at an address."""
    if error.errno == errno.EADDRINUSE:
        return PortTakenError(
            f"port {port} of {host} is in use; choose another one: {option} {port + 1}{note}",
            param_hint=option,
        )
    if error.errno == errno.EACCES:
        return typer.BadParameter(
            f"port {port} is for the administrator alone; choose one above 1023", param_hint=option
        )
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return typer.BadParameter(
            f"{host} is no address of this machine; 127.0.0.1 is, and 0.0.0.0 stands for all it has",
            param_hint=option.replace("port", "host"),
        )
    return typer.BadParameter(
        f"nothing can listen at port {port} of {host}: {error.strerror}", param_hint=option
    )
