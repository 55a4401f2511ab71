package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTargets(t *testing.T) {
	const text = `Debian|Debian|http://mirror.example/debian/
Debian|Debian|http://mirror.example/debian/
Debian|Debian-Security|http://mirror.example/debian-security/
Debian|Debian|cdrom:[Debian GNU/Linux]/
Another|Another|http://another.example/
$(ORIGIN)|$(LABEL)|http://never.fetched.example/
`
	assert.Equal(t, []mirror{{"http://mirror.example/debian/", false}, {"http://mirror.example/debian-security/", true}}, parseTargets(text))
	assert.Empty(t, parseTargets(""))
}

func TestSources(t *testing.T) {
	all := sourcesOf([]mirror{{"http://m.example/debian/", false}, {"http://m.example/security/", true}})
	assert.Contains(t, all, source{"http://m.example/debian/", "bookworm-backports"})
	assert.Contains(t, all, source{"http://m.example/debian/", "sid"})
	assert.Contains(t, all, source{"http://m.example/security/", "bullseye-security"})
	assert.NotContains(t, all, source{"http://m.example/security/", "sid"})
	assert.Equal(t, "deb [arch=amd64 target=Packages signed-by=/k.gpg] http://m.example/debian/ bullseye main\n", lines(all[:1], "amd64", "/k.gpg"))
}

func TestSourcesThatTheMirrorLacks(t *testing.T) {
	all := []source{{"http://m.example/debian/", "sid"}, {"http://m.example/debian/", "duke"}, {"http://n.example/debian", "duke"}}
	const said = `W: some warning
E: The repository 'http://m.example/debian duke Release' does not have a Release file.
E: The repository 'http://n.example/debian duke Release' no longer has a Release file.
`
	assert.Equal(t, all[:1], without(all, said))
	assert.Equal(t, all, without(all, "E: Failed to fetch http://m.example/debian/dists/sid/InRelease  Temporary failure resolving 'm.example'\n"))
}
