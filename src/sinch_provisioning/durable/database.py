"""The tables of durable work, beside the engine's, in SQLite or PostgreSQL.

One row for each order, each project channel (the unit of work) and each worker. Everything is safe under any number of
workers: what only the owner of a channel may write is written together with a check that it still is, and no decision
compares the clocks of two machines.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite

from .. import ConfigurationError
from ..lifecycle.next_step import Action

_P = ParamSpec("_P")
_T = TypeVar("_T")
_PREFIX: Final = "sinch_provisioning_"
_metadata = sa.MetaData()

OPEN_STATES: Final = ("queued", "sending", "in review")
# Seconds. A connection whose other end has vanished fails before its worker is taken for dead.
POSTGRESQL_ARGUMENTS: Final[Mapping[str, object]] = {
    "connect_timeout": 5,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 7_000,
    "options": "-c idle_in_transaction_session_timeout=7s -c tcp_keepalives_idle=5"
    " -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3",
}


def _table(name: str, *, texts: str, numbers: str = "", indexed: str = "") -> sa.Table:
    columns: list[sa.Column[Any]] = [sa.Column("id", sa.Text, primary_key=True)]
    columns += [sa.Column(each, sa.Text, index=each in indexed.split()) for each in texts.split()]
    columns += [sa.Column(each, sa.Integer, nullable=False, server_default="0") for each in numbers.split()]
    return sa.Table(_PREFIX + name, _metadata, *columns)


# The id is project/channel/name. `revision` counts changes, so that no outcome of an older one is recorded.
orders = _table(
    "orders",
    texts="channel_id content file position state sender_id status problem done",
    numbers="revision tries",
    indexed="channel_id sender_id",
)
# The id is project/channel. Each `generation` has a workflow of its own, since one that has ended never runs again.
channels = _table(
    "channels", texts="credentials polling owner", numbers="generation is_open wake doubt polls webhooks"
)
workers = _table("workers", texts="", numbers="beat demand slots dead")
settings = _table("settings", texts="value")


def environment_url() -> str:
    """Return SINCH_PROVISIONING_DATABASE, by default a SQLite file in the current folder."""
    return os.environ.get("SINCH_PROVISIONING_DATABASE", "sqlite:///sinch-provisioning.sqlite")


def read_actions(text: str | None) -> list[Action]:
    """Return the writes that have succeeded, as an order's row has them."""
    return cast("list[Action]", text.split(",")) if text else []


@frozen
class Database:
    """The tables at one URL."""

    engine: sa.Engine

    @classmethod
    def open(cls, url: str) -> Database:
        """Connect with the first use; raises `ConfigurationError` for a URL that can't be used."""
        with suppress(exc.ArgumentError):
            address = sa.make_url(url)
            if address.get_backend_name() == "postgresql":
                address = address.set(drivername="postgresql+psycopg")
                arguments = dict(POSTGRESQL_ARGUMENTS)
                return cls(sa.create_engine(address, connect_args=arguments, pool_pre_ping=True))
            if address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:"):
                engine = sa.create_engine(address, connect_args={"timeout": 30})
                event.listen(engine, "connect", _set_up_sqlite)
                event.listen(engine, "begin", _begin_sqlite)
                return cls(engine)
        raise ConfigurationError("the database must be sqlite:///FILE or postgresql://...")

    @property
    def file(self) -> Path | None:
        """The SQLite file, None on PostgreSQL."""
        return Path(str(self.engine.url.database)) if self.engine.dialect.name == "sqlite" else None

    def transact(
        self, work: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `work` with a connection, in a transaction, in this thread."""
        with self.engine.begin() as connection:
            return work(connection, *args, **kwargs)

    async def run(
        self, work: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `work` in a thread; raises `ConfigurationError` if the database fails."""
        try:
            return await asyncio.to_thread(lambda: self.transact(work, *args, **kwargs))
        except exc.SQLAlchemyError as error:
            # The message may quote the URL, and with it a password.
            reason = type(error).__name__
        raise ConfigurationError(f"can't use the database ({reason}): check its URL, and that it is running")

    async def run_patiently(
        self, work: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `work` in a thread, and outlive an outage of the database."""
        while True:
            with suppress(exc.OperationalError, exc.InterfaceError, exc.TimeoutError):
                return await asyncio.to_thread(lambda: self.transact(work, *args, **kwargs))
            await asyncio.sleep(0.5)

    async def prepare(self) -> None:
        """Create the tables, and a PostgreSQL database, where they don't exist yet."""
        try:
            await asyncio.to_thread(self.transact, _create_tables)
        except exc.OperationalError:
            await asyncio.to_thread(self._create_database)
            await self.run(_create_tables)

    def _create_database(self) -> None:
        url = self.engine.url
        if self.file is None:
            server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
            with suppress(exc.SQLAlchemyError), server.connect() as connection:
                quoted = server.dialect.identifier_preparer.quote(str(url.database))
                connection.exec_driver_sql(f"CREATE DATABASE {quoted}")
            server.dispose()


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that becomes a writer later fails at once while another one writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _create_tables(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x51AC)))
    _metadata.create_all(connection)


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, object]],
    *,
    only_if: Callable[[Any], sa.ColumnElement[bool]] | None = None,
) -> set[str]:
    """Insert rows or update those of the same id, in one statement; returns the ids that were written.

    `only_if` gets the columns of the new row and says which existing rows may be updated.
    """
    if not rows:
        return set()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement: Any = insert(table).values([dict(row) for row in rows])
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={name: new[name] for name in rows[0] if name != "id"},
        where=None if only_if is None else only_if(new),
    )
    return set(connection.execute(statement.returning(table.c.id)).scalars())
