"""VERIFY.md of a proof: how to check a release with Go, openssl, coreutils and model_signing, without us.

Holds the words and the commands only: facts in, Markdown out; every block of it is run by a test as printed.
Leaves to others: what the files of the proof hold (`proofs.proof_bundle`).
Always: a block ends with exit code 0 when what its heading says holds, and with another one otherwise.
Not covered: whether the keys are those of the people you think of; the text says so. A file whose path has a
quotation mark or a brace: the third way refuses it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from smallcraft.registry.manifests.kinds import DIGEST_ANNOTATION, PATH_ANNOTATION
from smallcraft.registry.tlog.note import Verifier

_GO_PROGRAM = """\
package main

import (
\t"fmt"
\t"log"
\t"os"
\t"strings"

\t"golang.org/x/mod/sumdb/note"
\t"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
\tif err != nil {
\t\tlog.Fatal(err)
\t}
\treturn value
}

func main() {
\tkey := must(note.NewVerifier(os.Args[1]))
\tentry := must(os.ReadFile("entry.json"))
\tpath, signed, _ := strings.Cut(string(must(os.ReadFile("release.tlog-proof"))), "\\n\\n")
\ttext := must(note.Open([]byte(signed), note.VerifierList(key))).Text
\tvar origin, root string
\tvar size, index int64
\tmust(fmt.Sscanf(text, "%s\\n%d\\n%s\\n", &origin, &size, &root))
\tlines := strings.Split(path, "\\n")
\tmust(fmt.Sscanf(lines[1], "index %d", &index))
\tvar proof tlog.RecordProof
\tfor _, line := range lines[2:] {
\t\tproof = append(proof, must(tlog.ParseHash(line)))
\t}
\terr := tlog.CheckRecord(proof, size, must(tlog.ParseHash(root)), index, tlog.RecordHash(entry))
\tif err != nil || origin != key.Name() {
\t\tlog.Fatal("not in the log of ", key.Name(), ": ", err)
\t}
\tfmt.Printf("holds: entry %d of %d of %s is %s\\n", index+1, size, origin, entry)
}
"""

_HEAD = """\
# {label}: check it without smallcraft

This folder proves that the log `{origin}` recorded the release **{label}** as entry {number} of {size}, and
what the release is made of. Three ways follow; each uses tools that know nothing of smallcraft. Type the
commands in this folder. A block holds when it ends with a line that begins with `holds`.

All files here came to you from one place, so take two things from another one (the project's page, a
colleague, an earlier release), or the proof only says that somebody signed something:

- the log's key: `{vkey}`
{author}
The release's own files are expected in `../release` and the registry, for the last block, in `../registry`;
set `RELEASE` or `REGISTRY` where yours lie elsewhere.

| file | what it is |
|---|---|
| `entry.json` | the log's entry, in the exact bytes that were hashed |
| `release.tlog-proof` | the entry's place, hashes up to the root, the checkpoint (c2sp.org/tlog-proof@v1) |
| `checkpoint`, `checkpoint.txt`, `checkpoint.sig` | the checkpoint; its text and signature apart |
| `log.pem`, `policy` | the log's key, for openssl; whose keys and how many witnesses (c2sp.org/tlog-policy) |
| `manifest.json`, `config.json`, `attachments/`, `packs/` | OCI manifests with the digest of every file |
| `SHA256SUMS` | the same digests, for sha256sum |
| `model.sig`, `author.pem` | the author's signature over the files, where there is one (OpenSSF) |
"""

_AUTHOR = "- the author's key: `author.pem` with the fingerprint `{fingerprint}`\n"

_GO = """\
## 1. The entry is in the log: Go's checksum database packages

On Debian: `apt-get install golang-go golang-golang-x-mod-dev`. Elsewhere, with any Go from 1.18 on, run
`go mod init proof && go get golang.org/x/mod` and leave `GO111MODULE=off GOPATH=/usr/share/gocode` out.

```sh
cat > verify.go <<'END'
{program}END
GO111MODULE=off GOPATH=/usr/share/gocode go run verify.go {vkey}
```
"""

_OPENSSL = """\
## 2. The entry is in the log: openssl and a shell

The checkpoint's signature; then, from the entry up, one hash after the other to the root that was signed.

```sh
( set -e
grep -qxF {policy_line} policy
{{ printf '\\001'; openssl pkey -pubin -in log.pem -outform DER | tail -c 32; }} | base64 | grep -qxF {key}
openssl pkeyutl -verify -pubin -inkey log.pem -rawin -in checkpoint.txt -sigfile checkpoint.sig
head -n 3 checkpoint | cmp - checkpoint.txt
sed '1,/^$/d' release.tlog-proof | cmp - checkpoint
test "$(sed -n '1,/^$/p' release.tlog-proof | wc -l)" -eq {path_lines}
sed -n 2p release.tlog-proof | grep -qx 'index {index}'
sed -n 1p checkpoint.txt | grep -qxF {origin}
sed -n 2p checkpoint.txt | grep -qxF {size}
node=$(mktemp)
trap 'rm -f "$node" "$node.up"' EXIT
up() {{ openssl dgst -sha256 -binary > "$node.up"; mv "$node.up" "$node"; }}
sibling() {{ sed -n "$1p" release.tlog-proof | base64 -d; }}
{{ printf '\\000'; cat entry.json; }} | up
{steps}test "$(base64 < "$node")" = "$(sed -n 3p checkpoint.txt)"
echo 'holds: the signed log has the entry'
)
```
"""

_SUMS = """\
## 3. The files are those of the entry: sha256sum{and_author}

