// Package cardkeys reads the keys of security domains from files: the master key from
// which each card's keys are derived, or one key set that many cards share, as suppliers of
// sample cards have it. Start at [Read]; [Create] makes a master key.
//
// A file holds one AES key in hex, 16, 24 or 32 bytes, and only its owner can
// read. No error and no text of this package shows a key.
package cardkeys

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/scp03"
	"ekrona.example/host/durable"
)

// Test is the reference to the published test keys, which blank cards often have.
const Test = "test"

// shared starts a reference to a key that is ENC, MAC and DEK of every card.
const shared = "shared:"

// Usage describes the references, for the help of commands.
const Usage = `"test" for the published test keys, FILE for a master key from which ` +
	`each card's keys come, shared:FILE for one key that all cards have`

// Read finds card keys by their reference: see [Usage].
func Read(reference string) (scp03.KeySource, error) {
	if reference == Test {
		return scp03.TestKeys(), nil
	}
	path, isShared := strings.CutPrefix(reference, shared)
	key, err := readKey(path)
	if err != nil {
		return nil, fmt.Errorf("card keys: %w", err)
	}
	if isShared {
		return scp03.Keys{ENC: key, MAC: key, DEK: key}, nil
	}
	return scp03.Master(key), nil
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && looksLikeKey.MatchString(path): // a key in place of its file's name
		return nil, errors.New("no file of that name: give the name of a file that holds the " +
			"key, not the key")
	case err != nil:
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: it is a folder: name the file of a key", path)
	}
	if others := info.Mode().Perm() &^ durable.OwnerOnly; others != 0 {
		return nil, fmt.Errorf("%s: others may read it (mode %o): run chmod 600 on it", path,
			info.Mode().Perm())
	}
	text, err := durable.Read(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	text = bytes.TrimSpace(text)
	key := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(key, text); err != nil || !isAES(len(key)) {
		return nil, fmt.Errorf(
			"%s: not one AES key in hex, 32, 48 or 64 digits: restore it from its backup", path)
	}
	return key, nil
}

// looksLikeKey is many hex digits in a row, also in pairs that something parts.
var looksLikeKey = regexp.MustCompile(`([0-9A-Fa-f]{2}[ :._,-]?){8}`)

func isAES(n int) bool { return n == 16 || n == 24 || n == 32 }

// Create makes a master key of 16, 24 or 32 bytes in a new file. One that a killed program
// has left there under a temporary name is removed.
func Create(path string, size int, random io.Reader) error {
	if !isAES(size) {
		return fmt.Errorf("card keys: an AES key has 16, 24 or 32 bytes, not %d", size)
	}
	key := make([]byte, size)
	defer clear(key)
	if err := entropy.Fill(random, key); err != nil {
		return fmt.Errorf("card keys: %w", err)
	}
	text := append([]byte(strings.ToUpper(hex.EncodeToString(key))), '\n')
	defer clear(text)
	if err := durable.SweepFile(path); err != nil {
		return fmt.Errorf("card keys: %w", err)
	}
	err := durable.Create(path, text, durable.OwnerOnly)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("card keys: %s is there already, and cards may have keys from it: "+
			"choose another name", path)
	}
	return err
}
