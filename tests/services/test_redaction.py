"""Tests of taking secrets out of texts and messages."""

from __future__ import annotations

import json
import string
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.redaction import (
    HIDDEN,
    MAX_UNREADABLE_CHARS,
    without_secrets,
    without_secrets_in_frame,
)

SECRET = "hunter2-Zx9"

#: What passwords are made of.
PASSWORDS = st.text(string.ascii_letters + string.digits + "-_.!$+", min_size=8, max_size=30)


class Texts(SynchronousTestCase):
    """What a line of the log may say."""

    def test_hidden(self) -> None:
        """Whatever looks like a secret is hidden, and what stands around it is not."""
        for text, expected in (
            (f"Authorization: Basic {SECRET}=", "Authorization: ***"),
            (f"'authorization': 'Bearer {SECRET}', x", "'authorization': '***', x"),
            (f"Proxy-Authorization: Basic {SECRET}", "Proxy-Authorization: ***"),
            (f"Cookie: cfos_cm={SECRET}; a=b", "Cookie: ***"),
            (f"Set-Cookie: cfos_cm={SECRET}; Path=/", "Set-Cookie: ***"),
            (f"sent Bearer {SECRET} to it", "sent Bearer *** to it"),
            (f"ftp://me:{SECRET}@host/log", "ftp://***@host/log"),
            (f"wss://me:a@{SECRET}@host/", "wss://***@host/"),
            (f'password="{SECRET} b", c', "password=***, c"),
            (f"GatewayPassword={SECRET}, c", "GatewayPassword=***, c"),
            (f"signing_passphrase = '{SECRET}'", "signing_passphrase = ***"),
            (f'{{"apiToken": "{SECRET}", "a": 1}}', '{"apiToken": "***", "a": 1}'),
            (f'{{"secret":"a\\"{SECRET}"}}', '{"secret":"***"}'),
            (f'{{\\"secret\\":\\"a{SECRET}\\", ', '{\\"secret\\":\\"***\\", '),
            (f"password='{SECRET}", "password=***"),
            (f"password=b'{SECRET}', c", "password=***, c"),
            (f"sim_pin={SECRET}, wlan_pwd={SECRET}", "sim_pin=***, wlan_pwd=***"),
            (
                f"(key='AuthorizationKey', value='{SECRET}')",
                "(key='AuthorizationKey', value='***')",
            ),
            (
                f'{{"key":"WlanPassword","readonly":false,"value":"{SECRET}"}}',
                '{"key":"WlanPassword","readonly":false,"value":"***"}',
            ),
        ):
            self.assertEqual(expected, without_secrets(text), text)

    def test_private_key(self) -> None:
        """A private key is hidden, whole or cut off; a certificate is not."""
        begin, end = "-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----"
        for text in (f"a {begin}\n{SECRET}\n{end} b", f"a {begin}\n{SECRET}"):
            self.assertNotIn(SECRET, without_secrets(text))
            self.assertTrue(without_secrets(text).startswith("a -----BEGIN EC PRIVATE KEY"))
        certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
        self.assertEqual(certificate, without_secrets(certificate))

    def test_left_alone(self) -> None:
        """Sentences about such things are left as they are."""
        for text in (
            "bay-1: card …1234 is accepted",
            "[gateway g] password: found '***'; is sent to anybody",
            "the password of CP-1 was changed",
            "wss://backend.test/path/CP-1",
            "CP-1: no certificate with basic security",
        ):
            self.assertEqual(text, without_secrets(text))

    @given(PASSWORDS, st.sampled_from(["password={}", 'x "token": "{}" y', "http://u:{}@h/"]))
    def test_any_password(self, password: str, form: str) -> None:
        """Whatever a password is made of, nothing of it is left."""
        self.assertNotIn(password, without_secrets(form.format(password)))

    def test_hostile(self) -> None:
        """No text takes much longer than others: everybody waits meanwhile."""
        usual_s = _work_s("a-a, " * 13_000)
        for text in (
            "token.",
            "token_-_-",
            "a.a.a.token.a.a.a ",
            "'token'  ",
            'token"=',
            "a://",
        ):
            self.assertLess(_work_s(text * (65_000 // len(text))), 25 * usual_s, text)

    @given(st.text(max_size=300))
    def test_never_fails(self, text: str) -> None:
        """Any text is taken, and one that is clean stays so."""
        clean = without_secrets(text)
        self.assertEqual(clean, without_secrets(clean))


def _work_s(text: str) -> float:
    """How long a processor works on a text, at best. [s]"""
    found = []
    for _ in range(3):
        began_s = time.thread_time()
        without_secrets(text)
        found.append(time.thread_time() - began_s)
    return min(found)


class Frames(SynchronousTestCase):
    """Messages of OCPP-J."""

    def shown(self, *frame: object) -> str:
        """A message as it is shown."""
        return without_secrets_in_frame(json.dumps(frame).encode())

    def test_to_the_letter(self) -> None:
        """What has nothing to hide is shown as it came."""
        text = b'[2, "1",  "MeterValues",{"connectorId":1.0,"a":"\xc3\xa4"}]'
        self.assertEqual(text.decode(), without_secrets_in_frame(text))

    def test_configuration_keys(self) -> None:
        """The values of keys that are secrets are hidden, in both directions."""
        asked = self.shown(
            2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET}
        )
        told = self.shown(
            3,
            "1",
            {
                "configurationKey": [
                    {"key": "WifiPassword", "readonly": False, "value": SECRET},
                    {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
                ]
            },
        )
        for text in (asked, told):
            self.assertNotIn(SECRET, text)
            self.assertIn(HIDDEN, text)
        self.assertIn('"value":"300"', told)

    def test_places(self) -> None:
        """The user of a URL that a file goes to is hidden, and so is a password of a maker."""
        upload = self.shown(2, "1", "GetDiagnostics", {"location": f"ftp://a:{SECRET}@h/d"})
        data = self.shown(2, "1", "DataTransfer", {"data": json.dumps({"password": SECRET})})
        named = self.shown(2, "1", "DataTransfer", {"data": {"apiToken": SECRET}})
        key = json.dumps({"key": "AuthorizationKey", "value": SECRET})
        within = self.shown(2, "1", "DataTransfer", {"data": key})
        deeper = self.shown(2, "1", "DataTransfer", {"data": json.dumps(json.dumps([key]))})
        several = self.shown(2, "1", "X", {"passwords": [SECRET, {"a": SECRET}]})
        for text in (upload, data, named, within, deeper, several):
            self.assertNotIn(SECRET, text)
        number = self.shown(2, "1", "X", {"wlanPin": 1, "simPin": 4711, "hasToken": True})
        self.assertEqual('[2,"1","X",{"wlanPin":1,"simPin":"***","hasToken":true}]', number)

    def test_said_twice(self) -> None:
        """What is shown to the letter has no name in it twice, of which only one was read."""
        for payload in (
            f'{{"key":"AuthorizationKey","value":"{SECRET}","value":""}}',
            f'{{"key":"AuthorizationKey","key":"x","value":"{SECRET}"}}',
            f'{{"password":"{SECRET}","password":""}}',
        ):
            shown = without_secrets_in_frame(
                f'[2,"1","ChangeConfiguration",{payload}]'.encode()
            )
            self.assertNotIn(SECRET, shown)

    def test_unreadable(self) -> None:
        """What is no JSON is shown in part, and without what may be a secret in it."""
        for payload in (
            f'{{"key":"AuthorizationKey","value":"{SECRET}"',
            f'{{"value":"{SECRET}","key":"AuthorizationKey"',
            f'{{"key":"AuthorizationKey","value":"a\\"{SECRET}"',
            f'{{"key":"Authoriz\\u0061tionKey","value":"{SECRET}"',
            f"{{'key':'AuthorizationKey','value':'{SECRET}'",
        ):
            broken = f'[2,"1","ChangeConfiguration",{payload}'
            self.assertNotIn(SECRET, without_secrets_in_frame(broken.encode()), payload)
        self.assertEqual(MAX_UNREADABLE_CHARS, len(without_secrets_in_frame(b"x" * 10_000)))
        deep = without_secrets_in_frame(b"[" * 100_000)
        self.assertEqual(MAX_UNREADABLE_CHARS, len(deep))

    @given(st.binary(max_size=200))
    def test_never_fails(self, text: bytes) -> None:
        """Any bytes are shown somehow."""
        self.assertIsInstance(without_secrets_in_frame(text), str)
