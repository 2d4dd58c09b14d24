"""Whether a chain leads to somebody who is believed; compared with C{openssl verify}."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.issuing import make_request
from cfos_cm.certificates.pem import pem_of, read_certificates
from cfos_cm.certificates.signatures import has_signed
from cfos_cm.certificates.subject import Subject
from cfos_cm.certificates.trust import Purpose, authority_words, may_sign, verify_chain
from tests.certificates.made import (
    DAY,
    NOW,
    authority,
    certificate,
    client_pair,
    ec_key,
    key_pem,
    named,
    rsa_key,
    server_pair,
)
from tests.certificates.openssl import accepts, openssl
from tests.certificates.test_pair import hashed_with

KEY_ID = (x509.AuthorityKeyIdentifier(b"of the old key", None, None), False)
_CLIENT, _SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def ca(path_length: int | None = None, is_ca: bool = True) -> tuple[x509.ExtensionType, bool]:
    """Whether one may sign."""
    return x509.BasicConstraints(is_ca, path_length if is_ca else None), True


def usage(**allowed: bool) -> tuple[x509.ExtensionType, bool]:
    """What a key is for."""
    every = (
        *("digital_signature", "content_commitment", "key_encipherment"),
        *("data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
        *("encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{one: allowed.get(one, False) for one in every}), True


def uses(*purposes: ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    """What a certificate is for."""
    return x509.ExtendedKeyUsage(purposes), False


class Link:
    """One certificate of a chain, before it is made."""

    def __init__(self, name: str, number: int, *extensions: Any, **more: Any) -> None:
        self.name = name
        self.key = ec_key(100 + number)
        self.extensions = extensions
        self.more = more

    def signed_by(self, issuer: Link) -> x509.Certificate:
        """The certificate."""
        return certificate(
            self.name,
            issuer.name,
            self.key,
            issuer.key,
            extensions=self.extensions,
            **self.more,
        )


def chained(*links: Link) -> tuple[x509.Certificate, ...]:
    """Each is signed by the one behind it, the last by itself."""
    return tuple(
        one.signed_by(links[min(number, len(links) - 1)]) for number, one in enumerate(links, 1)
    )


class VerifyChain(SynchronousTestCase):
    """
    Chains, and who is believed.

    @ivar then: when what C{openssl} has made is valid.
    """

    then: datetime

    def believed(
        self,
        chain: Sequence[x509.Certificate],
        authorities: Sequence[x509.Certificate],
        purpose: Purpose = "client",
        now: datetime = NOW,
    ) -> None:
        """It is."""
        self.assertIsNone(verify_chain(chain, authorities, now, purpose))

    def refused(
        self,
        words: str,
        chain: Sequence[x509.Certificate],
        authorities: Sequence[x509.Certificate],
        purpose: Purpose = "client",
        now: datetime = NOW,
    ) -> None:
        """It is not, and these are the words."""
        self.assertEqual(words, verify_chain(chain, authorities, now, purpose))

    def test_plain(self) -> None:
        """A certificate and its root; with the root in the chain or without."""
        leaf, root = client_pair().chain
        self.believed((leaf,), (root,))
        self.believed((leaf, root), (root,))
        self.believed((leaf,), (authority("Other").certificate, root))
        self.believed(server_pair().chain, (root,), "server")

    def test_itself(self) -> None:
        """A certificate that is named itself is believed, whoever has signed it."""
        leaf, root = client_pair().chain
        self.believed((leaf,), (leaf,))
        self.believed((leaf, root), (leaf,))
        own = certificate("own")
        self.believed((own,), (own,))

    def test_nobody(self) -> None:
        """Nobody is believed for his own words, or for those of a namesake."""
        leaf, root = client_pair().chain
        words = "the certificate of CN=CP-1 is signed by none of those who are believed"
        self.refused(words, (leaf,), ())
        self.refused(words, (leaf, root), ())
        self.refused(words, (leaf, root), (authority("Other").certificate,))
        namesake = certificate("Root", key=ec_key(9), extensions=[ca()])
        self.refused(words, (leaf, root), (namesake,))
        self.refused(words, (leaf, namesake), (namesake,))
        self.refused("the chain has 0 certificates; 1 to 5 are allowed", (), (root,))

    def test_middle(self) -> None:
        """Authorities in between, in any order; one of them may be the one that is believed."""
        chain = chained(
            Link("leaf", 0), Link("b", 1, ca(0)), Link("a", 2, ca(1)), Link("root", 3, ca())
        )
        leaf, b, a, root = chain
        self.believed(chain, (root,))
        self.believed((leaf, a, b), (root,))
        self.believed((leaf, b, a), (a,))
        self.believed((leaf, b), (a,))
        self.believed((leaf,), (b,))
        words = "the certificate of CN=leaf is signed by none of those who are believed"
        self.refused(words, (leaf, b), (root,))
        self.refused(words, (leaf, a), (root,))

    def test_notAuthorities(self) -> None:
        """Whoever may not sign others has signed nothing."""
        for extensions in ([], [ca(is_ca=False)], [ca(), usage(digital_signature=True)]):
            chain = chained(
                Link("leaf", 0), Link("middle", 1, *extensions), Link("root", 2, ca())
            )
            self.refused(
                "the certificate of CN=middle is not that of an authority (CA)",
                chain,
                chain[-1:],
            )
        for extensions in ([ca(), usage(key_cert_sign=True)], [usage(key_cert_sign=True)]):
            chain = chained(
                Link("leaf", 0), Link("middle", 1, *extensions), Link("root", 2, ca())
            )
            self.believed(chain, chain[-1:])

    def test_pathLength(self) -> None:
        """An authority may limit how many there are below it."""
        chain = chained(
            Link("leaf", 0), Link("b", 1, ca()), Link("a", 2, ca(0)), Link("root", 3, ca())
        )
        self.refused(
            "the certificate of CN=a allows 0 more authorities below it, and there are 1",
            chain,
            chain[-1:],
        )

    def test_rollOver(self) -> None:
        """A root that has signed its own next key is not one more below it."""
        root = certificate("root", key=ec_key(1), extensions=[ca(0)])
        bridge = certificate("root", "root", ec_key(2), ec_key(1), extensions=[ca(), KEY_ID])
        leaf = certificate("leaf", "root", ec_key(), ec_key(2))
        self.believed((leaf, bridge), (root,))

    def test_otherSelf(self) -> None:
        """One that is signed by itself is believed only itself, not for its namesake."""
        one, other = certificate("own"), certificate("own", serial=6)
        words = "the certificate of CN=own is signed by none of those who are believed"
        self.refused(words, (one,), (other,))

    def test_length(self) -> None:
        """Five are the most, with the one that is believed."""
        four = [Link(f"m{number}", number, ca()) for number in range(1, 5)]
        chain = chained(Link("leaf", 0), *four[:3], Link("root", 9, ca()))
        self.believed(chain, chain[-1:])
        self.believed(chain[:-1], chain[-1:])
        long = chained(Link("leaf", 0), *four, Link("root", 9, ca()))
        self.refused("the chain has 6 certificates; 1 to 5 are allowed", long, long[-1:])
        self.refused("the chain has 6 certificates; 5 are allowed", long[:-1], long[-1:])

    def test_time(self) -> None:
        """Each of them has to be valid now, the believed one, too."""
        for link, expired in ((0, "leaf"), (1, "middle"), (2, "root")):
            links = [Link("leaf", 0), Link("middle", 1, ca()), Link("root", 2, ca())]
            links[link].more["ends"] = NOW - DAY / 2
            chain = chained(*links)
            self.refused(
                f"the certificate of CN={expired} has expired on 2026-05-04",
                chain,
                chain[-1:],
            )
            links[link].more = {"begins": NOW + DAY / 2}
            chain = chained(*links)
            self.refused(
                f"the certificate of CN={expired} is valid from 2026-05-05 on only; is the "
                "clock here right?",
                chain,
                chain[-1:],
            )

    def test_renewedRoot(self) -> None:
        """A root that has expired does not stand in the way of its successor."""
        old = certificate("root", key=ec_key(2), ends=NOW - DAY / 2, extensions=[ca()])
        new = certificate("root", key=ec_key(2), extensions=[ca()], serial=6)
        leaf = certificate("leaf", "root", signed_with=ec_key(2))
        for authorities in ((old, new), (new, old)):
            self.believed((leaf,), authorities)

    def test_purpose(self) -> None:
        """What a certificate is for, is said by itself and by each of its authorities."""
        leaf, root = client_pair().chain
        self.refused(
            "the certificate of CN=CP-1 is not for a server: its extended key usage says so",
            (leaf,),
            (root,),
            "server",
        )
        both = Link("leaf", 0, uses(_CLIENT, _SERVER))
        chain = chained(both, Link("middle", 1, ca(), uses(_SERVER)), Link("root", 2, ca()))
        self.believed(chain, chain[-1:], "server")
        self.refused(
            "the certificate of CN=middle is not for a client: its extended key usage says so",
            chain,
            chain[-1:],
        )
        anything = Link("leaf", 0, uses(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE))
        chain = chained(anything, Link("root", 2, ca()))
        self.believed(chain, chain[-1:])
        chain = chained(Link("leaf", 0, usage(crl_sign=True)), Link("root", 2, ca()))
        self.refused(
            "the certificate of CN=leaf is not for TLS: its key usage says so",
            chain,
            chain[-1:],
        )

    def test_weak(self) -> None:
        """Weak keys and signatures are believed nowhere but below a root itself."""
        small = ec.generate_private_key(ec.SECP192R1())
        root = certificate("root", key=small, extensions=[ca()])
        leaf = certificate("leaf", "root", signed_with=small)
        words = verify_chain((leaf,), (root,), NOW, "client")
        self.assertEqual(
            "the certificate of CN=root is weak: its key has 192 bits; EC needs 224 at least",
            words,
        )
        for digest in ("sha1", "md5"):
            old, signer = self.old_leaf(digest)
            self.believed((signer,), (signer,), "client", self.then)
            self.refused(
                f"the certificate of CN=leaf is signed with {digest.upper()}; SHA-256 is "
                "needed at least",
                (old,),
                (signer,),
                "client",
                self.then,
            )
            self.believed((old,), (old,), "client", self.then)
            namesake = certificate("other", key=rsa_key())
            self.assertEqual(
                (True, False), (has_signed(signer, old), has_signed(namesake, old))
            )
        old = hashed_with("sha1").certificate
        now = old.not_valid_before_utc + DAY
        self.assertIsNone(authority_words(old, now))

    def old_leaf(self, digest: str) -> tuple[x509.Certificate, x509.Certificate]:
        """A certificate that was signed with an old hash, and who has signed it."""
        root, key = hashed_with("sha256").certificate, Path(self.mktemp())
        key.write_bytes(key_pem(rsa_key()))
        signer = Path(self.mktemp())
        signer.write_text(pem_of(root))
        request = pem_of(make_request(Subject("leaf"), (), ec_key()))
        pem = openssl(
            *("x509", "-req", f"-{digest}", "-days", "3"),
            *("-CA", str(signer), "-CAkey", str(key), "-set_serial", "7"),
            said=request.encode(),
        )
        (leaf,) = read_certificates(pem.encode(), "leaf")
        self.then = leaf.not_valid_before_utc + timedelta(hours=1)
        return leaf, root

    def test_edwards(self) -> None:
        """An authority may have a key of Ed25519."""
        key = ed25519.Ed25519PrivateKey.generate()
        root = (
            x509.CertificateBuilder()
            .subject_name(named("root"))
            .issuer_name(named("root"))
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
            .add_extension(*ca())
            .sign(key, None)
        )
        leaf = (
            x509.CertificateBuilder()
            .subject_name(named("leaf"))
            .issuer_name(named("root"))
            .public_key(ec_key().public_key())
            .serial_number(8)
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
            .sign(key, None)
        )
        self.believed((leaf,), (root,))

    def test_unknownLimits(self) -> None:
        """What has limits that are not understood is not believed."""
        odd = ObjectIdentifier("1.2.3.4")
        names = x509.NameConstraints([x509.DNSName("example.com")], None)
        for extension, oid in (
            ((x509.UnrecognizedExtension(odd, b"\5\0"), True), "1.2.3.4"),
            ((names, True), "2.5.29.30"),
            ((names, False), "2.5.29.30"),
        ):
            chain = chained(Link("leaf", 0), Link("root", 1, ca(), extension))
            self.refused(
                f"the certificate of CN=root has a limit in it that is not known here ({oid})",
                chain,
                chain[-1:],
            )
        note = (x509.UnrecognizedExtension(odd, b"\5\0"), False)
        chain = chained(Link("leaf", 0, note), Link("root", 1, ca(), note))
        self.believed(chain, chain[-1:])

    def test_sameName(self) -> None:
        """One with its authority's name is not told apart from a root, as with OpenSSL."""
        root = certificate("same", key=ec_key(1), extensions=[ca()])
        leaf = certificate("same", "same", ec_key(), ec_key(1))
        self.refused(
            "the certificate of CN=same has the name of its authority, and is not signed by "
            "itself",
            (leaf,),
            (root,),
        )
        self.believed((leaf,), (leaf,))

    def test_circle(self) -> None:
        """Authorities that have signed each other lead nowhere, and the search ends."""
        a, b = ec_key(1), ec_key(2)
        circle = [
            certificate(one, other, own, by, extensions=[ca()], serial=serial)
            for serial in (1, 2)
            for one, other, own, by in (("a", "b", a, b), ("b", "a", b, a))
        ]
        leaf = certificate("leaf", "a", signed_with=a)
        words = "the certificate of CN=leaf is signed by none of those who are believed"
        self.refused(words, (leaf, *circle), (authority().certificate,))


