package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildFolder is the folder for programs for hosts, below the checkout.
const buildFolder = ".run/fleet"

// architectures names in Go's way what uname -m says.
var architectures = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// build makes programs for a kind of machine, and returns their folder. They are static,
// so that they run on every host.
func build(ctx context.Context, machine string, packages ...string) (string, error) {
	arch, ok := architectures[machine]
	if !ok {
		return "", fmt.Errorf("there is no build for a machine of the kind %q", machine)
	}
	dir := filepath.Join(buildFolder, arch)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	args := append([]string{"build", "-trimpath", "-buildvcs=auto", "-o", dir + "/"}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(errors.New("build failed"), err, errors.New(strings.TrimSpace(string(said))))
	}
	return dir, nil
}

// inProject fails unless this is the checkout's folder, whose files go to the hosts.
func inProject() error {
	if _, err := os.Stat("scripts/nginx.sh"); err != nil {
		return errors.New("run it in the folder of the project, as make does")
	}
	return nil
}
