import argparse

import pytest

from dddp.server.options import Address, add_arguments, options_from, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.0.2.1:80", "192.0.2.1", 80),
        ("localhost:9000", "localhost", 9000),
        ("9000", "127.0.0.1", 9000),
        (":9000", "127.0.0.1", 9000),
        ("0", "127.0.0.1", 0),
        ("[::1]:9000", "::1", 9000),
        ("[::1]", "::1", 8000),
        ("0.0.0.0", "0.0.0.0", 8000),
        ("example.com", "example.com", 8000),
    ],
)
def test_address(text, host, port):
    assert parse_address(text) == Address(host, port)


def test_unix_socket():
    address = parse_address("unix:/run/app.sock")
    assert (address.path, str(address)) == ("/run/app.sock", "unix:/run/app.sock")


@pytest.mark.parametrize(
    "text", ["unix:", "", ":", "::1", "a:b", "a:", "[::1", "1:2:3", "a:65536", "[]:1"]
)
def test_no_address(text):
    with pytest.raises(argparse.ArgumentTypeError, match="write HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    ("address", "text"), [(Address("a", 1), "a:1"), (Address("::1", 1), "[::1]:1")]
)
def test_address_as_text(address, text):
    assert str(address) == text


def parse(*arguments, reload=False):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return options_from(parser.parse_args(arguments), verbose=False, reload=reload)


@pytest.mark.parametrize(("text", "mode"), [("660", 0o660), ("0600", 0o600), ("777", 0o777)])
def test_unix_mode(text, mode):
    assert parse("--unix-mode", text).unix_mode == mode


@pytest.mark.parametrize("text", ["rw", "6600", "68", "888"])
def test_no_mode(text, capsys):
    with pytest.raises(SystemExit):
        parse("--unix-mode", text)
    assert "is no file mode" in capsys.readouterr().err


def test_defaults():
    options = parse()
    assert [str(address) for address in options.addresses] == ["127.0.0.1:8000"]
    assert (options.workers, options.reload, options.ssl_certfile) == (1, False, None)


@pytest.mark.parametrize(
    ("arguments", "default", "reload"),
    [
        ([], True, True),
        ([], False, False),
        (["--no-reload"], True, False),
        (["--reload"], False, True),
        (["--workers", "2"], True, False),
    ],
)
def test_reload(arguments, default, reload):
    assert parse(*arguments, reload=default).reload is reload


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--workers", "2", "--reload"], "leave out --workers"),
        (["--ssl-keyfile", "x"], "needs --ssl-certfile"),
    ],
)
def test_what_does_not_go_together(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(*arguments)
