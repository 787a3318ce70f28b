package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// databaseFile is the last of the files that the database reads, so that it decides.
func (l *Layout) databaseFile() string {
	folder := "mariadb.conf.d"
	if l.Database == "mysql" {
		folder = "mysql.conf.d"
	}
	return "/etc/mysql/" + folder + "/zz-isuride.cnf"
}

var bindAddress = regexp.MustCompile(`(?m)^(bind-address\s*=\s*).*$`)

// databaseSettings are those of the local stack, at another address.
func (l *Layout) databaseSettings() (string, error) {
	text, err := os.ReadFile(filepath.Join(l.Project, "scripts", "mariadb.cnf"))
	if err != nil {
		return "", fmt.Errorf("make the database's settings: %w", err)
	}
	if !bindAddress.Match(text) {
		return "", errors.New("make the database's settings: scripts/mariadb.cnf has no bind-address, which would open it to everybody")
	}
	s := bindAddress.ReplaceAllString(string(text), "${1}"+l.DatabaseAddress().Addr().String())
	if l.Database == "mysql" {
		s = strings.ReplaceAll(s, "[mariadbd]", "[mysqld]")
	}
	return s, nil
}