```sh
( set -e
hash() {{ sha256sum < "$1" | cut -d ' ' -f 1; }}
set -- manifest.json{attachments}
grep -qF "\\"manifest\\":{{\\"digest\\":\\"sha256:$(hash manifest.json)\\"" entry.json
grep -qF '"kind":"put"' entry.json
grep -qF '"name":"{name}"' entry.json
grep -qF '"version":{version}}}' entry.json
for file do grep -qF "\\"sha256:$(hash "$file")\\"" entry.json; done
for file in {documents}; do grep -qF "\\"digest\\":\\"sha256:$(hash "$file")\\"" "$@"; done
cat "$@"{packs} | tr '{{' '\\n' | sed -n \\
  -e 's/^"{path_key}":"\\([^"]*\\)"}},"digest":"sha256:\\([0-9a-f]*\\)".*/\\2  \\1/p' \\
  -e 's/^"{path_key}":"\\([^"]*\\)","{digest_key}":"sha256:\\([0-9a-f]*\\)".*/\\2  \\1/p' \\
  -e 's/^"digest":"sha256:\\([0-9a-f]*\\)","offset":[0-9]*,"path":"\\([^"]*\\)".*/\\1  \\2/p' |
  LC_ALL=C sort | cmp - SHA256SUMS
( cd "${{RELEASE:-../release}}" && sha256sum --check --quiet --strict ) < SHA256SUMS
echo 'holds: the files are those of the entry'
)
```
"""

_SIGNED = """\
The author's own signature, with the reference implementation of OpenSSF Model Signing
(`pip install model-signing pyopenssl`); it also finds files that were added:

```sh
( set -e
{by}model_signing verify key "${{RELEASE:-../release}}" --signature model.sig --public_key author.pem
echo 'holds: the author signed the files'
)
```
"""

_BY = """\
author=$(openssl pkey -pubin -in author.pem -outform DER | sha256sum | cut -d ' ' -f 1)
grep -qF "\\"by\\":\\"sha256:$author\\"" entry.json
"""

_SKOPEO = """\
The registry is an OCI image layout, so container tools read the same manifest in it:

```sh
skopeo inspect --raw "oci:${{REGISTRY:-../registry}}:{reference}" | cmp - manifest.json &&
  echo 'holds: the registry has the manifest'
```
"""


@dataclass(frozen=True)
class ProofFacts:
    """What the instructions say about one proof.

    Attributes:
        name: Of the release.
        version: Of the release.
        log: The log's key; its name is the origin.
        index: Of the entry, from 0.
        size: Entries under the checkpoint.
        attachments: Paths of the attachments' manifests in the proof.
        packs: Paths of the packs' indexes in the proof.
        fingerprint: Of the author's key; None where nobody signed.
        says_by: Whether the entry names that key.
    """

    name: str
    version: int
    log: Verifier
    index: int
    size: int
    attachments: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    fingerprint: str | None = None
    says_by: bool = False

    @property
    def label(self) -> str:
        """How people name the release."""
        return f"{self.name}@{self.version}"


def render_instructions(facts: ProofFacts) -> str:
    """VERIFY.md of a proof.

    Returns:
        Markdown whose `sh` blocks are commands for the proof's own folder.
    """
    parts = [_head(facts), _go(facts), _openssl(facts), _sums(facts)]
    if facts.fingerprint is not None:
        parts.append(_signed(facts))
    parts.append(_SKOPEO.format(reference=facts.label))
    return "\n".join(parts)


def _head(facts: ProofFacts) -> str:
    return _HEAD.format(
        label=facts.label,
        origin=facts.log.name,
        number=facts.index + 1,
        size=facts.size,
        vkey=facts.log.vkey,
        author="" if facts.fingerprint is None else _AUTHOR.format(fingerprint=facts.fingerprint),
    )


def _go(facts: ProofFacts) -> str:
    return _GO.format(program=_GO_PROGRAM, vkey=shlex.quote(facts.log.vkey))


def _openssl(facts: ProofFacts) -> str:
    is_left_of_path = sides_of(facts.index, facts.size)
    # The hashes begin on the third line of the proof.
    steps = [
        f"{{ printf '\\001'; sibling {line}; cat \"$node\"; }} | up\n"
        if is_left
        else f"{{ printf '\\001'; cat \"$node\"; sibling {line}; }} | up\n"
        for line, is_left in enumerate(is_left_of_path, start=3)
    ]
    return _OPENSSL.format(
        policy_line=shlex.quote(f"log {facts.log.vkey}"),
        key=shlex.quote(facts.log.vkey.split("+", maxsplit=2)[2]),
        path_lines=3 + len(is_left_of_path),
        index=facts.index,
        origin=shlex.quote(facts.log.name),
        size=facts.size,
        steps="".join(steps),
    )


def _sums(facts: ProofFacts) -> str:
    return _SUMS.format(
        and_author="" if facts.fingerprint is None else " and the author's signature",
        name=facts.name,
        version=facts.version,
        attachments="".join(f" {path}" for path in facts.attachments),
        documents=" ".join(("config.json", *facts.packs)),
        packs="".join(f" {path}" for path in facts.packs),
        path_key=PATH_ANNOTATION,
        digest_key=DIGEST_ANNOTATION,
    )


def _signed(facts: ProofFacts) -> str:
    return _SIGNED.format(by=_BY if facts.says_by else "")


def sides_of(index: int, size: int) -> list[bool]:
    """For each hash of an inclusion proof, from the leaf up, whether it stands left of the path.

    Source:
        RFC 9162, section 2.1.3.2.
    """
    node, last, sides = index, size - 1, []
    while last > 0:
        # The last node of a level rises as it is when it has no right sibling.
        if node & 1 or node < last:
            sides.append(bool(node & 1))
        node, last = node >> 1, last >> 1
    return sides
