package uml

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// tools are the programs of a build, and Debian's packages that have them.
var tools = []struct{ program, debian string }{
	{"gcc", "gcc"}, {"ld", "binutils"}, {"strip", "binutils"}, {"make", "make"}, {"flex", "flex"}, {"bison", "bison"},
	{"bc", "bc"}, {"perl", "perl"}, {"tar", "tar"}, {"xz", "xz-utils"},
}

// Missing is an error that names the packages that are missing to build, on one
// line; nil if there are none. The library is needed static.
func Missing() error {
	var packages []string
	for _, tool := range tools {
		if _, err := exec.LookPath(tool.program); err != nil {
			packages = append(packages, tool.debian)
		}
	}
	if !slices.Contains(packages, "gcc") && !staticLibrary() {
		packages = append(packages, "libc6-dev")
	}
	packages = slices.Compact(packages)
	if len(packages) == 0 {
		return nil
	}
	return errors.New("building a kernel needs packages that are missing: apt-get install " + strings.Join(packages, " "))
}

// staticLibrary reports whether gcc finds libc.a: it prints the mere name if not.
func staticLibrary() bool {
	out, err := exec.Command("gcc", "-print-file-name=libc.a").Output()
	if err != nil {
		return false
	}
	path := strings.TrimSpace(string(out))
	_, err = os.Stat(path)
	return err == nil && path != "libc.a"
}
