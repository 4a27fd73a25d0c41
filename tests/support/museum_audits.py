"""Every entry of the museum is found by an audit, and named.

`python -m tests.support.museum_audits` judges the code of all entries; it takes a minute of
processor time. The tests judge a few.
"""

from __future__ import annotations

import sys

from rot180.codegen.audit.diagnosis import Diagnosis, diagnose
from rot180.codegen.audit.judge import AuditResult
from rot180.codegen.audit.museum import Entry
from rot180.codegen.audit.museum_entries import ENTRIES
from rot180.codegen.audit.museum_kernels import WrongCode

CONFIGURATIONS = 40
"""How many configurations an audit tries."""


def audited(entry: Entry) -> Diagnosis | None:
    """Return what an audit says of the code of an entry; None if it finds nothing wrong."""
    judge, verdict = WrongCode(entry).judge(), AuditResult()
    for _ in judge.judge(CONFIGURATIONS, verdict):
        pass
    return diagnose(judge, verdict.mismatch) if verdict.mismatch else None


def main() -> int:
    """Judge all entries, and return the exit code."""
    wrong = 0
    for entry in ENTRIES:
        found = audited(entry)
        named = found.mistake if found else "not found"
        if named != entry.mistake:
            wrong += 1
            print(f"{entry.key}: found {named!r}, expected {entry.mistake!r}", flush=True)
    print(f"museum: {len(ENTRIES) - wrong} of {len(ENTRIES)} entries are found and named")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
