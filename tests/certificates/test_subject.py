"""Names that certificates are made for."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.names import subject_words
from cfos_cm.certificates.subject import MAX_HOSTS, Subject, host_names, subject_of
from tests.certificates.made import named

_LETTERS = st.characters(codec="utf-8", categories=["L", "N"])


class Subjects(SynchronousTestCase):
    """Distinguished names."""

    def test_all(self) -> None:
        """Every part stands in the certificate, umlauts and all; the country in capitals."""
        subject = Subject(
            "Unsere Tiefgarage",
            "Tiefgarage Köln GmbH",
            "Abteilung 13",
            "Köln",
            "de",
            "info@tiefgarage-koeln.de",
        )
        self.assertEqual(
            "CN=Unsere Tiefgarage, O=Tiefgarage Köln GmbH, OU=Abteilung 13, L=Köln, C=DE, "
            "emailAddress=info@tiefgarage-koeln.de",
            subject_words(subject.name()),
        )

    def test_refused(self) -> None:
        """What cannot stand in a certificate is refused by name."""
        for fields, words in (
            ({"common_name": ""}, "the common name is empty"),
            ({"common_name": " \t"}, "the common name is empty"),
            (
                {"common_name": "a\0b"},
                "the common name has characters in it that cannot be printed",
            ),
            (
                {"common_name": "a\nb"},
                "the common name has characters in it that cannot be printed",
            ),
            (
                {"common_name": "a" * 65},
                "the common name has 65 characters; 64 are allowed",
            ),
            (
                {"common_name": "ä" * 33},
                "the common name has more than 64 bytes; letters such as umlauts count as two",
            ),
            ({"organisation": "o" * 65}, "the organisation has 65 characters; 64 are allowed"),
            ({"unit": ""}, "the unit is empty"),
            ({"locality": "l" * 129}, "the locality has 129 characters; 128 are allowed"),
            ({"country": "DEU"}, "the country has 3 characters; 2 are allowed"),
            ({"country": "D"}, "the country is 'D'; two letters are needed, such as DE"),
            ({"country": "1A"}, "the country is '1A'; two letters are needed, such as DE"),
            ({"country": "ÄÖ"}, "the country is 'ÄÖ'; two letters are needed, such as DE"),
            (
                {"email": "nobody"},
                "the email is 'nobody'; an address such as info@example.com is needed, "
                "without umlauts",
            ),
            (
                {"email": "info@köln.de"},
                "the email is 'info@köln.de'; an address such as info@example.com is needed, "
                "without umlauts",
            ),
        ):
            with self.assertRaises(CertificateFault) as raised:
                Subject(**{"common_name": "x", **fields})
            self.assertEqual(words, str(raised.exception))

    @given(
        st.builds(
            Subject,
            st.text(_LETTERS, min_size=1, max_size=16),
            st.none() | st.text(_LETTERS, min_size=1, max_size=64),
            st.none() | st.text(_LETTERS, min_size=1, max_size=64),
            st.none() | st.text(_LETTERS, min_size=1, max_size=128),
            st.none() | st.sampled_from(["DE", "at", "Ch"]),
            st.none() | st.sampled_from(["a@b", "info+x@example.com"]),
        )
    )
    def test_round(self, subject: Subject) -> None:
        """A name that was made is read again."""
        again = subject_of(subject.name())
        self.assertEqual(subject.name(), again.name())

    def test_takenOver(self) -> None:
        """Parts that are not known are left out; one common name is needed."""
        odd = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, "CP-1"),
                x509.NameAttribute(NameOID.SERIAL_NUMBER, "4711"),
                x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "NRW"),
            ]
        )
        self.assertEqual(Subject("CP-1"), subject_of(odd))
        for name in (named(""), x509.Name([*named("a"), *named("b")])):
            self.assertRaises(CertificateFault, subject_of, name)


class HostNames(SynchronousTestCase):
    """Host names and addresses."""

    def test_taken(self) -> None:
        """Names in all their spellings, and addresses."""
        for text, expected in (
            ("garage.local", "garage.local"),
            ("  Garage.LOCAL. ", "garage.local"),
            ("localhost", "localhost"),
            ("my_host", "my_host"),
            ("*.tiefgarage-koeln.de", "*.tiefgarage-koeln.de"),
            ("tiefgarage-köln.de", "xn--tiefgarage-kln-6pb.de"),
            ("*.Köln.de", "*.xn--kln-sna.de"),
            ("straße.de", "xn--strae-oqa.de"),
            ("xn--kln-sna.de", "xn--kln-sna.de"),
            ("192.168.1.20", "192.168.1.20"),
            ("2001:DB8::1", "2001:db8::1"),
            ("[::1]", "::1"),
            ("fe80::1%eth0", "fe80::1"),
        ):
            found = host_names([text])
            self.assertEqual([expected], [str(one.value) for one in found])
            is_address = expected[0].isdigit() or ":" in expected
            self.assertIsInstance(found[0], x509.IPAddress if is_address else x509.DNSName)

    def test_refused(self) -> None:
        """What is neither."""
        for text in (
            "",
            " ",
            ".",
            "*",
            "*.",
            "*.*.de",
            "a.*.de",
            "a*.de",
            "a..b",
            ".a",
            "-a.de",
            "a-.de",
            "a b",
            "Unsere Tiefgarage",
            "a\0b",
            "a/b",
            "http://a",
            "a:80",
            "1.2.3",
            "256.1.1.1",
            "1.2.3.4.5",
            "192.168.1.0/24",
            "a@b",
            "ä b",
            "\ud800",
            "a" * 64,
            "a." * 127 + "aa",
            "ü" * 70,
            "\u200d",
        ):
            with self.assertRaises(CertificateFault) as raised:
                host_names([text])
            self.assertTrue(str(raised.exception).isprintable(), text)

    def test_bounded(self) -> None:
        """Each once, and no more than fifty; endless ones are not waited for."""
        self.assertEqual(1, len(host_names(["a", "A", "a."])))
        self.assertEqual(MAX_HOSTS, len(host_names(f"h{n}" for n in range(MAX_HOSTS))))
        with self.assertRaises(CertificateFault):
            host_names(f"h{n}" for n in range(10**9))

    @given(st.text(max_size=80))
    def test_anything(self, text: str) -> None:
        """Any text is a host name or is refused."""
        try:
            (found,) = host_names([text])
        except CertificateFault:
            return
        x509.SubjectAlternativeName([found]).public_bytes()
