// Command tlog answers, one JSON line each, whether Go's own checksum-database packages
// (golang.org/x/mod/sumdb/note and tlog) accept a proof, a note, or the tiles of a log.
//
// Build: GO111MODULE=off GOPATH=/usr/share/gocode go build -o oracle main.go
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Question is one line of input; which fields count depends on Op.
type Question struct {
	Op      string
	Proof   [][]byte
	Size    int64
	Root    []byte
	Index   int64
	Leaf    []byte
	OldSize int64
	OldRoot []byte
	Note    []byte
	Keys    []string
	Files   map[string][]byte
	Indexes []int64
}

// Answer is one line of output.
type Answer struct {
	OK     bool     `json:"ok"`
	Error  string   `json:"error,omitempty"`
	Text   []byte   `json:"text,omitempty"`
	Key    string   `json:"key,omitempty"`
	Hashes [][]byte `json:"hashes,omitempty"`
}

var errLength = errors.New("a hash has 32 bytes")

func hashOf(data []byte) (hash tlog.Hash, err error) {
	if len(data) != tlog.HashSize {
		return hash, errLength
	}
	copy(hash[:], data)
	return hash, nil
}

func hashesOf(rows [][]byte) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, row := range rows {
		hash, err := hashOf(row)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

func included(q Question) error {
	proof, err := hashesOf(q.Proof)
	if err != nil {
		return err
	}
	pair, err := hashesOf([][]byte{q.Root, q.Leaf})
	if err != nil {
		return err
	}
	return tlog.CheckRecord(tlog.RecordProof(proof), q.Size, pair[0], q.Index, pair[1])
}

func consistent(q Question) error {
	proof, err := hashesOf(q.Proof)
	if err != nil {
		return err
	}
	pair, err := hashesOf([][]byte{q.Root, q.OldRoot})
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(proof), q.Size, pair[0], q.OldSize, pair[1])
}

func opened(q Question) ([]byte, error) {
	var verifiers []note.Verifier
	for _, key := range q.Keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, verifier)
	}
	signed, err := note.Open(q.Note, note.VerifierList(verifiers...))
	if err != nil {
		return nil, err
	}
	return []byte(signed.Text), nil
}

// sign makes a key from a seed and a note signed by it.
func sign(q Question) ([]byte, string, error) {
	secret, public, err := note.GenerateKey(bytes.NewReader(q.Leaf), q.Keys[0])
	if err != nil {
		return nil, "", err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, "", err
	}
	signed, err := note.Sign(&note.Note{Text: string(q.Note)}, signer)
	return signed, public, err
}

// tiles reads tiles of height 8 from a map, under the paths of C2SP tlog-tiles.
type tiles map[string][]byte

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var rows [][]byte
	for _, tile := range wanted {
		data, ok := t["tile/"+strings.TrimPrefix(tile.Path(), "tile/8/")]
		if !ok {
			return nil, errors.New("no tile " + tile.Path())
		}
		rows = append(rows, data)
	}
	return rows, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func leavesOf(q Question) ([][]byte, error) {
	root, err := hashOf(q.Root)
	if err != nil {
		return nil, err
	}
	var stored []int64
	for _, index := range q.Indexes {
		stored = append(stored, tlog.StoredHashIndex(0, index))
	}
	reader := tlog.TileHashReader(tlog.Tree{N: q.Size, Hash: root}, tiles(q.Files))
	hashes, err := reader.ReadHashes(stored)
	var rows [][]byte
	for _, hash := range hashes {
		rows = append(rows, append([]byte(nil), hash[:]...))
	}
	return rows, err
}

func answer(q Question) (a Answer) {
	var err error
	switch q.Op {
	case "included":
		err = included(q)
	case "consistent":
		err = consistent(q)
	case "note":
		a.Text, err = opened(q)
	case "sign":
		a.Text, a.Key, err = sign(q)
	case "tiles":
		a.Hashes, err = leavesOf(q)
	default:
		err = errors.New("unknown question " + q.Op)
	}
	a.OK = err == nil
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	output := json.NewEncoder(os.Stdout)
	decoder := json.NewDecoder(input)
	for decoder.More() {
		var q Question
		if err := decoder.Decode(&q); err != nil {
			panic(err)
		}
		if err := output.Encode(answer(q)); err != nil {
			panic(err)
		}
	}
}
