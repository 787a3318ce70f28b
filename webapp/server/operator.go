package server

import (
	"crypto/rand"
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

// operatorToken returns the token with which the feed shows everything, and the path of the
// file that has it. It is made at the first start, and stays: programs of an operator outlive
// a restart. If the file is deleted, the next start makes another.
func operatorToken(folder string) (token, path string, err error) {
	path = filepath.Join(folder, operatorFile)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		token, err = makeToken(folder, path)
		return token, path, err
	case err != nil:
		return "", path, err
	}
	return checkToken(strings.TrimSpace(string(text)), path)
}

func checkToken(token, path string) (string, string, error) {
	if b, err := hex.DecodeString(token); err != nil || len(b) != 32 {
		return "", path, fmt.Errorf("the operator's token in %s is not 64 hexadecimal digits: delete the file, and the next start makes one", path)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return "", path, errors.Join(err, fmt.Errorf("%s can be read by others: chmod 600 it, or delete it, and the next start makes another", path))
	}
	return token, path, nil
}

// makeToken writes a new one, whole or not at all.
func makeToken(folder, path string) (string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	token := hex.EncodeToString(secret)
	f, err := os.CreateTemp(folder, operatorFile+".*") // with mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return token, nil
}
