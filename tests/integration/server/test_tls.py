import ssl
import subprocess
import warnings

import pytest
from running import get

from dddp.testing.client import DDPClient

REFUSED = (ssl.SSLError, ConnectionResetError)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Paths of a self-signed certificate for 127.0.0.1 and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    names = {"certificate": folder / "cert.pem", "key": folder / "key.pem"}
    kind = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    name = "-subj /CN=test -addext subjectAltName=IP:127.0.0.1,IP:::1"
    files = ["-out", names["certificate"], "-keyout", names["key"]]
    subprocess.run(
        ["openssl", "req", *kind.split(), *name.split(), *files],
        check=True,
        capture_output=True,
    )
    return names


@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=" ".join)
async def test_https_and_wss(serve, certificate, options):
    cert, key = certificate["certificate"], certificate["key"]
    server = serve("--ssl-certfile", cert, "--ssl-keyfile", key, *options)
    assert server.http.startswith("https://")
    assert server.ws.startswith("wss://")
    context = ssl.create_default_context(cafile=cert)
    assert get(server.http, context=context) == "hello"
    async with DDPClient(server.ws, ssl=context) as client:
        await client.subscribe("Items")
    assert server.end() == 0


async def test_ipv6_and_versions(start, certificate):
    cert, key = certificate["certificate"], certificate["key"]
    server = start("dddp", "[::1]:0", "--ssl-certfile", cert, "--ssl-keyfile", key)
    http, ws = server.wait_listening()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=cert)
        context.minimum_version = context.maximum_version = version
        async with DDPClient(ws, ssl=context) as client:
            await client.subscribe("Items")
            secure = client._socket.transport.get_extra_info("ssl_object")
            assert any(kind in secure.cipher()[0] for kind in ("GCM", "CHACHA20"))
    for ciphers in ("ALL:!AESGCM:!CHACHA20:@SECLEVEL=0", "NULL:@SECLEVEL=0"):
        context = ssl.create_default_context(cafile=cert)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        with pytest.raises(REFUSED):
            await DDPClient(ws, ssl=context).open()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = ssl.create_default_context(cafile=cert)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(REFUSED):
        await DDPClient(ws, ssl=context).open()
    assert get(http, context=ssl.create_default_context(cafile=cert)) == "hello"


def test_key_in_the_same_file(serve, certificate, tmp_path):
    both = tmp_path / "both.pem"
    both.write_text(certificate["certificate"].read_text() + certificate["key"].read_text())
    serve("--ssl-certfile", both)


@pytest.mark.parametrize("key", ["nothing.pem", None])
def test_unusable_files(start, certificate, key):
    options = ["--ssl-certfile", certificate["certificate"]]
    options += ["--ssl-keyfile", key] if key else []
    server = start("dddp", *options)
    assert server.wait() == 1
    (line,) = server.output.splitlines()
    assert line.startswith("TLS cannot use ")
    assert "--ssl-keyfile" in line
