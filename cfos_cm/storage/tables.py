"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
    text,
)

__all__ = [
    "BUCKET_ROWS",
    "OUTSIDE_ANY",
    "VERSION_TABLE",
    "UtcDateTime",
    "accounts",
    "audit",
    "bucket_of_row",
    "charge_points",
    "drained_readings",
    "evse_orders",
    "gateway_memory",
    "gateway_transactions",
    "given_keys",
    "metadata",
    "meter_value_buckets",
    "meter_values",
    "outbox",
    "outbox_depths",
    "outside_limits",
    "overdrafts",
    "reservations",
    "security_events",
    "security_standings",
    "sent_lists",
    "stray_stops",
    "tags",
    "tokens",
    "transactions",
]

#: Where Alembic notes how far a database was migrated; a name of our own, because a PostgreSQL
#: database may be shared with another program that uses Alembic.
VERSION_TABLE = "cfos_cm_version"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment. It is stored as UTC, and comes back as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """
        Called by SQLAlchemy with what is to be stored.

        @raise ValueError: for a datetime without a zone.
        """
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a datetime without a zone")
        at_utc = value.astimezone(UTC)
        # SQLite has no zones: its text is UTC by agreement.
        return at_utc.replace(tzinfo=None) if dialect.name == "sqlite" else at_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Called by SQLAlchemy with what was stored."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Constraints have names, so that a later migration can change them on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: A row's place in the order of storing. SQLite counts only an INTEGER key up by itself.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

