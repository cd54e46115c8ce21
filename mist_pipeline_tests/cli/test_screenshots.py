"""The pictures of the documentation: what they need is named, and they stay small."""

import io
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from mist_pipeline.cli.screenshots import __main__ as screenshots
from mist_pipeline.cli.screenshots.chromium import NothingToShowError, find_chromium, photograph, small
from mist_pipeline.cli.screenshots.live_screen import pictures
from mist_pipeline_tests.support.chromium import CHROMIUM, needs_chromium
from mist_pipeline_tests.support.overview.organisations import AT, HOSTILE, Organisation

PROJECT = Path(__file__).parents[2]
IMAGES = PROJECT / "docs" / "images"
MOST_BYTES = 150_000


def test_without_chromium_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert screenshots.main(["--data", str(tmp_path)]) == 1
    assert "apt-get install chromium" in capsys.readouterr().err


def test_without_a_finished_demonstration_it_says_what_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHROMIUM", sys.executable)
    (tmp_path / "scene.json").write_text("{}")
    assert screenshots.main(["--data", str(tmp_path)]) == 1
    assert "run `make demo` first" in capsys.readouterr().err


@pytest.mark.slow
def test_a_program_that_makes_no_picture_is_named_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(NothingToShowError, match="made no picture of file:///nowhere"):
        photograph(sys.executable, "file:///nowhere", tmp_path / "page.png")


@needs_chromium
@pytest.mark.slow
def test_a_page_becomes_a_small_picture(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<style>@media (prefers-color-scheme: dark) { body { background: #a8123e } }</style><body>Hello</body>"
    )
    assert CHROMIUM is not None
    photograph(find_chromium(), page.as_uri(), tmp_path / "page.png", width=300, height=200, is_dark=True)
    with Image.open(tmp_path / "page.png") as picture:
        assert (picture.size, picture.mode) == ((300, 200), "P")
        assert picture.convert("RGB").getpixel((299, 199)) == (0xA8, 0x12, 0x3E)


def test_a_mail_is_shown_wide_on_a_phone_and_dark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, tuple[str, int, bool]] = {}

    def take(
        _chromium: str, address: str, target: Path, *, width: int, height: int, is_dark: bool = False
    ) -> None:
        target.write_bytes(b"")
        taken[target.stem] = (address, width, is_dark)

    monkeypatch.setattr(screenshots, "photograph", take)
    with pytest.raises(NothingToShowError, match="run `make demo` first"):
        screenshots.first_mail(tmp_path)
    mail = tmp_path / "messages" / "i1" / "001-first-1.html"
    mail.parent.mkdir(parents=True)
    mail.write_text("Hello")
    screenshots.take_mails("chromium", screenshots.first_mail(tmp_path), tmp_path)
    address = mail.as_uri()
    assert taken == {
        "mail": (address, 720, False),
        "mail-phone": (address, 360, False),
        "mail-dark": (address, 360, True),
    }


def test_a_palette_changes_nothing_but_the_size() -> None:
    plain = io.BytesIO()
    with Image.new("RGB", (400, 300), "#f7f6f3") as picture:
        for at in range(100):
            picture.putpixel((at, at), (at, 0, 0))
        picture.save(plain, "PNG")
        with Image.open(io.BytesIO(small(plain.getvalue()))) as packed:
            assert packed.size == picture.size
            assert packed.convert("RGB").getpixel((200, 10)) == picture.getpixel((200, 10))


@pytest.mark.slow
def test_the_live_screen_is_drawn_without_asking_a_network_and_names_stay_text(tmp_path: Path) -> None:
    organisation = Organisation(tmp_path / "org", ("Berlin", *HOSTILE)).make()

    class Nobody:
        who = "ada"

    drawn = pictures(organisation.overview(), Nobody(), lambda: AT, (100, 30))  # type: ignore[arg-type]
    assert list(drawn) == ["watch", "watch-site"]
    for svg in drawn.values():
        assert svg.startswith("<svg")
        assert "url(http" not in svg
        assert "<script" not in svg
    assert "&lt;script&gt;" in drawn["watch"]
    assert "Service&#160;levels" in drawn["watch-site"]


def test_every_picture_of_the_documentation_is_small_and_is_shown() -> None:
    pages = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")]
    shown = {
        (page.parent / target).resolve()
        for page in pages
        for target in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    }
    pictures_here = {path.resolve() for path in IMAGES.rglob("*") if path.is_file()}
    assert pictures_here - shown == set()
    assert [path.name for path in pictures_here if path.stat().st_size > MOST_BYTES] == []
