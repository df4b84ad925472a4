"""What Ctrl+C leaves behind is told as it is."""

from __future__ import annotations

import pytest

from mien.core import cli


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("capture", "stopped, nothing was written."),
        ("train", "stopped; go on with --resume."),
        ("export", "stopped."),
    ],
)
def test_ctrl_c(
    command: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupted)
    assert cli.main([command]) == 130
    assert capsys.readouterr().err == f"mien: {says}\n"