transactions = Table(
    "transactions",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("transaction_id", BigInteger, nullable=False),
    Column("charge_point", Text, nullable=False),
    Column("connector", BigInteger, nullable=False),
    Column("evse", Text),
    Column("id_tag", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("meter_start_wh", BigInteger, nullable=False),
    Column("reservation_id", BigInteger),
    Column("start_text", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("stopped_at", UtcDateTime),
    Column("meter_stop_wh", BigInteger),
    Column("stop_reason", Text),
    Column("stop_id_tag", Text),
    Column("stop_text", Text),
    # The idTag without its case, as that of C{tags}.
    Column("folded_id_tag", Text),
    # Whether a signed meter value of it was kept. NULL: it began when nobody noted that.
    Column("has_signed", Boolean),
    UniqueConstraint("transaction_id"),
    # Whoever says the same again gets the same transaction.
    UniqueConstraint("charge_point", "connector", "id_tag", "started_at", "meter_start_wh"),
    Index(None, "state", "charge_point", "connector"),
    # All that is searched by and added up, so that the rows with their long texts are not read:
    # see L{cfos_cm.storage.transaction_search}.
    Index(
        "ix_transactions_searched",
        "started_at",
        "evse",
        "state",
        "folded_id_tag",
        "charge_point",
        "meter_start_wh",
        "meter_stop_wh",
    ),
)

meter_values = Table(
    "meter_values",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("charge_point", Text, nullable=False),
    Column("connector", BigInteger, nullable=False),
    Column("transaction_id", BigInteger, ForeignKey("transactions.transaction_id")),
    Column("received_at", UtcDateTime, nullable=False),
    Column("payload_text", Text, nullable=False),
    # By who said it, one bucket after the other: an index by that alone would be written in as
    # many places as there are Charge Points, each time that some of them are stored.
    Index("ix_meter_values_bucket", text("(number / 16384)"), "charge_point", "transaction_id"),
)

#: So many rows of C{meter_values}, by their numbers, are a bucket. With fewer there is more to
#: note of where a series is; with more the part of the index that is written to gets bigger.
BUCKET_ROWS = 16384

#: The bucket of a row of C{meter_values}, to the letter as its index has it.
bucket_of_row = literal_column("(meter_values.number / 16384)", BigInteger)

#: In the place of a transaction, in C{meter_value_buckets} only: what is outside any.
OUTSIDE_ANY = 0

#: In which buckets the readings of a transaction are, or a Charge Point's outside any; and how
#: many they are there, and how long, which is not known (NULL) while more may come.
meter_value_buckets = Table(
    "meter_value_buckets",
    metadata,
    Column("charge_point", Text, primary_key=True),
    Column("transaction_id", BigInteger, primary_key=True, autoincrement=False),
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("readings", BigInteger),
    Column("chars", BigInteger),
    sqlite_with_rowid=False,
)

stray_stops = Table(
    "stray_stops",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("charge_point", Text, nullable=False),
    # Text, because it is whatever integer the Charge Point made up.
    Column("transaction_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("id_tag", Text),
    Column("stopped_at", UtcDateTime, nullable=False),
    Column("meter_stop_wh", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_text", Text, nullable=False),
    Index(None, "charge_point", "number"),
)

tags = Table(
    "tags",
    metadata,
    # The idTag without its case: OCPP's IdToken is case insensitive.
    Column("folded_id_tag", Text, primary_key=True),
    Column("id_tag", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("parent_id_tag", Text),
    Column("expires_at", UtcDateTime),
)

charge_points = Table(
    "charge_points",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("vendor", Text),
    Column("model", Text),
    Column("serial_number", Text),
    Column("firmware_version", Text),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Index(None, "last_seen_at"),
)

given_keys = Table(
    "given_keys",
    metadata,
    Column("charge_point", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("key_hash", Text, nullable=False),
    Column("replaces_hash", Text, nullable=False),
    # Separated by spaces.
    Column("previous_hashes", Text, nullable=False),
    Column("previous_until", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
)

sent_lists = Table(
    "sent_lists",
    metadata,
    Column("charge_point", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
)

security_events = Table(
    "security_events",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("charge_point", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # Text, because it is whatever the Charge Point says.
    Column("told_at", Text, nullable=False),
    Column("tech_info", Text),
    Column("received_at", UtcDateTime, nullable=False),
    Index(None, "charge_point", "number"),
)

#: The highest security profile that each Charge Point has logged in with.
security_standings = Table(
    "security_standings",
    metadata,
    Column("charge_point", Text, primary_key=True),
    Column("profile", BigInteger, nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    Column("reservation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("charge_point", Text, nullable=False),
    Column("connector", BigInteger, nullable=False),
    Column("id_tag", Text, nullable=False),
    Column("parent_id_tag", Text),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Index(None, "state", "expires_at"),
)

#: Of each log of readings, by its id, the number of the last segment that is here. A log had no
#: id once: what there was then is under an empty one.
drained_readings = Table(
    "drained_readings",
    metadata,
    Column("log", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

#: How far a phase of a circuit ever was above its fuse.
overdrafts = Table(
    "overdrafts",
    metadata,
    Column("circuit", Text, primary_key=True),
    Column("phase", Text, primary_key=True),
    Column("highest_ma", BigInteger, nullable=False),
    Column("noted_at", UtcDateTime, nullable=False),
)

outside_limits = Table(
    "outside_limits",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    # Made up by whoever stores it, so that it is the same one when it is stored again.
    Column("proof_id", Text, nullable=False),
    Column("circuit", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("max_power_w", BigInteger, nullable=False),
    Column("evses_only", Boolean, nullable=False),
    Column("until", UtcDateTime),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("met_at", UtcDateTime),
    Column("booked_w", BigInteger),
    Column("measured_w", BigInteger),
    # NULL: it is in force.
    Column("ended_at", UtcDateTime),
    Column("why_ended", Text),
    UniqueConstraint("proof_id"),
    Index(None, "ended_at"),
    Index(None, "asked_at"),
)

#: Messages that backends are owed, in the order of their numbers.
outbox = Table(
    "outbox",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("key", Text, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("is_dead", Boolean, nullable=False),
    Column("action", Text, nullable=False),
    Column("connector", BigInteger, nullable=False),
    Column("transaction_id", BigInteger),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("is_periodic", Boolean, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    # NULL while it waits, as the time.
    Column("why_dead", Text),
    Column("buried_at", UtcDateTime),
    # Of the payload; so that a queue can be measured without reading it.
    Column("size_bytes", BigInteger, nullable=False),
    # Of what never changes while the message is here.
    Column("checksum", BigInteger, nullable=False),
    # The last one, for it may be long: what stands behind it would have to be looked for.
    Column("payload_text", Text, nullable=False),
    UniqueConstraint("key"),
    # Those that wait and those that do not, each in their order.
    Index(None, "gateway", "is_dead", "number"),
    Index(None, "gateway", "transaction_id", "number"),
)

#: How much there is in C{outbox}. It is counted along: to count a million rows takes long, and
#: a count in memory would be wrong as soon as something is taken back.
outbox_depths = Table(
    "outbox_depths",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("waiting", BigInteger, nullable=False),
    # Of those that wait.
    Column("size_bytes", BigInteger, nullable=False),
    Column("dead", BigInteger, nullable=False),
)

#: Transactions that backends are told of, or were.
gateway_transactions = Table(
    "gateway_transactions",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("transaction_id", BigInteger, nullable=False),
    Column("connector", BigInteger, nullable=False),
    Column("id_tag", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    # NULL: the backend has not said one yet.
    Column("backend_id", BigInteger),
    Column("is_over", Boolean, nullable=False),
    UniqueConstraint("transaction_id", "gateway"),
    Index(None, "gateway", "number"),
)

#: What gateways remember, in the order in which it was put.
gateway_memory = Table(
    "gateway_memory",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("gateway", "kind", "name"),
    Index(None, "gateway", "number"),
)

#: Who may log in at the page.
accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    # When the password or the role was: not when it was only hashed anew.
    Column("changed_at", UtcDateTime, nullable=False),
)

#: What programs show instead of a password.
tokens = Table(
    "tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # NULL: it counts until it is taken back.
    Column("expires_at", UtcDateTime),
    Column("used_at", UtcDateTime),
    UniqueConstraint("token_hash"),
)

#: Who has changed what over HTTP.
audit = Table(
    "audit",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("status", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)

#: What people have ordered of EVSEs, which holds until they take it back.
evse_orders = Table(
    "evse_orders",
    metadata,
    Column("evse", Text, primary_key=True),
    # NULL: no limit.
    Column("current_ma", BigInteger),
    Column("paused", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
