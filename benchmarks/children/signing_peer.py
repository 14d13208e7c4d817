"""model-signing over a folder: signs it, or verifies every file of it and the signature: CPU-seconds."""

from __future__ import annotations

from pathlib import Path

from model_signing import signing, verifying

from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def main() -> None:
    """Once, in a fresh process."""
    job = read_job()
    source, signature = Path(job["source"]), Path(job["signature"])

    def verify() -> None:
        verifying.Config().use_elliptic_key_verifier(public_key=Path(job["public_key"])).verify(
            source, signature
        )

    def sign() -> None:
        signing.Config().use_elliptic_key_signer(private_key=Path(job["private_key"])).sign(source, signature)

    print_answer({"cpu_s": cpu_seconds(sign if job["do"] == "sign" else verify, repeats=1)[0]})


if __name__ == "__main__":
    main()
