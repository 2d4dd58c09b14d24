"""
What the messages of OCPP 1.6 are made of: the base classes and the shared types.

The classes are msgspec Structs: frozen, built from keyword arguments, refusing unknown fields.
A field's Python name is snake_case, its name on the wire is the same in camelCase.

An optional field is written C{name: Maybe[Type] = None}. It reads as C{None} when it was left
out, and is left out of the JSON when it is C{None}; but a JSON C{null} is refused, as the
schemas refuse it. (With C{Type | None} msgspec would accept it, and with its C{UNSET} every
reader would meet a third kind of nothing.)

Timestamps stay the text that was received, because a signed meter value is evidence;
L{cfos_cm.v16.timestamps} reads them.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar, Optional, TypeVar

from msgspec import Meta, Struct

__all__ = [
    "AuthorizationStatus",
    "CertificateHashData",
    "ChargingProfile",
    "ChargingProfileKind",
    "ChargingProfilePurpose",
    "ChargingRateUnit",
    "ChargingSchedule",
    "ChargingSchedulePeriod",
    "CiString20",
    "CiString25",
    "CiString50",
    "CiString255",
    "CiString500",
    "HashAlgorithm",
    "IdTagInfo",
    "IdToken",
    "Integer",
    "Location",
    "Maybe",
    "Measurand",
    "Message",
    "MeterReading",
    "MeterValue",
    "NamedTransaction",
    "Part",
    "Phase",
    "ReadingContext",
    "RecurrencyKind",
    "SampledValue",
    "TransactionData",
    "UnitOfMeasure",
    "ValueFormat",
    "refuse_endless",
]

_Type = TypeVar("_Type")

if TYPE_CHECKING:
    Maybe = Optional[_Type]  # noqa: UP045 (a generic alias needs this form on Python 3.11)
else:

    class Maybe:
        """
        The type of an optional field: C{None} for the reader of a value, absent on the wire.

        For the type checker C{Maybe[Type]} is C{Type | None}. At run time it is C{Type} alone,
        so that the decoder refuses a C{null}.
        """

        def __class_getitem__(cls, item):
            """The type itself, without a C{None}."""
            return item


#: An integer. The schemas set no bounds; 64 bits are what every database can keep.
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]

#: The id of a transaction as a Charge Point names it: some make up numbers that no database can
#: keep, and a StopTransaction is answered whatever it names. L{refuse_endless} bounds it.
NamedTransaction = int

#: So many digits are read as a number at all.
_MAX_DIGITS = 20
_ENDLESS = 10**_MAX_DIGITS

#: Texts of limited length, counted in Unicode characters. "Ci" is the specification's prefix
#: for texts that compare without regard to case; here they are kept as they were written.
CiString20 = Annotated[str, Meta(max_length=20)]
CiString25 = Annotated[str, Meta(max_length=25)]
CiString50 = Annotated[str, Meta(max_length=50)]
CiString255 = Annotated[str, Meta(max_length=255)]
CiString500 = Annotated[str, Meta(max_length=500)]

#: What identifies a driver: the number of a card, a key fob or an app's user.
IdToken = CiString20


class Part(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename="camel",
):
    """
    The base of every value of OCPP 1.6, whether it is a message or a part of one.

    @cvar hidden: the fields whose values are never shown, because a C{repr} ends up in logs.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"id_tag", "parent_id_tag"})

    def __repr__(self) -> str:
        """The value for a log or a test: without absent fields, with secrets hidden."""
        shown = ", ".join(
            f"{name}={'<hidden>' if name in self.hidden else repr(value)}"
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None
        )
        return f"{type(self).__name__}({shown})"


class Message(Part, frozen=True):
    """The base of every request and every confirmation."""

    def unfit(self) -> str | None:
        """
        Why this may not be sent, although a peer's message like it would be accepted.

        @return: what is wrong and where; C{None} when nothing is.
        """
        return None


# Authorisation


