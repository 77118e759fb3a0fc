"""The tables of durable work, beside the engine's, in SQLite or PostgreSQL.

One row for each order, each project channel (the unit of work) and each worker. What only the owner of a channel may
write is written together with a check that it still is, and no decision compares the clocks of two machines. Rows are
locked in one order: workers, channels, orders.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import event, exc

from .. import ConfigurationError

_T = TypeVar("_T")
_metadata = sa.MetaData()

# The states of an order that has not ended. One that is "sending" may have a request under way.
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


def _table(name: str, *, texts: str = "", numbers: str = "", floats: str = "", indexed: str = "") -> sa.Table:
    columns: list[sa.Column[Any]] = [sa.Column("id", sa.Text, primary_key=True)]
    columns += [sa.Column(each, sa.Text, index=each in indexed.split()) for each in texts.split()]
    columns += [sa.Column(each, sa.Integer, nullable=False, server_default="0") for each in numbers.split()]
    columns += [sa.Column(each, sa.Double, nullable=False, server_default="0") for each in floats.split()]
    return sa.Table(f"sinch_provisioning_{name}", _metadata, *columns)


# The id is project/channel/name. `revision` counts changes, so that no outcome of an older one is recorded.
orders = _table(
    "orders",
    texts="channel_id content file position state sender_id status problem done",
    numbers="revision tries",
    indexed="channel_id sender_id",
)
# The id is project/channel. `generation` counts owners; each has a workflow of its own.
channels = _table(
    "channels", texts="credentials polling owner", numbers="generation is_open wake doubt webhooks"
)
workers = _table("workers", numbers="demand slots", floats="beat rate")
counters = _table("counters", numbers="number")


def environment_url() -> str:
    """Return SINCH_PROVISIONING_DATABASE, by default a SQLite file in the current folder."""
    return os.environ.get("SINCH_PROVISIONING_DATABASE", "sqlite:///sinch-provisioning.sqlite")


@frozen
class Database:
    """The tables at one URL, connected with the first use and then for as long as the process runs."""

    engine: sa.Engine

    @classmethod
    def at(cls, url: str) -> Database:
        """Raises `ConfigurationError` for a URL that can't be used."""
        return cls(_engine(url))

    async def run(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Run `work` in a transaction, in a thread; raises `ConfigurationError` if the database fails."""
        try:
            return await asyncio.to_thread(self._transact, work)
        except exc.SQLAlchemyError as error:
            # The message may quote the URL, and with it a password.
            reason = type(error).__name__
        raise ConfigurationError(f"can't use the database ({reason}): check its URL, and that it is running")

    def _transact(self, work: Callable[[sa.Connection], _T]) -> _T:
        try:
            with self.engine.begin() as connection:
                return work(connection)
        except exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
        # The server was restarted while the connection was kept.
        with self.engine.begin() as connection:
            return work(connection)

    async def run_on_orders(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Do the same with a database that has orders, or say that it has none."""
        url = self.engine.url
        if url.get_backend_name() != "sqlite" or Path(str(url.database)).exists():  # noqa: ASYNC240 - quick
            with suppress(ConfigurationError):
                return await self.run(work)
            if await self.run(lambda connection: sa.inspect(connection).has_table(orders.name)):
                return await self.run(work)
        raise ConfigurationError("no orders in this database: order something with `apply --durable` first")

    async def prepare(self) -> None:
        """Create the tables, and a PostgreSQL database, where they don't exist yet."""
        with suppress(ConfigurationError):
            return await self.run(_create_tables)
        if self.engine.dialect.name == "postgresql":
            from dbos import DBOS  # noqa: PLC0415 - slow to import, seldom needed

            with suppress(exc.SQLAlchemyError):
                await asyncio.to_thread(DBOS.migrate, self.engine.url.render_as_string(hide_password=False))
        return await self.run(_create_tables)


@cache
def _engine(url: str) -> sa.Engine:
    with suppress(exc.ArgumentError):
        address = sa.make_url(url)
        if address.get_backend_name() == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
            return sa.create_engine(address, connect_args=dict(POSTGRESQL_ARGUMENTS))
        if address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:"):
            engine = sa.create_engine(address, connect_args={"timeout": 30})
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
    raise ConfigurationError("the database must be sqlite:///FILE or postgresql://...")


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


def clock(connection: sa.Connection) -> float:
    """Return the time of the database's machine, in seconds."""
    sqlite_now = "SELECT (julianday('now') - 2440587.5) * 86400"
    postgresql_now = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
    now = sqlite_now if connection.dialect.name == "sqlite" else postgresql_now
    return float(connection.execute(sa.text(now)).scalar_one())


def update(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], **values: object
) -> None:
    """Change the rows of a table."""
    connection.execute(sa.update(table).where(where).values(**values))


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, object]],
    *,
    only_if: Callable[[Any], sa.ColumnElement[bool]] | None = None,
    **updated: object,
) -> set[str]:
    """Insert rows or update those of the same id, a thousand at a time; returns the ids that were written.

    `only_if` gets the columns of the new row and says which existing rows may be updated; `updated` are values that
    differ from those of the new row where there was one.
    """
    if not rows:
        return set()
    # Each dialect has a module of its own, slow to import.
    insert: Any = import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
    statement = insert.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={name: insert.excluded[name] for name in rows[0] if name != "id"} | updated,
        where=None if only_if is None else only_if(insert.excluded),
    )
    return set(connection.execute(statement.returning(table.c.id), list(rows)).scalars())
