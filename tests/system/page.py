# SPDX-License-Identifier: BSD-3-Clause
"""What `make demo` prints: numbered headlines, commands as a user would type them, and what they say.

A further part of the demonstration is a file demo_NAME.py beside demo.py with

    TITLE = "what it is about, as a headline"
    def show(page, driver): ...     # makes its own network, prints by `page`, removes everything

which demo.py finds by its name. It returns whether everything was as expected.
"""


class Page:
    """Counts the headlines, and remembers what was not as expected."""

    def __init__(self):
        self.number = 0

    def title(self, text):
        """A step's headline."""
        self.number += 1
        print(f"\n== {self.number}. {text}", flush=True)

    @staticmethod
    def say(text):
        """As it is."""
        print(text, flush=True)

    @staticmethod
    def shuntctl(lab, line, *, quiet_after=None, node=""):
        """Run a command and show what it says; `node`: where, if there are several."""
        print(f"{node}$ shuntctl {line}")
        lines = lab.ctl(line).splitlines()
        for text in lines[:quiet_after]:
            print(f"  {text}")
        if quiet_after is not None and len(lines) > quiet_after:
            print(f"  ... {len(lines) - quiet_after} more lines")
        if not lines and " show" in f" {line}":
            print("  (none)", flush=True)

    @staticmethod
    def run(host, *words, role=""):
        """Run a command on a host and show it; its output."""
        print(f"{role}$ {' '.join(words)}")
        text = host.run(*words)
        print("".join(f"  {line}\n" for line in text.splitlines()), end="", flush=True)
        return text

    @staticmethod
    def differs(what, got, expected):
        """Says so, if it does; whether it does not."""
        if got == expected:
            return False
        print(f"NOT as expected: {what}\n  got      {got}\n  expected {expected}", flush=True)
        return True
