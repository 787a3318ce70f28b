package server

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// operatorFile holds the operator's token, below the data folder.
const operatorFile = "operator-token"

// tokenBytes is the length of the token, before hex.
const tokenBytes = 32

// operatorUse makes the operator's token from the secret of a group, and nothing else.
const operatorUse = "isuride operator"

// operatorToken returns the token with which the feed shows everything, and the path of the
// file that has it. A server alone makes it at its first start, and keeps it: programs of an
// operator outlive a restart. If the file is deleted, the next start makes another.
//
// The members of a group have one, which follows from their secret, since its holder may meet any
// of them; the file of a server that was alone before is replaced.
func operatorToken(folder string, g *group) (token, path string, err error) {
	path = filepath.Join(folder, operatorFile)
	text, err := os.ReadFile(path)
	found := strings.TrimSpace(string(text))
	if err == nil && (g == nil || found == g.operatorToken()) {
		return checkToken(found, path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", path, err
	}
	token = randomToken()
	if g != nil {
		token = g.operatorToken()
	}
	return token, path, keepToken(folder, path, token)
}

// operatorToken is that of all members.
func (g *group) operatorToken() string {
	key, err := hkdf.Key(sha256.New, []byte(g.secret), nil, operatorUse, tokenBytes)
	if err != nil {
		panic("BUG: " + err.Error()) // only for lengths beyond what a hash can make
	}
	return hex.EncodeToString(key)
}

func randomToken() string {
	secret := make([]byte, tokenBytes)
	rand.Read(secret) // never fails
	return hex.EncodeToString(secret)
}

func checkToken(token, path string) (string, string, error) {
	if b, err := hex.DecodeString(token); err != nil || len(b) != tokenBytes {
		return "", path, fmt.Errorf("the operator's token in %s is not 64 hexadecimal digits: delete the file, and the next start makes one", path)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return "", path, errors.Join(err, fmt.Errorf("%s can be read by others: chmod 600 it; for another token delete it, or, in a group of replicas, change their secret", path))
	}
	return token, path, nil
}

// keepToken writes the file, whole or not at all.
func keepToken(folder, path, token string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, operatorFile+".*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