class MaySign(SynchronousTestCase):
    """Who is an authority."""

    def test_roots(self) -> None:
        """Those that say so, and no others."""
        for extensions, expected in (
            ([], False),
            ([ca()], True),
            ([ca(is_ca=False)], False),
            ([ca(), usage(key_cert_sign=True)], True),
            ([ca(), usage(crl_sign=True)], False),
            ([ca(is_ca=False), usage(key_cert_sign=True)], False),
            ([usage(key_cert_sign=True)], True),
        ):
            self.assertIs(expected, may_sign(certificate(extensions=extensions)))

    def test_words(self) -> None:
        """For installing: an authority, valid and strong."""
        root = authority().certificate
        self.assertIsNone(authority_words(root, NOW))
        self.assertEqual(
            "the certificate of CN=Root has expired on 2036-05-01",
            authority_words(root, NOW + 4000 * DAY),
        )
        self.assertEqual(
            "the certificate of CN=server is not that of an authority (CA)",
            authority_words(server_pair().certificate, NOW),
        )


@frozen
class Drawn:
    """How a chain is made."""

    basic: str = "ca"
    usage: str = "none"
    purposes: str = "none"
    time: str = "now"

    def link(self, name: str, number: int) -> Link:
        """It."""
        extensions = [
            *{"ca": [ca()], "short": [ca(0)], "not": [ca(is_ca=False)], "none": []}[self.basic],
            *{
                "none": [],
                "sign": [usage(key_cert_sign=True)],
                "tls": [usage(digital_signature=True)],
            }[self.usage],
            *{
                "none": [],
                "client": [uses(_CLIENT)],
                "server": [uses(_SERVER)],
                "both": [uses(_CLIENT, _SERVER)],
            }[self.purposes],
        ]
        times = {"now": {}, "old": {"ends": NOW - DAY / 2}, "new": {"begins": NOW + DAY / 2}}
        return Link(name, number, *extensions, **times[self.time])


