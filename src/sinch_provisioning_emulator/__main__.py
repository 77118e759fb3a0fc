"""`python -m sinch_provisioning_emulator`: serves the emulator until interrupted."""

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
    """Reports a wrong argument in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_PROGRAM, description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    add("--port", type=int, default=8080, help="0 picks a free one (default: 8080)")
    add("--api", default="1.0", metavar="VERSION", help="1.0, the vendored document's, or 1.2, Sinch's own")
    add("--spec", metavar="FILE", help="OpenAPI document to serve (default: the vendored one)")
    add("--scenario", metavar="FILE", help="YAML file with initial senders, verdicts and faults")
    add("--state", metavar="FILE", help="JSON file that keeps senders and webhooks over restarts")
    add(
        "--control",
        action="store_true",
        help="serve a status page and the control endpoint at /__emulator__/",
    )
    add(
        "--control-host",
        action="append",
        default=[],
        metavar="HOST",
        help="host name besides loopback at which /__emulator__/ answers; repeatable",
    )
    add(
        "--review",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="time from a launch to its verdict (default: 10)",
    )
    add("--approval", default="accepted", metavar="VERDICT", help="accepted, rejected or pending")
    add(
        "--speed",
        type=float,
        default=1.0,
        help="how fast the emulator's clock runs (default: 1, real time)",
    )
    add("--page-size", type=int, metavar="N", help="page lists even if the request does not ask for it")
    add("--unique-names", action="store_true", help="answer 409 to a second sender with the same name")
    add("--key-id", default="emulator-key-id", help="key that is valid for every project")
    add("--key-secret", default="emulator-key-secret", help="its secret")
    add("--token-lifetime", type=float, default=3600.0, metavar="SECONDS", help="default: 3600")
    return parser


def _emulator(options: argparse.Namespace) -> Emulator:
    from .api.clock import RunningClock  # noqa: PLC0415 - needs the extra
    from .api.lifecycle import known_verdict  # noqa: PLC0415 - see above
    from .emulator import Emulator  # noqa: PLC0415 - see above

    return Emulator(
        api=options.api,
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
        control_hosts=options.control_host,
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
        lines += [f"Serving {emulator.document.title} at {emulator.base_url} (Ctrl+C to stop)"]
        print("\n".join(lines), flush=True)  # noqa: T201 - the command's output
        await stopped.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 once it is stopped, 2 for invalid arguments or files."""
    options = _parser().parse_args(arguments)
    try:
        from .openapi.error_replies import EmulatorError  # noqa: PLC0415 - the extra may be missing

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
