package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A mirror is a place that Debian's packages can be had from.
type mirror struct {
	uri      string
	security bool // the archive of security updates, which has suites of its own
}

// targetFormat is what parseTargets reads.
const targetFormat = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"

// parseTargets reads what apt-get indextargets prints of the machine's sources.
// Those of others than Debian are left out.
func parseTargets(text string) []mirror {
	var mirrors []mirror
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) != 3 || fields[0] != "Debian" || strings.HasPrefix(fields[2], "cdrom:") {
			continue
		}
		m := mirror{uri: fields[2], security: fields[1] == "Debian-Security"}
		if !slices.Contains(mirrors, m) {
			mirrors = append(mirrors, m)
		}
	}
	return mirrors
}

// releases are Debian's from the one that has Linux 5.10 on; a mirror that does
// not have one of them, or not yet, is asked for the others.
var releases = []string{"bullseye", "bookworm", "trixie", "forky", "duke"}

// suites are those that a mirror may have.
func (m mirror) suites() []string {
	var all []string
	for _, release := range releases {
		if m.security {
			all = append(all, release+"-security")
		} else {
			all = append(all, release, release+"-backports")
		}
	}
	if !m.security {
		all = append(all, "sid", "experimental")
	}
	return all
}

// A source is one line of apt's sources.
type source struct{ uri, suite string }

// sourcesOf are all that the mirrors may have.
func sourcesOf(mirrors []mirror) []source {
	var all []source
	for _, m := range mirrors {
		for _, suite := range m.suites() {
			all = append(all, source{m.uri, suite})
		}
	}
	return all
}

// lines are the sources as apt reads them: packages alone, signed by Debian.
func lines(sources []source, arch, keyring string) string {
	var b strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&b, "deb [arch=%s target=Packages signed-by=%s] %s %s main\n", arch, keyring, s.uri, s.suite)
	}
	return b.String()
}

var noRelease = regexp.MustCompile(`(?m)^E: The repository '(\S+) (\S+) Release' (?:does not have|no longer has) a Release file\.$`)

// without leaves out those that apt-get update says are not there.
func without(sources []source, said string) []source {
	gone := map[source]bool{}
	for _, match := range noRelease.FindAllStringSubmatch(said, -1) {
		gone[source{strings.TrimSuffix(match[1], "/"), match[2]}] = true
	}
	return slices.DeleteFunc(slices.Clone(sources), func(s source) bool {
		return gone[source{strings.TrimSuffix(s.uri, "/"), s.suite}]
	})
}