class AuthorizationStatus(StrEnum):
    """What a Central System thinks of an idTag."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class IdTagInfo(Part, frozen=True, kw_only=True):
    """
    What a Central System says about an idTag.

    @ivar expiry_date: when the idTag should leave the Authorization Cache.
    @ivar parent_id_tag: the group that the idTag belongs to.
    """

    status: AuthorizationStatus
    expiry_date: Maybe[str] = None
    parent_id_tag: Maybe[IdToken] = None


# Metering


def refuse_endless(transaction_id: int | None) -> None:
    """@raise ValueError: for a number of more than 20 digits."""
    if transaction_id is not None and not -_ENDLESS < transaction_id < _ENDLESS:
        raise ValueError(f"Expected `transactionId` of at most {_MAX_DIGITS} digits")


class ReadingContext(StrEnum):
    """Why a value was sampled."""

    INTERRUPTION_BEGIN = "Interruption.Begin"
    INTERRUPTION_END = "Interruption.End"
    OTHER = "Other"
    SAMPLE_CLOCK = "Sample.Clock"
    SAMPLE_PERIODIC = "Sample.Periodic"
    TRANSACTION_BEGIN = "Transaction.Begin"
    TRANSACTION_END = "Transaction.End"
    TRIGGER = "Trigger"


class ValueFormat(StrEnum):
    """How the text of a sampled value is to be read."""

    RAW = "Raw"
    SIGNED_DATA = "SignedData"


class Measurand(StrEnum):
    """The quantity that was measured, seen from the grid: import is energy to the vehicle."""

    CURRENT_EXPORT = "Current.Export"
    CURRENT_IMPORT = "Current.Import"
    CURRENT_OFFERED = "Current.Offered"
    ENERGY_ACTIVE_EXPORT_REGISTER = "Energy.Active.Export.Register"
    ENERGY_ACTIVE_IMPORT_REGISTER = "Energy.Active.Import.Register"
    ENERGY_REACTIVE_EXPORT_REGISTER = "Energy.Reactive.Export.Register"
    ENERGY_REACTIVE_IMPORT_REGISTER = "Energy.Reactive.Import.Register"
    ENERGY_ACTIVE_EXPORT_INTERVAL = "Energy.Active.Export.Interval"
    ENERGY_ACTIVE_IMPORT_INTERVAL = "Energy.Active.Import.Interval"
    ENERGY_REACTIVE_EXPORT_INTERVAL = "Energy.Reactive.Export.Interval"
    ENERGY_REACTIVE_IMPORT_INTERVAL = "Energy.Reactive.Import.Interval"
    FREQUENCY = "Frequency"
    POWER_ACTIVE_EXPORT = "Power.Active.Export"
    POWER_ACTIVE_IMPORT = "Power.Active.Import"
    POWER_FACTOR = "Power.Factor"
    POWER_OFFERED = "Power.Offered"
    POWER_REACTIVE_EXPORT = "Power.Reactive.Export"
    POWER_REACTIVE_IMPORT = "Power.Reactive.Import"
    RPM = "RPM"
    SOC = "SoC"
    TEMPERATURE = "Temperature"
    VOLTAGE = "Voltage"


class Phase(StrEnum):
    """The conductor, or the pair of them, that a value was measured on."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    N = "N"
    L1_N = "L1-N"
    L2_N = "L2-N"
    L3_N = "L3-N"
    L1_L2 = "L1-L2"
    L2_L3 = "L2-L3"
    L3_L1 = "L3-L1"


class Location(StrEnum):
    """The place that a value was measured at."""

    BODY = "Body"
    CABLE = "Cable"
    EV = "EV"
    INLET = "Inlet"
    OUTLET = "Outlet"


class UnitOfMeasure(StrEnum):
    """
    The unit of a sampled value.

    The specification's schema misspelled Celsius; the errata sheet lets both forms live.
    """

    WH = "Wh"
    KWH = "kWh"
    VARH = "varh"
    KVARH = "kvarh"
    W = "W"
    KW = "kW"
    VA = "VA"
    KVA = "kVA"
    VAR = "var"
    KVAR = "kvar"
    A = "A"
    V = "V"
    K = "K"
    CELCIUS = "Celcius"
    CELSIUS = "Celsius"
    FAHRENHEIT = "Fahrenheit"
    PERCENT = "Percent"
    HERTZ = "Hertz"


class SampledValue(Part, frozen=True, kw_only=True):
    """
    One measured value. What is left out has the default that the specification gives it.

    @ivar value: the number as a decimal text, or a signed data block, exactly as received.
    @ivar context: left out, Sample.Periodic.
    @ivar format: left out, Raw.
    @ivar measurand: left out, Energy.Active.Import.Register.
    @ivar phase: left out, the value is for all phases together.
    @ivar location: left out, Outlet.
    @ivar unit: left out, Wh for an energy.
    """

    value: str
    context: Maybe[ReadingContext] = None
    format: Maybe[ValueFormat] = None
    measurand: Maybe[Measurand] = None
    phase: Maybe[Phase] = None
    location: Maybe[Location] = None
    unit: Maybe[UnitOfMeasure] = None


