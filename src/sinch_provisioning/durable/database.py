"""The tables of durable work, in the same SQLite or PostgreSQL database as the engine's.

One row for each order, one for each project channel (the unit of work), one for each worker. Everything here is safe
under any number of workers: what only the owner of a channel may write is written together with a check that it still
is, and no decision compares the clocks of two machines.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite

from .. import ConfigurationError

_P = ParamSpec("_P")
_T = TypeVar("_T")

_metadata = sa.MetaData()
_PREFIX: Final = "sinch_provisioning_"


def _text(name: str, *, index: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, index=index)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


orders = sa.Table(
    f"{_PREFIX}orders",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),  # project/channel/name
    _text("channel_id", index=True),
    _number("revision"),  # counts changes of the order, so that no outcome of an older one is recorded
    _text("content"),
    _text("file"),
    _text("position"),
    _text("state"),
    _text("sender_id", index=True),
    _text("status"),
    _text("problem"),
    _number("tries"),
    _text("done"),
)
channels = sa.Table(
    f"{_PREFIX}channels",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),  # project/channel
    _text("credentials"),
    _text("polling"),
    _text("owner"),
    _number("generation"),  # of its workflow: one that has ended is never started again
    _number("is_open"),
    _number("wake"),
    _number("polls"),
    _number("webhooks"),
)
workers = sa.Table(
    f"{_PREFIX}workers",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _number("beat"),
    _number("demand"),
    _number("slots"),
    _text("dead_by"),
)
settings = sa.Table(
    f"{_PREFIX}settings", _metadata, sa.Column("name", sa.Text, primary_key=True), _text("value")
)

# Seconds. A connection whose other end has vanished fails sooner than its worker is given up.
POSTGRESQL_ARGUMENTS: Final[Mapping[str, object]] = {
    "connect_timeout": 5,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 7_000,
    "options": "-c idle_in_transaction_session_timeout=7s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 "
    "-c tcp_keepalives_count=3",
}


def environment_url() -> str:
    """Return SINCH_PROVISIONING_DATABASE, by default a SQLite file in the current folder."""
    return os.environ.get("SINCH_PROVISIONING_DATABASE", "sqlite:///sinch-provisioning.sqlite")


@frozen
class Database:
    """The tables at one URL; a function given to `run` gets a connection with a transaction of its own."""

    engine: sa.Engine

    @classmethod
    def open(cls, url: str) -> Database:
        """Connect lazily; raises `ConfigurationError` for a URL that can't be used."""
        try:
            address = sa.make_url(url)
        except exc.ArgumentError:
            address = None
        if address is None or address.get_backend_name() not in ("sqlite", "postgresql"):
            raise ConfigurationError("the database must be sqlite:///FILE or postgresql://...")
        if address.get_backend_name() == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
            arguments = dict(POSTGRESQL_ARGUMENTS)
            return cls(sa.create_engine(address, connect_args=arguments, pool_pre_ping=True, pool_size=5))
        if not address.database or address.database == ":memory:":
            raise ConfigurationError("the database needs a file: sqlite:///FILE")
        engine = sa.create_engine(address, connect_args={"timeout": 30})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return cls(engine)

    @property
    def file(self) -> Path | None:
        """The SQLite file, None on PostgreSQL."""
        name = self.engine.url.database
        return Path(name) if name and self.engine.dialect.name == "sqlite" else None

    async def run(
        self, work: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `work` in a transaction, in a thread; raises `ConfigurationError` if the database fails."""
        try:
            return await asyncio.to_thread(lambda: self.transact(work, *args, **kwargs))
        except exc.SQLAlchemyError as error:
            # The message may quote the URL, and with it a password.
            reason = type(error).__name__
        raise ConfigurationError(f"can't use the database ({reason}): check its URL, and that it is running")

    async def run_patiently(
        self, work: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `work` in a transaction, and outlive an outage of the database."""
        while True:
            try:
                return await asyncio.to_thread(lambda: self.transact(work, *args, **kwargs))
            except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError):
                await asyncio.sleep(0.5)

    def transact(
        self, work: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `work` in a transaction, in this thread."""
        with self.engine.begin() as connection:
            return work(connection, *args, **kwargs)

    async def prepare(self) -> None:
        """Create the tables, and a PostgreSQL database, that don't exist yet."""
        try:
            await asyncio.to_thread(self.transact, create_tables)
        except exc.OperationalError:
            await asyncio.to_thread(self._create_database)
            await self.run(create_tables)

    def _create_database(self) -> None:
        """Create the database if the server runs and does not have it."""
        url, name = self.engine.url, str(self.engine.url.database)
        if self.file is not None:
            return
        server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with suppress(exc.SQLAlchemyError), server.connect() as connection:
            quoted = server.dialect.identifier_preparer.quote(name)
            connection.exec_driver_sql(f"CREATE DATABASE {quoted}")
        server.dispose()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def create_tables(connection: sa.Connection) -> None:
    """Create the tables that don't exist yet."""
    if connection.dialect.name == "postgresql":
        # Two workers started at once must not both create them.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x51AC)))
    _metadata.create_all(connection)


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that becomes a writer later fails at once if another one is writing.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, object]],
    *,
    only_if: Callable[[Any], sa.ColumnElement[bool]] | None = None,
) -> set[str]:
    """Insert rows or update those of the same key, in one statement; returns the keys that were written.

    `only_if` is given the columns of the new row and says which existing rows may be updated.
    """
    if not rows:
        return set()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    [key] = table.primary_key.columns
    statement: Any = insert(table).values([dict(row) for row in rows])
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[key],
        set_={name: new[name] for name in rows[0] if name != key.name},
        where=None if only_if is None else only_if(new),
    )
    return set(connection.execute(statement.returning(key)).scalars())
