import pytest

from dddp.meteor.browsers import is_modern

IOS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS {} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
)


@pytest.mark.parametrize(
    ("agent", "modern"),
    [
        (
            "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
            True,
        ),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36", True),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", True),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/54.0 Safari/537.36", False),
        ("Mozilla/5.0 (X11; rv:128.0) Gecko/20100101 Firefox/128.0", True),
        ("Mozilla/5.0 (X11; rv:45.0) Gecko/20100101 Firefox/45.0", False),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15", True),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/602.1 Version/10.1 Safari/602.1", False),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/46.0 Safari/537.36 Edge/13.10586", False),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/64.0 Safari/537.36 Edge/17.17134", True),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", False),
        (f"{IOS.format('17_4')} Version/17.4 Mobile/15E148 Safari/604.1", True),
        (f"{IOS.format('17_4')} CriOS/140.0 Mobile/15E148 Safari/604.1", True),
        (f"{IOS.format('10_3')} CriOS/60.0 Mobile/14E Safari/602.1", False),
        ("curl/8.5.0", False),
        ("", False),
        ("Chrome/" + "9" * 5000, True),
    ],
)
def test_is_modern(agent, modern):
    assert is_modern(agent) is modern
