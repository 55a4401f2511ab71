package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// An offer is a package that can be had.
type offer struct {
	version string // Debian's: 6.12.95-1~bpo12+1
	suite   string // bookworm-backports
}

// upstream is the version without Debian's revision: 6.12.95, or 7.3~rc7.
func (o offer) upstream() string {
	if i := strings.LastIndexByte(o.version, '-'); i >= 0 {
		return o.version[:i]
	}
	return o.version
}

var seriesOf = regexp.MustCompile(`^[0-9]+\.[0-9]+`)

// series is the first two numbers: 6.12.
func (o offer) series() string { return seriesOf.FindString(o.version) }

// candidate reports whether the kernel is not released yet.
func (o offer) candidate() bool { return strings.Contains(o.upstream(), "~rc") }

// parseMadison reads what apt-cache madison prints: "package | version | site
// suite/component architecture Packages", the highest version first.
func parseMadison(text string) ([]offer, error) {
	var offers []offer
	for line := range strings.Lines(text) {
		fields := strings.Split(line, "|")
		if len(fields) != 3 {
			return nil, fmt.Errorf("apt-cache madison prints a line that is none: %q", line)
		}
		place := strings.Fields(fields[2])
		if len(place) != 4 || place[3] != "Packages" {
			continue // a source package, or one that is installed
		}
		suite, _, _ := strings.Cut(place[1], "/")
		offers = append(offers, offer{strings.TrimSpace(fields[1]), suite})
	}
	return offers, nil
}

// newest asks for the highest version that is released.
const newest = "newest"

var asked = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*(~rc[0-9]+)?$`)

// checkAsked is an error if no version could be called so.
func checkAsked(want string) error {
	if want != newest && !asked.MatchString(want) {
		return fmt.Errorf("%q is no version: want 6.12, 6.12.95 or newest", want)
	}
	return nil
}

// choose is the highest version that is asked for: newest, a series such as 6.12,
// or a version such as 6.12.95. Offers are in descending order.
func choose(offers []offer, want string) (offer, error) {
	for _, o := range offers {
		if want == newest && !o.candidate() || o.upstream() == want ||
			strings.HasPrefix(o.upstream(), want+".") || strings.HasPrefix(o.upstream(), want+"~") {
			return o, nil
		}
	}
	if len(offers) == 0 {
		return offer{}, errors.New("the mirror has no kernels at all")
	}
	var have []string
	for _, n := range named(offers) {
		have = append(have, n.name)
	}
	return offer{}, fmt.Errorf("the mirror has no kernel %q, but %s", want, strings.Join(have, ", "))
}

// A namedOffer is an offer and the shortest name to choose it by.
type namedOffer struct {
	name string
	offer
}

// named are the offers that can be chosen.
func named(offers []offer) []namedOffer {
	var all []namedOffer
	taken := map[string]bool{}
	for _, o := range offers {
		for _, name := range []string{o.series(), o.upstream()} {
			if name != "" && !taken[name] {
				taken[name] = true
				all = append(all, namedOffer{name, o})
				break
			}
		}
		taken[o.upstream()] = true
	}
	return all
}