_DRAWN = st.builds(
    Drawn,
    st.sampled_from(["ca", "ca", "ca", "short", "not", "none"]),
    st.sampled_from(["none", "none", "sign", "tls"]),
    st.sampled_from(["none", "none", "client", "server", "both"]),
    st.sampled_from(["now", "now", "now", "now", "old", "new"]),
)


class LikeOpenssl(SynchronousTestCase):
    """The same chains, for this and for OpenSSL."""

    @settings(max_examples=60)
    @given(
        st.lists(_DRAWN, min_size=1, max_size=4),
        st.integers(0, 3),
        st.sampled_from(["client", "server"]),
    )
    def test_noMore(self, drawn: list[Drawn], believed: int, purpose: Purpose) -> None:
        """What is believed here is believed by OpenSSL, and the other way round."""
        links = [one.link(f"n{number}", number) for number, one in enumerate(drawn)]
        chain = chained(*links)
        anchor = chain[min(believed, len(chain) - 1)]
        words = verify_chain(chain, (anchor,), NOW, purpose)
        self.assertEqual(self.openssl_believes(chain, anchor, purpose), words is None, words)

    def test_canBoth(self) -> None:
        """There are chains of which both say yes, and such of which both say no."""
        for one, expected in ((Drawn(), True), (evolve(Drawn(), basic="not"), False)):
            chain = chained(Link("leaf", 0), one.link("root", 1))
            self.assertIs(expected, self.openssl_believes(chain, chain[-1], "client"))
            self.assertIs(expected, verify_chain(chain, chain[-1:], NOW, "client") is None)

    def openssl_believes(
        self, chain: Sequence[x509.Certificate], anchor: x509.Certificate, purpose: Purpose
    ) -> bool:
        """What C{openssl verify} says."""
        files = [Path(self.mktemp()) for _ in range(3)]
        for file, parts in zip(files, (chain[:1], chain, [anchor]), strict=True):
            file.write_text(pem_of(*parts))
        leaf, others, authorities = map(str, files)
        return accepts(
            *("verify", "-partial_chain", "-attime", str(int(NOW.timestamp()))),
            *("-purpose", f"ssl{purpose}", "-CAfile", authorities),
            *("-untrusted", others, leaf),
        )
