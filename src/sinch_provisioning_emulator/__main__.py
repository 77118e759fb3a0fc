"""`python -m sinch_provisioning_emulator`: the emulator on a socket, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from .emulator import Emulator

_PROGRAM = "sinch-provisioning-emulator"


class _Parser(argparse.ArgumentParser):
    """Tells a wrong argument in one line, as every other trouble is told."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_PROGRAM, description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    add("--port", type=int, default=8080, help="0 takes a free one (default: 8080)")
    add("--spec", metavar="FILE", help="OpenAPI document to serve (default: the vendored one)")
    add("--scenario", metavar="FILE", help="YAML file with senders, verdicts and faults to begin with")
    add("--state", metavar="FILE", help="JSON file that keeps the senders over restarts")
    add("--control", action="store_true", help="open /__emulator__/: status page and control endpoint")
    add(
        "--review",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="from a launch to its verdict (default: 10)",
    )
    add("--approval", default="accepted", metavar="VERDICT", help="accepted, rejected or pending")
    add(
        "--speed",
        type=float,
        default=1.0,
        help="how many times as fast as real time statuses move (default: 1)",
    )
    add("--page-size", type=int, metavar="N", help="list in pages of N even where no page is asked for")
    add("--unique-names", action="store_true", help="answer 409 to a second sender of a name")
    add("--key-id", default="emulator-key-id", help="the key that opens every project")
    add("--key-secret", default="emulator-key-secret", help="its secret")
    add("--token-lifetime", type=float, default=3600.0, metavar="SECONDS", help="default: 3600")
    return parser


def _emulator(options: argparse.Namespace) -> Emulator:
    from .clock import RunningClock  # noqa: PLC0415 - after the check for the extra's libraries
    from .emulator import Emulator  # noqa: PLC0415 - see above
    from .lifecycle import known_verdict  # noqa: PLC0415 - see above

    return Emulator(
        spec=options.spec,
        clock=RunningClock(speed=options.speed),
        key_id=options.key_id,
        key_secret=options.key_secret,
        review=options.review,
        approval=known_verdict(options.approval),
        token_lifetime=options.token_lifetime,
        page_size=options.page_size,
        unique_names=options.unique_names,
        control=options.control,
        scenario=options.scenario,
        state=options.state,
    )


async def _serve(emulator: Emulator, options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopped.set)

    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(name, stopped.set)
        except NotImplementedError:  # Windows: the loop has no signal handlers
            signal.signal(name, stop)
    async with emulator.serve(host=options.host, port=options.port):
        lines = [f"token URL    {emulator.token_url}", f"key id       {emulator.key_id}"]
        if options.key_secret == _parser().get_default("key_secret"):
            lines += [f"key secret   {emulator.key_secret}"]
        if options.control:
            lines += [f"status page  {emulator.base_url}/__emulator__/"]
        lines += [f"Serving {emulator.document.title} at {emulator.base_url} (Ctrl+C stops it)"]
        print("\n".join(lines), flush=True)  # noqa: T201 - the command's output
        await stopped.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it was stopped, 2 when it was asked for something that can't be."""
    options = _parser().parse_args(arguments)
    try:
        from .problems import EmulatorError  # noqa: PLC0415 - the extra may be missing, and that is said in one line

        emulator = None
        try:
            emulator = _emulator(options)
            asyncio.run(_serve(emulator, options))
        except EmulatorError as error:
            print(f"{_PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - see above
            return 2
        finally:
            if emulator is not None:
                emulator.close()
    except ModuleNotFoundError as error:
        line = f"{_PROGRAM}: {error.name} is missing; install sinch-provisioning[emulator]"
        print(line, file=sys.stderr)  # noqa: T201 - see above
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
