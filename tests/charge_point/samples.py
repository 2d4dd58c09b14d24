"""
Payloads as Charge Points write them whose meters sign what they measure.

The keys and signatures are made up; the forms are those of OCMF, of Mennekes' and EDL40's
signed messages, of a public key with a signature in JSON within JSON, and of the DataTransfer
of Giro-E. Each is spelled in an odd way that a reader who writes it anew would not keep.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

__all__ = [
    "GIRO_E",
    "SIGNED",
    "giro_e",
    "innogy",
    "innogy_meter_values",
    "mennekes",
    "mennekes_meter_values",
    "ocmf",
    "ocmf_stop",
    "sml",
    "sml_meter_values",
]

_SIGNATURE = "3045022100" + "A7f0" * 15 + "0220" + "0b1C" * 16


def ocmf(reading: str = "15.6900", pagination: str = "T42") -> str:
    r"""
    An OCMF text, C{OCMF|{…}|{…}}, as it stands within a JSON text: quotation marks escaped.

    @param reading: the register, as the meter spells it. [kWh]
    """
    data = (
        f'{{"FV":"1.0","GI":"Me\\u00dfger\\u00e4t","GS":"07/2","PG":"{pagination}",'
        '"MV":"DZG","MM":"DVH4013","IS":true,"IT":"ISO14443","ID":"04A2B3C4D5E6F7",'
        f'"RD":[{{"TM":"2026-03-01T13:00:00,000+0100 S","TX":"B","RV":{reading},'
        '"RI":"1-b:1.8.0","RU":"kWh","RT":"AC","EF":"","ST":"G"}]}'
    )
    signature = f'{{"SA":"ECDSA-secp256r1-SHA256","SD":"{_SIGNATURE}"}}'
    return f"OCMF|{data}|{signature}".replace('"', '\\"')


def mennekes(transaction: int = 7) -> str:
    """
    A C{signedMeterValue} in XML, in base64 with its slashes escaped, as some libraries do.

    @param transaction: a number in it that looks like the one of the transaction, and is not to
        be touched.
    """
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><signedMeterValue>'
        '<publicKey encoding="base64">MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE</publicKey>'
        '<meterValueSignature encoding="base64">3q2+78r+/9oA</meterValueSignature>'
        f'<encodedMeterValue encoding="base64">CQFFTUgAAIfpP8A{transaction}=='
        "</encodedMeterValue></signedMeterValue>"
    )
    return base64.b64encode(xml.encode()).decode("ascii").replace("/", "\\/")


def sml(register: int = 0x2A) -> str:
    """An SML message of an EDL40 meter, in hexadecimal of both cases."""
    return f"1B1B1B1B010101017605{register:08x}62006200726500000701770b0901454d4800008DEADbeef"


def innogy() -> str:
    """A public key and a signature: JSON in a text of JSON, with names like those around."""
    inner = (
        '{"publicKey":"3059301306072A8648CE3D0201","transactionId":99,"connectorId": 9,'
        f'"signedData":"\\/u00e9","signature":"{_SIGNATURE}","cycle":1.0}}'
    )
    return inner.replace("\\", "\\\\").replace('"', '\\"')


def giro_e(transaction: str = "4711") -> bytes:
    """The DataTransfer of Giro-E: the data is JSON in a text."""
    return (
        b'{ "vendorId":"com.giro-e","messageId" : "chargingTransaction",'
        b'"data":"{\\"transactionId\\": %b, \\"kwh\\":1.50, \\"stadt\\":\\"K\\u00f6ln\\",'
        b'\\"connectorId\\":1,\\"url\\":\\"https:\\/\\/giro-e.example\\/\\"}" }'
    ) % transaction.encode("ascii")


def _signed(value: str, encoding: str = "OCMF") -> bytes:
    return (
        b'{"value":"%b","context":"Transaction.Begin","format":"SignedData",'
        b'"location":"Outlet","measurand":"Energy.Active.Import.Register",'
        b'"encodingMethod":"%b","scale":-1e0}'
    ) % (value.encode("utf-8"), encoding.encode("ascii"))


def ocmf_stop(transaction: str = "4711") -> bytes:
    """A StopTransaction with the OCMF of its begin and end, the number behind them."""
    values = b",".join(
        _signed(ocmf(kwh, page)) for kwh, page in (("15.69", "T1"), ("1e1", "T2"))
    )
    return (
        b'{"transactionData":[{"timestamp":"2026-03-01T12:29:00Z","sampledValue":[%b]}],'
        b'\n\t"meterStop":3500, "timestamp":"2026-03-01T12:29:00Z",'
        b'"transactionId"  :\r\n %b ,"reason":"EVDisconnected","idTag":"04A\\u0032"}'
    ) % (values, transaction.encode("ascii"))


def mennekes_meter_values(connector: str = "1", transaction: str = "4711") -> bytes:
    """MeterValues with a signed value in XML, the names written with escapes."""
    return (
        b'{"meterValue":[{"timestamp":"2026-03-01T12:00:00Z","sampledValue":[%b]}],'
        b'"\\u0063onnectorId":%b,"transaction\\u0049d":%b}'
    ) % (_signed(mennekes(), "EDL"), connector.encode("ascii"), transaction.encode("ascii"))


def sml_meter_values(connector: str = "1", transaction: str = "4711") -> bytes:
    """MeterValues with an SML message, and a vendor's own object with the same names in it."""
    return (
        b'{"x-vendor":{"transactionId":5,"connectorId":[1,{"connectorId":2}]},'
        b'"connectorId":%b,"transactionId":%b,"meterValue":'
        b'[{"sampledValue":[%b],"timestamp":"2026-03-01T12:00:00.000+01:00"}]}'
    ) % (connector.encode("ascii"), transaction.encode("ascii"), _signed(sml(), "SML"))


def innogy_meter_values(connector: str = "1", transaction: str = "4711") -> bytes:
    """MeterValues with JSON in a text, whose names are those of the object around it."""
    return (
        b'{"connectorId":%b,"meterValue":[{"timestamp":"2026-03-01T12:00:00Z",'
        b'"sampledValue":[%b]}],"note":"\\"transactionId\\":1,\\\\","transactionId":%b}'
    ) % (connector.encode("ascii"), _signed(innogy(), "JSON"), transaction.encode("ascii"))


#: The DataTransfer of Giro-E.
GIRO_E = giro_e()

#: One payload of each kind about connector 1 and transaction 4711, by what it is a sample of.
SIGNED: Mapping[str, bytes] = {
    "OCMF in a StopTransaction": ocmf_stop(),
    "Mennekes in MeterValues": mennekes_meter_values(),
    "SML in MeterValues": sml_meter_values(),
    "Innogy in MeterValues": innogy_meter_values(),
}
