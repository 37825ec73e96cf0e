# SPDX-License-Identifier: BSD-3-Clause
"""A table on the screen, and the same as CSV and JSON: as lib/report.lua makes it."""

import csv
import json


def text_of(value):
    """A cell."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"
    return str(value)


class Results:
    """Rows of one test. `heading`: name to value, above the table and in the JSON."""

    def __init__(self, title, heading):
        self.title = title
        self.heading = heading
        self.rows = []

    def show_heading(self):
        """What is measured, with what."""
        print(f"\n{self.title}")
        for name, value in self.heading.items():
            print(f"  {name:10} {value}")

    def add(self, row):
        """One line, shown when it is known; its members are the columns."""
        line = " ".join(f"{text_of(value):>{max(9, len(name))}}" for name, value in row.items())
        if not self.rows or row.keys() != self.rows[-1].keys():
            print(" ".join(f"{name:>9}" for name in row))
        print(line, flush=True)
        self.rows.append(row)

    def save(self, base):
        """BASE.csv and BASE.json. Rows need not have the same columns."""
        columns = dict.fromkeys(name for row in self.rows for name in row)
        with open(f"{base}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(columns), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        with open(f"{base}.json", "w", encoding="utf-8") as file:
            json.dump({"title": self.title, **self.heading, "rows": self.rows}, file, indent=2)
            file.write("\n")
        print(f"written: {base}.csv {base}.json")
