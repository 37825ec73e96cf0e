# SPDX-License-Identifier: BSD-3-Clause
"""A terminal as people have one: tmux, which draws what a program writes and types what we say."""

import secrets
import subprocess
import time


class Tmux:
    """One program on a terminal of so many columns and lines; a server of its own, removed by close.

    The program runs below a shell that says `ended CODE` behind it and what `stty` says before and
    afterwards, so that one sees what it left."""

    def __init__(self, words, columns=80, lines=24, env=""):
        self.server = f"shunt-{secrets.token_hex(4)}"
        command = " ".join(f"'{word}'" for word in words)
        how = "echo stty $(stty -g | cksum)"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines),
                   f"{how}; {env} {command}; echo ended $?; {how}; exec sleep 600")

    def _tmux(self, *words, check=True):
        return subprocess.run(["tmux", "-L", self.server, *words], capture_output=True, text=True,
                              timeout=30, check=check).stdout

    def type(self, *keys):
        """Keys by tmux' names: q, Tab, C-c, Down; words are typed letter by letter."""
        self._tmux("send-keys", *keys)

    def resize(self, columns, lines):
        """As if somebody pulled at the window."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self):
        """What stands on it: lines without the blanks at their ends."""
        return self._tmux("capture-pane", "-p").split("\n")

    def until(self, fits, what, timeout=20):
        """Look until fits(lines) is true; those lines."""
        end = time.monotonic() + timeout
        while True:
            lines = self.screen()
            if fits(lines):
                return lines
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not on the screen:\n" + "\n".join(lines))
            time.sleep(0.05)

    def until_text(self, text, timeout=20):
        """Look until the text stands somewhere."""
        return self.until(lambda lines: any(text in line for line in lines), repr(text), timeout)

    def end(self):
        """The program's exit code, once it ended; AssertionError if it left the terminal otherwise than
        it found it."""
        lines = self.until(lambda lines: sum(line.startswith("stty ") for line in lines) == 2, "its end")
        before, after = (line for line in lines if line.startswith("stty "))
        if before != after or self._tmux("display", "-p", "#{alternate_on} #{cursor_flag}") != "0 1\n":
            raise AssertionError(f"the terminal is not as before: {before}, now {after}")
        return int(next(line for line in lines if line.startswith("ended ")).split()[1])

    def close(self):
        """End it all."""
        self._tmux("kill-server", check=False)
