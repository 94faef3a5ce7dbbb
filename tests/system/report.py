"""Reading the figures of a printed report."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """The text of a report; counts by name out of its tables."""

    text: str

    @property
    def verdict(self) -> str:
        """VALID, SUSPECT or INVALID."""
        return str(re.findall(r"^verdict: (\w+)", self.text, re.MULTILINE)[-1])

    @property
    def requests(self) -> int:
        """How many requests were made in all."""
        return _number(re.findall(r"^([\d,]+) requests?,", self.text, re.MULTILINE)[-1])

    @property
    def statuses(self) -> dict[str, int]:
        """Requests by status, or by the error that came in place of one."""
        return {name: counts[0] for name, counts in self._table("requests by status").items()}

    @property
    def transactions(self) -> dict[str, tuple[int, int]]:
        """Count and errors of each transaction; a journey's row has its spec for a name."""
        table = self._table("transaction")
        return {name: (counts[0], counts[1]) for name, counts in table.items()}

    def _table(self, head: str) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        lines = iter(self.text.splitlines())
        if not any(line.startswith(f"{head}  ") for line in lines):
            return rows
        for line in lines:
            cells = re.split(r" {2,}", line.strip())
            if len(cells) < 3:
                break
            whole = [cell for cell in cells[1:3] if re.fullmatch(r"[\d,]+", cell)]
            rows[cells[0]] = [_number(cell) for cell in whole]
        return rows


def _number(text: str) -> int:
    return int(text.replace(",", ""))
