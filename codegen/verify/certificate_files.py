"""What a file of certificates holds: one alone, several, or one with its statement."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rot180.codegen.verify.report import CertificateText
from rot180.derive.certificates.reader import MalformedError, plain_data

EXPECTED = "expected a file that `rot180 derive` or `rot180 verify --claim ... --json FILE` writes"


def certificate_texts(name: str, text: str) -> Iterator[CertificateText]:
    """Yield the certificates in the text of a file, which may be malformed themselves.

    Args:
        name: the name of the file, for messages.
        text: a certificate, an object with several in ``proofs``, or one with a ``certificate``.

    Raises:
        MalformedError: the text is not strict JSON, or its ``proofs`` are empty.

    """
    try:
        data = plain_data(text)
    except MalformedError as error:
        raise MalformedError(f"{name}: {error}; {EXPECTED}") from error
    if isinstance(data, dict) and isinstance(data.get("proofs"), dict):
        recorded = data.get("statements", {})
        if not isinstance(recorded, dict):
            raise MalformedError(f"{name}: statements: found no object; {EXPECTED}")
        if not data["proofs"]:
            raise MalformedError(f"{name}: proofs: found none; {EXPECTED}")
        for key, proof in data["proofs"].items():
            statement = recorded.get(key, "")
            yield _text(f"{name}, {ascii(key)[1:-1]}", proof, statement)
    elif isinstance(data, dict) and isinstance(data.get("certificate"), dict):
        yield _text(name, data["certificate"], data.get("statement", ""))
    else:
        yield CertificateText(name, text)


def _text(name: str, proof: object, statement: object) -> CertificateText:
    if not isinstance(statement, str):
        raise MalformedError(f"{name}: statement: found no text; {EXPECTED}")
    return CertificateText(name, json.dumps(proof), statement)
