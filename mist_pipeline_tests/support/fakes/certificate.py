"""Certificates for tests of TLS, made when they run: signed by themselves, or by an authority that nobody knows."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


def self_signed(folder: Path) -> Path:
    """A certificate for ``localhost``, signed by itself, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: TLS is not tested")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


@dataclass(frozen=True)
class Signed:
    """A certificate with its key in one file, and the certificate of the authority that signed it."""

    certificate: Path
    authority: Path


def private_authority(folder: Path, host: str = "localhost", **options: Any) -> Signed:
    """An authority as a company runs one, and a certificate that it gave a host; options as `trustme` has them."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    issued = authority.issue_cert(host, **options)
    signed = Signed(folder / "server.pem", folder / "authority.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(signed.certificate)
    authority.cert_pem.write_to_path(signed.authority)
    return signed


def server_context(certificate: Path) -> ssl.SSLContext:
    """For a server that shows this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context