class MeterValue(Part, frozen=True, kw_only=True):
    """
    The values that were sampled at one moment, as MeterValues carries them: at least one.

    @ivar timestamp: the moment.
    """

    timestamp: str
    sampled_value: Annotated[tuple[SampledValue, ...], Meta(min_length=1)]


class TransactionData(Part, frozen=True, kw_only=True):
    """
    The values that were sampled at one moment, as StopTransaction carries them: maybe none.

    @ivar timestamp: the moment.
    """

    timestamp: str
    sampled_value: tuple[SampledValue, ...]


#: Either form of a meter's values, for those who read both alike.
MeterReading = MeterValue | TransactionData


# Charging profiles


class ChargingProfilePurpose(StrEnum):
    """What a charging profile limits."""

    CHARGE_POINT_MAX_PROFILE = "ChargePointMaxProfile"
    TX_DEFAULT_PROFILE = "TxDefaultProfile"
    TX_PROFILE = "TxProfile"


class ChargingProfileKind(StrEnum):
    """What the times of a charging profile are counted from."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class RecurrencyKind(StrEnum):
    """How often a recurring charging profile starts again."""

    DAILY = "Daily"
    WEEKLY = "Weekly"


class ChargingRateUnit(StrEnum):
    """The unit of a charging schedule's limits."""

    A = "A"
    W = "W"


class ChargingSchedulePeriod(Part, frozen=True, kw_only=True):
    """
    A limit, and from when it holds.

    @ivar start_period: from the start of the schedule. [s]
    @ivar limit: in the schedule's unit. [A per phase, or W]
    @ivar number_phases: how many phases may be used; left out, three.
    """

    start_period: Integer
    limit: float
    number_phases: Maybe[Integer] = None


class ChargingSchedule(Part, frozen=True, kw_only=True):
    """
    A row of limits.

    A peer's limits are accepted with any number of decimals; ours have one at most.

    @ivar duration: left out, the last limit has no end. [s]
    @ivar start_schedule: when an absolute or recurring schedule starts.
    @ivar min_charging_rate: below this the vehicle charges badly. [A per phase, or W]
    """

    charging_rate_unit: ChargingRateUnit
    charging_schedule_period: tuple[ChargingSchedulePeriod, ...]
    duration: Maybe[Integer] = None
    start_schedule: Maybe[str] = None
    min_charging_rate: Maybe[float] = None

    def unfit(self) -> str | None:
        """
        Why this schedule may not be sent: the field with more than one decimal.

        @return: what is wrong and where; C{None} when nothing is.
        """
        for index, period in enumerate(self.charging_schedule_period):
            if not _is_in_tenths(period.limit):
                return f"limit of chargingSchedulePeriod[{index}] has more than one decimal"
        if self.min_charging_rate is not None and not _is_in_tenths(self.min_charging_rate):
            return "minChargingRate has more than one decimal"
        return None


class ChargingProfile(Part, frozen=True, kw_only=True):
    """
    A schedule of limits, and when and for what it holds.

    @ivar transaction_id: the transaction that a TxProfile is for.
    @ivar stack_level: of several valid profiles with one purpose the highest level wins.
    @ivar valid_from: left out, valid at once.
    @ivar valid_to: left out, valid until it is replaced.
    """

    charging_profile_id: Integer
    stack_level: Integer
    charging_profile_purpose: ChargingProfilePurpose
    charging_profile_kind: ChargingProfileKind
    charging_schedule: ChargingSchedule
    transaction_id: Maybe[Integer] = None
    recurrency_kind: Maybe[RecurrencyKind] = None
    valid_from: Maybe[str] = None
    valid_to: Maybe[str] = None


def _is_in_tenths(number: float) -> bool:
    """Whether the shortest decimal text of C{number} has at most one digit after the point."""
    return round(number, 1) == number


# Certificates


class HashAlgorithm(StrEnum):
    """How the hashes of a certificate's issuer were made."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class CertificateHashData(Part, frozen=True, kw_only=True):
    """
    What names an installed certificate without sending it.

    @ivar issuer_name_hash: of the issuer's distinguished name. [hexadecimal]
    @ivar issuer_key_hash: of the issuer's public key. [hexadecimal]
    @ivar serial_number: of the certificate. [hexadecimal]
    """

    hash_algorithm: HashAlgorithm
    issuer_name_hash: Annotated[str, Meta(max_length=128)]
    issuer_key_hash: Annotated[str, Meta(max_length=128)]
    serial_number: Annotated[str, Meta(max_length=40)]
